import DICOM
import PostgresClient

/// An observation on its way into the index: what was sent, what is derived from it, and the hash of it all.
struct StagedObservation: Sendable {
    let record: StudyRecord
    let issuer: String
    let hash: [UInt8]

    /// `issuer` is the source's own, for records that name none.
    init(_ record: StudyRecord, issuer: String) {
        self.record = record
        self.issuer = record.issuerOfPatientID.isEmpty ? issuer : record.issuerOfPatientID
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        // A marker before each text keeps "not returned" and "returned empty" apart, and texts from running together.
        for text in record.texts {
            guard let text else {
                bytes.append(0)
                continue
            }
            bytes.append(1)
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(2)
        bytes.append(contentsOf: self.issuer.utf8)
        for tag in record.lossy { bytes.append(contentsOf: tag.hex.utf8) }
        hash = SHA256.hash(bytes)
    }

    /// In the order of `Queries/copy_staged.sql`.
    func write(to writer: inout CopyWriter) {
        let columns = AttributeDictionary.observation.count
        writer.beginRow(columns: columns + 11)
        for text in record.texts { writer.append(text: text.map(Self.storable)) }
        writer.append(text: Self.storable(issuer))
        writer.append(text: nameKey(.patientName))
        writer.append(text: nameKey(.referringPhysicianName))
        writer.append(date: record.studyDate.map { Int32(Days.number($0)) })
        writer.append(int8: record.studyTime.map { Int64($0.microseconds) })
        writer.append(date: record.birthDate.map { Int32(Days.number($0)) })
        writer.append(textArray: record[.modalitiesInStudy] == nil ? nil : record.modalities)
        writer.append(int4: record.numberOfSeries.flatMap(Int32.init(exactly:)))
        writer.append(int4: record.numberOfInstances.flatMap(Int32.init(exactly:)))
        writer.append(
            textArray: record.lossy.isEmpty
                ? nil : record.lossy.compactMap { AttributeDictionary.attribute($0)?.column })
        writer.append(bytes: hash)
    }

    private func nameKey(_ tag: Tag) -> String? {
        guard let text = record[tag], !record.lossy.contains(tag) else { return nil }
        return Self.storable(PersonName(text).matchingKey)
    }

    /// PostgreSQL's text holds no NUL (F69).
    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? text.replacing("\u{0}", with: "\u{FFFD}") : text
    }
}
