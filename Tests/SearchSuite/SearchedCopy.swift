import DICOM

/// What one source says of one study: sources are `a`, `b` and `c` by priority, at the AE titles `PACSA`, `PACSB` and `PACSC`;
/// the issuer of patient IDs that come without one is `HOSP`, at `c` `OTHER`.
package struct SearchedCopy: Sendable {
    package let source: String
    package var record: StudyRecord

    package init(source: String, record: StudyRecord) {
        self.source = source
        self.record = record
    }

    /// The effective issuer of its patient ID.
    package var issuer: String {
        record.issuerOfPatientID.isEmpty ? (source == "c" ? "OTHER" : "HOSP") : record.issuerOfPatientID
    }
}

extension StudyRecord {
    /// A study of 2020-03-15 of MUELLER^ANNA, with these attributes changed; nil takes one away.
    package static func sample(_ uid: String, _ changes: [Tag: String?] = [:]) -> StudyRecord {
        var record = StudyRecord()
        let usual: [Tag: String?] = [
            .studyInstanceUID: uid, .patientID: "P1", .issuerOfPatientID: "", .patientName: "MUELLER^ANNA",
            .patientBirthDate: "19600102", .patientSex: "F", .studyDate: "20200315", .studyTime: "101112",
            .accessionNumber: "A1", .studyID: "S1", .studyDescription: "CT ABDOMEN", .referringPhysicianName: "HOUSE^G",
            .modalitiesInStudy: "CT", .numberOfStudyRelatedSeries: "2", .numberOfStudyRelatedInstances: "20",
        ]
        for (tag, value) in usual.merging(changes, uniquingKeysWith: { $1 }) { record[tag] = value }
        return record
    }
}

/// A seeded generator, so that a failure can be seen again.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
