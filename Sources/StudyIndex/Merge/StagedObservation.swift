import DICOM
import PostgresClient

/// An observation on its way into the index: what was sent, what is derived from it, and the hash of all that searches find.
struct StagedObservation: Sendable {
    let record: StudyRecord
    let issuer: String
    let hash: [UInt8]

    /// Longer Study Instance UIDs would not fit into an index entry; the standard's end at 64.
    static let longestUID = 1_024

    /// `issuer` is the source's own, for records that name none. Nil: nothing that could be stored names a study.
    init?(_ record: StudyRecord, issuer: String) {
        let record = record.storable
        guard (1...Self.longestUID).contains(record.studyInstanceUID.utf8.count) else { return nil }
        self.record = record
        self.issuer = record.issuerOfPatientID.isEmpty ? issuer : record.issuerOfPatientID
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        // Stored texts hold no NUL: it ends each, and a second one says that it was not returned.
        for text in record.texts {
            if let text { bytes.append(contentsOf: text.utf8) } else { bytes.append(0) }
            bytes.append(0)
        }
        bytes.append(contentsOf: self.issuer.utf8)
        bytes.append(0)
        for tag in record.lossy { bytes.append(contentsOf: tag.hex.utf8) }
        hash = SHA256.hash(bytes)
    }

    /// In the order of `Queries/copy_staged.sql`. `ids`: of its names.
    func write(to writer: inout CopyWriter, names: (patient: String?, physician: String?), ids: [String: Int64]) {
        let columns = AttributeDictionary.observation.count
        writer.beginRow(columns: columns + 13)
        for text in record.texts { writer.append(text: text) }
        writer.append(text: issuer)
        writer.append(text: names.patient)
        writer.append(int8: names.patient.flatMap { ids[$0] })
        writer.append(int8: names.physician.flatMap { ids[$0] })
        writer.append(date: known(.studyDate, record.studyDate).map { Int32(Days.number($0)) })
        writer.append(int8: known(.studyTime, record.studyTime).map { Int64($0.microseconds) })
        writer.append(date: known(.patientBirthDate, record.birthDate).map { Int32(Days.number($0)) })
        writer.append(textArray: record[.modalitiesInStudy] == nil ? nil : record.modalities)
        writer.append(int4: known(.numberOfStudyRelatedSeries, record.numberOfSeries).flatMap(Int32.init(exactly:)))
        writer.append(
            int4: known(.numberOfStudyRelatedInstances, record.numberOfInstances).flatMap(Int32.init(exactly:)))
        writer.append(
            textArray: record.lossy.isEmpty
                ? nil : record.lossy.compactMap { AttributeDictionary.attribute($0)?.column })
        writer.append(bytes: hash)
        writer.append(text: record.institutionName)
    }

    /// What was read from a text that lost characters is not known.
    private func known<T>(_ tag: Tag, _ value: T?) -> T? { record.lossy.contains(tag) ? nil : value }

    /// What its names are found by; nil: not returned, or not whole.
    var names: (patient: String?, physician: String?) { (nameKey(.patientName), nameKey(.referringPhysicianName)) }

    private func nameKey(_ tag: Tag) -> String? {
        guard let text = record[tag], !record.lossy.contains(tag) else { return nil }
        return PersonName(text).matchingKey
    }
}

extension StudyRecord {
    /// As PostgreSQL can hold it and searches compare it: without spaces at the ends and without NUL (F69).
    fileprivate var storable: StudyRecord {
        guard texts.contains(where: { $0?.isStorable == false }) || institutionName != nil else { return self }
        var record = StudyRecord(texts: texts.map { $0?.storable }, lossy: lossy)
        record.institutionName = institutionName.map { _ in institutions.joined(separator: "\\").storable }
        return record
    }
}

extension String {
    fileprivate var isStorable: Bool { utf8.first != 0x20 && utf8.last != 0x20 && !utf8.contains(0) }

    /// PostgreSQL's text holds no NUL.
    var storable: String {
        let text = trimmingSpaces()
        return text.utf8.contains(0) ? text.replacing("\u{0}", with: "\u{FFFD}") : text
    }
}
