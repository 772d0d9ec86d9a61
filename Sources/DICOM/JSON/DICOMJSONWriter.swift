/// Writes DICOM JSON (PS3.18 Annex F) as bytes, without building values in between.
package struct DICOMJSONWriter: Sendable {
    private var output: [UInt8] = []
    private var isFirstInArray = true

    package init() {}

    /// The bytes so far; the writer starts afresh.
    package mutating func drain() -> [UInt8] {
        defer { output.removeAll(keepingCapacity: true) }
        return output
    }

    package mutating func beginArray() {
        raw("[")
        isFirstInArray = true
    }

    package mutating func endArray() { raw("]") }
    package mutating func appendNewline() { raw("\n") }

    /// A study of an answer as an element of an array: every attribute that is known, and the holders as Retrieve AE
    /// Title. Attributes that no source returned are left out unless `empty` asks for them.
    package mutating func append(_ study: CatalogStudy, empty requested: Set<Tag> = []) {
        separate()
        raw("{")
        var isFirst = true
        for attribute in Self.inTagOrder {
            switch attribute.tag {
            case .specificCharacterSet: member(attribute, text: "ISO_IR 192", &isFirst)
            case .retrieveAETitle: member(attribute, text: study.holders.joined(separator: "\\"), &isFirst)
            default:
                if let text = study.record[attribute.tag] {
                    member(attribute, text: attribute.vr == .DA ? Self.strictDate(text) : text, &isFirst)
                } else if requested.contains(attribute.tag) || Self.minimum.contains(attribute.tag) {
                    member(attribute, text: "", &isFirst)
                }
            }
        }
        raw("}")
    }

    /// A series, with its own attributes and those of its study (PS3.18 §10.6.3.3.2).
    package mutating func append(_ series: CatalogSeries, of study: CatalogStudy, empty requested: Set<Tag> = []) {
        object(requested.union([.studyInstanceUID, .seriesInstanceUID, .modality, .seriesNumber])) { tag in
            switch tag {
            case .retrieveAETitle: series.holders.joined(separator: "\\")
            default: series.record[tag] ?? study.record[tag]
            }
        }
    }

    /// An instance as a source sent it, with the UIDs that it is known to belong to.
    package mutating func append(
        _ instance: DataSet, study: String, series: String, holders: [String], empty requested: Set<Tag> = []
    ) {
        object(requested.union([.sopClassUID, .sopInstanceUID, .instanceNumber])) { tag in
            switch tag {
            case .retrieveAETitle: holders.joined(separator: "\\")
            case .studyInstanceUID: study
            case .seriesInstanceUID: series
            default: instance.text(tag)
            }
        }
    }

    /// Every attribute that has a text, and of the others those in `kept`, empty.
    private mutating func object(_ kept: Set<Tag>, _ text: (Tag) -> String?) {
        separate()
        raw("{")
        var isFirst = true
        for attribute in Self.everyLevelInTagOrder {
            if attribute.tag == .specificCharacterSet {
                member(attribute, text: "ISO_IR 192", &isFirst)
            } else if let value = text(attribute.tag) {
                member(attribute, text: attribute.vr == .DA ? Self.strictDate(value) : value, &isFirst)
            } else if kept.contains(attribute.tag) {
                member(attribute, text: "", &isFirst)
            }
        }
        raw("}")
    }

    private static let everyLevelInTagOrder = AttributeDictionary.all
        .filter { $0.tag != .queryRetrieveLevel && $0.tag != .retrieveURL }.sorted { $0.tag < $1.tag }

    /// DA as the standard has it, or nothing: clients do not expect `2020.01.01` (F70).
    private static func strictDate(_ text: String) -> String { DICOMDate(text)?.da ?? "" }

    private static let inTagOrder = AttributeDictionary.all
        .filter { $0.column != nil || $0.tag == .specificCharacterSet }
        .sorted { $0.tag < $1.tag }

    /// What a study answer always has (F135).
    private static let minimum: Set<Tag> = [
        .studyDate, .studyTime, .accessionNumber, .modalitiesInStudy, .referringPhysicianName, .patientName, .patientID,
        .patientBirthDate, .patientSex, .studyInstanceUID, .studyID, .numberOfStudyRelatedSeries,
        .numberOfStudyRelatedInstances, .studyDescription, .issuerOfPatientID,
    ]

    /// A whole data set, as an object of its own.
    package mutating func append(_ dataSet: DataSet) {
        raw("{")
        var isFirst = true
        for element in dataSet.elements {
            switch element.content {
            case .bytes(let bytes):
                guard element.vr.isText || element.vr == .UN else { continue }
                let text = dataSet.characterSet.decode(bytes, vr: element.vr.isText ? element.vr : .LO).text
                member(element.tag, element.vr.isText ? element.vr : .LO, text: text, &isFirst)
            case .items(let items):
                begin(element.tag, .SQ, &isFirst)
                if !items.isEmpty {
                    raw(",\"Value\":[")
                    for (position, item) in items.enumerated() {
                        if position > 0 { raw(",") }
                        append(item)
                    }
                    raw("]")
                }
                raw("}")
            }
        }
        raw("}")
    }

    private mutating func separate() {
        if !isFirstInArray { raw(",") }
        isFirstInArray = false
    }

    private mutating func member(_ attribute: QueryAttribute, text: String, _ isFirst: inout Bool) {
        member(attribute.tag, attribute.vr, text: text, &isFirst)
    }

    private mutating func begin(_ tag: Tag, _ vr: VR, _ isFirst: inout Bool) {
        raw(isFirst ? "\"" : ",\"")
        isFirst = false
        raw(tag.hex)
        raw("\":{\"vr\":\"")
        raw(vr.name)
        raw("\"")
    }

    private mutating func member(_ tag: Tag, _ vr: VR, text: String, _ isFirst: inout Bool) {
        begin(tag, vr, &isFirst)
        if !text.isEmpty {
            raw(",\"Value\":[")
            let values = vr.isMultiValued ? text.split(separator: "\\", omittingEmptySubsequences: false) : [text[...]]
            for (position, value) in values.enumerated() {
                if position > 0 { raw(",") }
                self.value(String(value).trimmingSpaces(), vr)
            }
            raw("]")
        }
        raw("}")
    }

    private mutating func value(_ text: String, _ vr: VR) {
        if text.isEmpty {
            raw("null")
        } else if vr == .PN {
            name(PersonName(text))
        } else if vr == .IS, let number = Int(lenient: text) {
            raw(String(number))
        } else {
            string(text)
        }
    }

    private mutating func name(_ name: PersonName) {
        raw("{")
        var isFirst = true
        for (key, group) in [
            ("Alphabetic", name.alphabetic), ("Ideographic", name.ideographic), ("Phonetic", name.phonetic),
        ] where !group.isEmpty {
            raw(isFirst ? "\"" : ",\"")
            isFirst = false
            raw(key)
            raw("\":")
            string(group)
        }
        raw("}")
    }

    private mutating func raw(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func string(_ text: String) {
        output.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                output.append(0x5C)
                output.append(byte)
            case 0x00..<0x20, 0x7F:
                raw("\\u00")
                output.append(Self.hexDigit(byte >> 4))
                output.append(Self.hexDigit(byte & 15))
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
