import DICOM

/// Values that stand for "unknown" and so prove nothing about who somebody is (F175).
enum Placeholder {
    static func isPatientID(_ text: String) -> Bool {
        let key = TextComparison.key(text)
        return patientIDs.contains(key) || key.utf8.allSatisfy { $0 == 0x30 }
    }

    static func isBirthDate(_ date: DICOMDate) -> Bool { birthDates.contains(date.da) }

    static func isStudyDate(_ date: DICOMDate) -> Bool { studyDates.contains(date.da) }

    /// What stands in for an accession number and so belongs to no order.
    static func isAccession(_ text: String) -> Bool {
        let key = TextComparison.key(text)
        return accessions.contains(key) || key.utf8.allSatisfy { $0 == 0x30 }
    }

    /// Any component is enough: UNKNOWN^TRAUMA, TEST^PATIENT, SMITH^BABY BOY.
    static func isName(_ name: PersonName) -> Bool {
        name.components.contains { component in
            MatchingKey.folded(component).split(separator: " ").contains { names.contains(String($0)) }
        }
    }

    private static let patientIDs: Set<String> = ["999999", "test", "unknown"]
    private static let birthDates: Set<String> = ["18000101", "19000101", "19010101"]
    private static let studyDates: Set<String> = [
        "18991230", "18991231", "19000101", "19010101", "19111111", "19700101",
    ]
    private static let accessions: Set<String> = ["999999", "none", "na", "n/a", "test", "unknown", "."]
    private static let names: Set<String> = [
        "trauma", "unknown", "doe", "test", "baby", "boy", "girl", "qc", "phantom",
    ]
}
