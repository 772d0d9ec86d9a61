import DICOM

extension Report {
    /// `diff.json`: one DICOM JSON data set per finding and copy that differs, as dcm4chee's diff service writes them (F160):
    /// the copy's values, and in Original Attributes Sequence (0400,0561) what another source says instead. A source without
    /// the study is shown with 0 series and 0 instances. Sources are named by Retrieve AE Title (0008,0054)'s place: their names.
    package func diffJSON() -> [UInt8] {
        var json = JSONText()
        json.raw("[")
        var isFirst = true
        for finding in findings {
            let row = finding.discrepancy
            guard
                let reference = row.values.first(where: {
                    row.sources.contains($0.source) && !row.blamed.contains($0.source)
                })
                    ?? row.values.first
            else { continue }
            let others = row.values.filter {
                $0 != reference && (row.sources.contains($0.source) || $0.studyUID != reference.studyUID)
            }
            let absent = row.discrepancyClass == .missingCopy ? row.sources : []
            for other in others where other.attributes != reference.attributes || row.discrepancyClass.isOfPairs {
                json.raw(isFirst ? "\n" : ",\n")
                isFirst = false
                json.match(reference, row, other.source, other.attributes, finding.firstSeen)
            }
            for source in absent {
                json.raw(isFirst ? "\n" : ",\n")
                isFirst = false
                let none = ["NumberOfStudyRelatedSeries": "0", "NumberOfStudyRelatedInstances": "0"]
                json.match(reference, row, source, none, finding.firstSeen)
            }
        }
        json.raw("\n]\n")
        return json.bytes
    }
}

extension JSONText {
    fileprivate mutating func match(
        _ copy: FrozenCopy, _ row: Discrepancy, _ source: String, _ original: [String: String], _ seen: String
    ) {
        raw("{")
        // In the order of tags: 0008…, 0010…, 0020…, 0400….
        var elements = elements(of: copy.attributes)
        elements.append((.retrieveAETitle, copy.source))
        elements.append((.studyInstanceUID, copy.studyUID))
        for (tag, text) in elements.sorted(by: { $0.0 < $1.0 }) {
            element(tag, text)
            raw(",")
        }
        raw("\"04000561\":{\"vr\":\"SQ\",\"Value\":[{\"04000550\":{\"vr\":\"SQ\",\"Value\":[{")
        for (index, (tag, text)) in self.elements(of: original).enumerated() {
            if index > 0 { raw(",") }
            element(tag, text)
        }
        raw("}]},\"04000562\":{\"vr\":\"DT\",\"Value\":[")
        string(seen.filter { $0.isNumber })
        raw("]},\"04000563\":{\"vr\":\"LO\",\"Value\":[\"Concord\"]},\"04000564\":{\"vr\":\"LO\",\"Value\":[")
        string(source)
        raw("]},\"04000565\":{\"vr\":\"CS\",\"Value\":[")
        // COERCE and CORRECT are the standard's terms: a format that differs was coerced.
        string(row.severity == .cosmetic ? "COERCE" : "CORRECT")
        raw("]}}]}}")
    }

    private func elements(of attributes: [String: String]) -> [(Tag, String)] {
        attributes.compactMap { keyword, text in
            AttributeDictionary.attribute(keyword: keyword).map { ($0.tag, text) }
        }.sorted { $0.0 < $1.0 }
    }

    private mutating func element(_ tag: Tag, _ text: String) {
        guard let attribute = AttributeDictionary.attribute(tag) else { return }
        string(tag.hex)
        raw(":{\"vr\":\"\(attribute.vr)\"")
        if !text.isEmpty {
            raw(",\"Value\":[")
            switch attribute.vr {
            case .PN:
                let groups = zip(["Alphabetic", "Ideographic", "Phonetic"], PersonName(text).groups)
                object(Dictionary(uniqueKeysWithValues: groups.filter { !$0.1.isEmpty }.map { ($0, $1) }))
            case .IS:
                if let number = Int(lenient: text) { raw("\(number)") } else { string(text) }
            default:
                let values = text.split(separator: "\\", omittingEmptySubsequences: false).map(String.init)
                for (index, value) in values.enumerated() {
                    if index > 0 { raw(",") }
                    string(value)
                }
            }
            raw("]")
        }
        raw("}")
    }
}
