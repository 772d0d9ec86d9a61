/// The ways in which one study is made to disagree; a study suffers at most one, so that the truth is exact. Where the
/// project's rules leave room (a third source whose ID could or could not be compared), the injection picks a study that
/// leaves none.
enum InjectionKind: String, CaseIterable, Sendable {
    // Pairs and absences come first: they need studies of a rarer shape. A pair's second half is a study of its own.
    case probableCopy, nearOtherModality, nearOtherCount, nearLaterDay
    case missingCopy, reusedAccession, nearAccessionElsewhere
    case subset
    case issuer, patientID, patientIDCase, rewrittenPatientID
    case differentPatients
    case name, nameFormat, marriage, misreadName, birthDate, sex, sexOther, sexCase
    case accession, accessionCase, description, descriptionCase, referring
    case studyDate, studyDateFormat, studyTime, studyTimeFormat, implausibleDate
    case seriesCount, instanceCount, zeroImages
    case unparsableTime, unparsableBirthDate, unparsableCount, bornLater, moreSeriesThanImages
    // What looks like a disagreement and is none.
    case nearNewborn, nearOneImage, nearModalityOrder, nearTimeFraction, nearOneGroup

    static let pairs: [InjectionKind] = [.probableCopy, .nearOtherModality, .nearOtherCount, .nearLaterDay]

    var isNearMiss: Bool { rawValue.hasPrefix("near") }

    /// Class and severity in a report; nil: none, or one that is read from the finished copies.
    var row: (discrepancyClass: String, severity: String)? {
        switch self {
        case .probableCopy: ("probable-copy", "minor")
        case .missingCopy: ("missing-copy", "major")
        case .reusedAccession: ("accession-reused", "major")
        case .subset: ("subset-copy", "minor")
        case .issuer: ("issuer-mismatch", "minor")
        case .patientID: ("patient-id-mismatch", "major")
        case .patientIDCase: ("patient-id-mismatch", "cosmetic")
        case .rewrittenPatientID: ("patient-id-rewritten", "minor")
        case .differentPatients: ("different-patients", "critical")
        case .name: ("patient-name-mismatch", "major")
        case .nameFormat: ("patient-name-mismatch", "cosmetic")
        case .marriage: ("stale-demographics", "minor")
        case .birthDate: ("birth-date-mismatch", "major")
        case .sex: ("sex-mismatch", "major")
        case .sexOther: ("sex-mismatch", "minor")
        case .sexCase: ("sex-mismatch", "cosmetic")
        case .accession: ("accession-mismatch", "major")
        case .accessionCase: ("accession-mismatch", "cosmetic")
        case .description: ("description-mismatch", "minor")
        case .descriptionCase: ("description-mismatch", "cosmetic")
        case .referring: ("referring-physician-mismatch", "minor")
        case .studyDate: ("study-date-mismatch", "minor")
        case .studyDateFormat: ("study-date-mismatch", "cosmetic")
        case .studyTime: ("study-time-mismatch", "minor")
        case .studyTimeFormat: ("study-time-mismatch", "cosmetic")
        case .seriesCount: ("series-count-mismatch", "major")
        case .instanceCount: ("instance-count-mismatch", "major")
        case .zeroImages: ("zero-images", "minor")
        case .unparsableTime, .unparsableBirthDate, .unparsableCount: ("unparsable-value", "minor")
        case .bornLater, .moreSeriesThanImages: ("impossible-value", "minor")
        case .misreadName, .implausibleDate, .nearOtherModality, .nearOtherCount, .nearLaterDay,
            .nearAccessionElsewhere, .nearNewborn, .nearOneImage, .nearModalityOrder, .nearTimeFraction, .nearOneGroup:
            nil
        }
    }

    /// The attribute that one copy is made to say differently; nil for what is more than one attribute.
    var attribute: Attribute? {
        switch self {
        case .probableCopy, .nearOtherModality, .nearOtherCount, .nearLaterDay, .missingCopy, .reusedAccession,
            .nearAccessionElsewhere, .subset, .issuer, .nearNewborn, .nearOneImage:
            nil
        case .patientID, .patientIDCase, .rewrittenPatientID: .patientID
        case .differentPatients, .name, .nameFormat, .marriage, .misreadName, .nearOneGroup: .patientName
        case .birthDate, .unparsableBirthDate, .bornLater: .patientBirthDate
        case .sex, .sexOther, .sexCase: .patientSex
        case .accession, .accessionCase: .accessionNumber
        case .description, .descriptionCase: .studyDescription
        case .referring: .referringPhysicianName
        case .studyDate, .studyDateFormat, .implausibleDate: .studyDate
        case .studyTime, .studyTimeFormat, .unparsableTime, .nearTimeFraction: .studyTime
        case .seriesCount, .moreSeriesThanImages: .numberOfStudyRelatedSeries
        case .instanceCount, .zeroImages, .unparsableCount: .numberOfStudyRelatedInstances
        case .nearModalityOrder: .modalitiesInStudy
        }
    }

    /// One copy is enough: the row names a value, not a disagreement.
    var needsOneCopy: Bool {
        switch self {
        case .zeroImages, .unparsableTime, .unparsableBirthDate, .unparsableCount, .implausibleDate, .bornLater,
            .moreSeriesThanImages:
            true
        default: false
        }
    }

    /// Changes what a source's date and time keys see of the study.
    var touchesClock: Bool { attribute == .studyDate || attribute == .studyTime }
}
