import DICOM

/// What one source says of one study, with what is needed to compare it with what the others say.
package struct Copy: Sendable, Hashable {
    /// The source's name in `concord.yaml`.
    package let source: String
    /// The effective issuer of the Patient ID: the one that the source sent, else the source's own.
    package let issuer: String
    /// Its `lossy` attributes are evidence of nothing (N3).
    package let record: StudyRecord
    /// When the index first saw this copy, and when it last saw it change: text, shown as it is (F165). "": unknown.
    package let firstSeen: String
    package let changed: String

    /// - Parameter issuer: the source's own issuer, used where the record holds none.
    package init(source: String, issuer: String, record: StudyRecord, firstSeen: String = "", changed: String = "") {
        let sent = record.issuerOfPatientID.trimmingSpaces()
        self.source = source
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
