/// What one source says of one study: the text of each attribute as it came, and typed views of it.
package struct StudyRecord: Sendable, Hashable {
    /// By the ordinal of `AttributeDictionary.observation`. nil: not returned, which is not the same as "": returned
    /// empty. Values of a multi-valued attribute are joined by `\`.
    package internal(set) var texts: [String?]
    /// Attributes whose decoding lost characters; they are no evidence of anything (N3).
    package internal(set) var lossy: [Tag]
    /// Where the study was made, which says to whom the copy belongs; it is no part of searches. nil: not returned. Several,
    /// where series have different ones, are joined by `\`; what lost characters has U+FFFD.
    package var institutionName: String?

    static let tags = AttributeDictionary.observation.map(\.tag)

    package init() {
        texts = [String?](repeating: nil, count: Self.tags.count)
        lossy = []
    }

    /// A record as it was stored. `texts` beyond the attributes are dropped, missing ones are nil.
    package init(texts: [String?], lossy: [Tag] = []) {
        let count = Self.tags.count
        self.texts =
            texts.count == count
            ? texts : Array(texts.prefix(count)) + [String?](repeating: nil, count: max(0, count - texts.count))
        self.lossy = lossy
    }

    package init(_ dataSet: DataSet) {
        self.init()
        for (ordinal, tag) in Self.tags.enumerated() {
            guard let element = dataSet[tag], case .bytes(let bytes) = element.content else { continue }
            let decoded = dataSet.characterSet.decode(bytes, vr: AttributeDictionary.observation[ordinal].vr)
            texts[ordinal] = decoded.text.trimmingLeadingSpaces()
            if decoded.lossy { lossy.append(tag) }
        }
        if case .bytes(let bytes) = dataSet[.institutionName]?.content {
            institutionName = dataSet.characterSet.decode(bytes, vr: .LO).text
        }
    }

    package subscript(tag: Tag) -> String? {
        get { Self.ordinal(of: tag).flatMap { texts[$0] } }
        set {
            guard let ordinal = Self.ordinal(of: tag) else { return }
            texts[ordinal] = newValue
        }
    }

    private static func ordinal(of tag: Tag) -> Int? {
        guard let attribute = AttributeDictionary.attribute(tag), attribute.column != nil else { return nil }
        return attribute.ordinal
    }
}

// MARK: - Typed views

extension StudyRecord {
    private func text(_ ordinal: Int) -> String { texts[ordinal] ?? "" }

    package var studyInstanceUID: String { text(0) }
    package var patientID: String { text(1) }
    package var issuerOfPatientID: String { text(2) }
    /// nil: not returned or empty.
    package var patientName: PersonName? { text(3).isEmpty ? nil : PersonName(text(3)) }
    package var birthDate: DICOMDate? { DICOMDate(text(4)) }
    package var sex: String { text(5) }
    package var studyDate: DICOMDate? { DICOMDate(text(6)) }
    package var studyTime: DICOMTime? { DICOMTime(text(7)) }
    package var accessionNumber: String { text(8) }

    /// However a source wrote the list (F40): upper case, distinct, sorted.
    package var modalities: [String] { Self.modalities(in: text(12)) }
    package var numberOfSeries: Int? { Int(lenient: text(13)) }
    package var numberOfInstances: Int? { Int(lenient: text(14)) }

    /// However many, without spaces at their ends.
    package var institutions: [String] {
        (institutionName ?? "").split(separator: "\\").map { String($0).trimmingSpaces() }.filter { !$0.isEmpty }
    }

    static func modalities(in text: String) -> [String] {
        guard !text.isEmpty else { return [] }
        let parts = text.utf8.split { byte in
            switch byte {
            case 0x5C, 0x2F, 0x2C, 0x3B, 0x20: true
            default: false
            }
        }
        guard parts.count > 1 else { return parts.map { String(decoding: $0, as: UTF8.self).uppercased() } }
        return Set(parts.map { String(decoding: $0, as: UTF8.self).uppercased() }).sorted()
    }
}

// MARK: - Merging the rows of one answer

extension StudyRecord {
    /// One record per study where a source answers with one row per series, instance or location (F47): the first
    /// non-empty value of each attribute, all modalities, the largest counts. Rows of one study that name different
    /// patients stay apart.
    package static func merged(_ rows: [StudyRecord]) -> [StudyRecord] {
        var merged: [StudyRecord] = []
        merged.reserveCapacity(rows.count)
        var position: [String: Int] = [:]
        position.reserveCapacity(rows.count)
        for row in rows {
            let key = row.studyInstanceUID + "\\" + row.patientID
            if let known = position[key] {
                merged[known].take(row)
            } else {
                position[key] = merged.count
                merged.append(row)
            }
        }
        return merged
    }

    private mutating func take(_ other: StudyRecord) {
        let modalities = Set(modalities).union(other.modalities).sorted()
        for ordinal in texts.indices where text(ordinal).isEmpty {
            texts[ordinal] = other.texts[ordinal] ?? texts[ordinal]
        }
        if modalities.count > 1 { self[.modalitiesInStudy] = modalities.joined(separator: "\\") }
        for tag in [Tag.numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances] {
            guard let ours = self[tag], let theirs = other[tag] else { continue }
            if let mine = Int(lenient: ours), let another = Int(lenient: theirs), another > mine { self[tag] = theirs }
        }
        let institutions = Set(institutions).union(other.institutions)
        let isNamed = !institutions.isEmpty
        institutionName =
            isNamed ? institutions.sorted().joined(separator: "\\") : institutionName ?? other.institutionName
        for tag in other.lossy where !lossy.contains(tag) { lossy.append(tag) }
    }
}
