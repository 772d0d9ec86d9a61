/// The ways in which one study is made to disagree; a study suffers at most one, so that the truth is exact. Where the
/// project's rules leave room (a third source whose ID could or could not be compared), the injection picks a study that
/// leaves none.
enum InjectionKind: CaseIterable, Sendable {
    // The pairs and absences come first: they need studies of a rarer shape.
    case probableCopy, missingCopy
    case issuer, patientID, patientIDCase
    case differentPatients
    case name, nameFormat, birthDate, sex, sexOther, sexCase
    case accession, accessionCase
    case studyDate, studyDateFormat, studyTime, studyTimeFormat
    case seriesCount, instanceCount, zeroImages
    case unparsableTime, unparsableBirthDate, unparsableCount

    /// Class and severity in a report.
    var row: (discrepancyClass: String, severity: String) {
        switch self {
        case .probableCopy: ("probable-copy", "minor")
        case .missingCopy: ("missing-copy", "major")
        case .issuer: ("issuer-mismatch", "minor")
        case .patientID: ("patient-id-mismatch", "major")
        case .patientIDCase: ("patient-id-mismatch", "cosmetic")
        case .differentPatients: ("different-patients", "critical")
        case .name: ("patient-name-mismatch", "major")
        case .nameFormat: ("patient-name-mismatch", "cosmetic")
        case .birthDate: ("birth-date-mismatch", "major")
        case .sex: ("sex-mismatch", "major")
        case .sexOther: ("sex-mismatch", "minor")
        case .sexCase: ("sex-mismatch", "cosmetic")
        case .accession: ("accession-mismatch", "major")
        case .accessionCase: ("accession-mismatch", "cosmetic")
        case .studyDate: ("study-date-mismatch", "minor")
        case .studyDateFormat: ("study-date-mismatch", "cosmetic")
        case .studyTime: ("study-time-mismatch", "minor")
        case .studyTimeFormat: ("study-time-mismatch", "cosmetic")
        case .seriesCount: ("series-count-mismatch", "major")
        case .instanceCount: ("instance-count-mismatch", "major")
        case .zeroImages: ("zero-images", "minor")
        case .unparsableTime, .unparsableBirthDate, .unparsableCount: ("unparsable-value", "minor")
        }
    }

    /// The attribute that one copy is made to say differently; nil for what is more than one attribute.
    var attribute: Attribute? {
        switch self {
        case .probableCopy, .missingCopy, .issuer: nil
        case .patientID, .patientIDCase: .patientID
        case .differentPatients, .name, .nameFormat: .patientName
        case .birthDate, .unparsableBirthDate: .patientBirthDate
        case .sex, .sexOther, .sexCase: .patientSex
        case .accession, .accessionCase: .accessionNumber
        case .studyDate, .studyDateFormat: .studyDate
        case .studyTime, .studyTimeFormat, .unparsableTime: .studyTime
        case .seriesCount: .numberOfStudyRelatedSeries
        case .instanceCount, .zeroImages, .unparsableCount: .numberOfStudyRelatedInstances
        }
    }

    /// One copy is enough: the row names a value, not a disagreement.
    var needsOneCopy: Bool {
        switch self {
        case .zeroImages, .unparsableTime, .unparsableBirthDate, .unparsableCount: true
        default: false
        }
    }

    /// Changes what a source's date and time keys see of the study.
    var touchesClock: Bool { attribute == .studyDate || attribute == .studyTime }
}
