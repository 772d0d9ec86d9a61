import DICOM

/// A named disagreement between the copies of a study, or within one. Its values are frozen: they stay what was seen when
/// it was found, whatever the sources say later (F169).
package struct Discrepancy: Sendable, Hashable, Codable {
    package let discrepancyClass: DiscrepancyClass
    package let severity: Severity
    package let studyUID: String
    /// The other study of a probable copy, greater than `studyUID`; nil for every other class.
    package let otherUID: String?
    /// The sources that bear witness, sorted: those with a comparable value, or those at fault, as the class says.
    package let sources: [String]
    /// What each copy said, witnesses and others; sorted by study and source.
    package let values: [FrozenCopy]
    /// One sentence without values, for people.
    package let explanation: String
    /// What is probably true, and why; nil: nothing tells.
    package let suggestion: Suggestion?

    enum CodingKeys: String, CodingKey {
        case discrepancyClass = "class"
        case severity
        case studyUID = "study_uid"
        case otherUID = "other_uid"
        case sources, values, explanation, suggestion
    }

    package init(
        _ discrepancyClass: DiscrepancyClass, _ severity: Severity, studyUID: String, otherUID: String? = nil,
        sources: [String], values: [FrozenCopy], explanation: String, suggestion: Suggestion? = nil
    ) {
        self.discrepancyClass = discrepancyClass
        self.severity = severity
        self.studyUID = studyUID
        self.otherUID = otherUID
        self.sources = sources
        self.values = values
        self.explanation = explanation
        self.suggestion = suggestion
    }

    /// The witnesses that say something else than what is suggested: where to look first.
    package var suspects: [String] {
        guard let suggestion else { return [] }
        let others = values.filter { copy in
            sources.contains(copy.source)
                && suggestion.values.contains { keyword, value in
                    guard let text = copy.attributes[keyword] else { return false }
                    return TextComparison.key(text) != TextComparison.key(value)
                }
        }
        return Set(others.map(\.source)).sorted()
    }
}

/// A value that is probably the true one.
package struct Suggestion: Sendable, Hashable, Codable {
    /// By DICOM keyword.
    package let values: [String: String]
    /// For people: why it is believed.
    package let reason: String

    package init(values: [String: String], reason: String) {
        self.values = values
        self.reason = reason
    }
}

/// The values of one copy at the time a discrepancy was found.
package struct FrozenCopy: Sendable, Hashable, Codable {
    package let source: String
    package let studyUID: String
    /// The effective issuer of its Patient ID.
    package let issuer: String
    /// By DICOM keyword, only the attributes that the class is about; absent: the source did not return it.
    package let attributes: [String: String]
    /// Keywords among `attributes` whose text lost characters on the way.
    package let lossy: [String]
    package let firstSeen: String
    package let changed: String

    enum CodingKeys: String, CodingKey {
        case source
        case studyUID = "study_uid"
        case issuer, attributes, lossy
        case firstSeen = "first_seen"
        case changed
    }

    package init(_ copy: Copy, _ tags: [Tag]) {
        var attributes: [String: String] = [:]
        var lossy: [String] = []
        for tag in tags {
            guard let keyword = AttributeDictionary.attribute(tag)?.keyword, let text = copy.record[tag] else {
                continue
            }
            attributes[keyword] = text
            if copy.record.lossy.contains(tag) { lossy.append(keyword) }
        }
        source = copy.source
        studyUID = copy.record.studyInstanceUID
        issuer = copy.issuer
        self.attributes = attributes
        self.lossy = lossy
        firstSeen = copy.firstSeen
        changed = copy.changed
    }
}
