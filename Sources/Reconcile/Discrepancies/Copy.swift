import DICOM

/// What one source says of one study, with what is needed to compare it with what the others say.
package struct Copy: Sendable, Hashable {
    /// The source's name in `concord.yaml`.
    package let source: String
    /// 1 wins, where nothing else tells whom to believe.
    package let priority: Int
    /// The effective issuer of the Patient ID: the one that the source sent, else the source's own.
    package let issuer: String
    /// Its `lossy` attributes are evidence of nothing (N3).
    package let record: StudyRecord
    /// When the index first saw this copy, and when it last saw it change: text, shown as it is (F165). "": unknown.
    package let firstSeen: String
    package let changed: String
    /// Since when it shows these numbers of series and images, in seconds since 1970; nil: long enough (F170).
    package var countedAt: Int?
    /// What it said of the patient before it said what it does now, by attribute (F165).
    package var earlier: [Tag: Set<String>] = [:]
    /// Its series, where all of them are known.
    package var series: [CopySeries]?

    /// - Parameter issuer: the source's own issuer, used where the record holds none.
    package init(
        source: String, priority: Int = 100, issuer: String, record: StudyRecord, firstSeen: String = "",
        changed: String = ""
    ) {
        let sent = record.issuerOfPatientID.trimmingSpaces()
        self.source = source
        self.priority = priority
        self.issuer = sent.isEmpty ? issuer : sent
        self.record = record
        self.firstSeen = firstSeen
        self.changed = changed
    }

    /// The value as it came, where it can be compared: returned, not empty, decoded without loss.
    func comparable(_ tag: Tag) -> String? {
        guard let text = record[tag], text.utf8.contains(where: { $0 != 0x20 }), !record.lossy.contains(tag),
            !text.unicodeScalars.contains("\u{FFFD}")
        else { return nil }
        return text
    }

    /// Two copies of one issuer speak of the same Patient IDs; case and padding of an issuer mean nothing.
    func sharesIssuer(with other: Copy) -> Bool {
        issuer == other.issuer || TextComparison.key(issuer) == TextComparison.key(other.issuer)
    }
}

/// One series of a copy.
package struct CopySeries: Sendable, Hashable {
    package let uid: String
    package let modality: String
    /// nil: not counted.
    package let instances: Int?

    package init(uid: String, modality: String, instances: Int?) {
        self.uid = uid
        self.modality = modality
        self.instances = instances
    }
}
