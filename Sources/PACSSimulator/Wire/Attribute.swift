/// What a source may say of a study, in the order of `AttributeDictionary.observation`; a table of its own, because the
/// truth must not depend on what it checks.
package enum Attribute: Int, CaseIterable, Sendable {
    case studyInstanceUID, patientID, issuerOfPatientID, patientName, patientBirthDate, patientSex
    case studyDate, studyTime, accessionNumber, studyID, studyDescription, referringPhysicianName
    case modalitiesInStudy, numberOfStudyRelatedSeries, numberOfStudyRelatedInstances
    case instanceAvailability, retrieveAETitle, timezoneOffsetFromUTC

    package var keyword: String { definition.keyword }
    /// Group in the upper, element in the lower 16 bits.
    package var tag: UInt32 { definition.tag }
    package var vr: String { definition.vr }
    package var isOfPatient: Bool { tag >> 16 == 0x0010 }

    private var definition: (keyword: String, tag: UInt32, vr: String) {
        switch self {
        case .studyInstanceUID: ("StudyInstanceUID", 0x0020_000D, "UI")
        case .patientID: ("PatientID", 0x0010_0020, "LO")
        case .issuerOfPatientID: ("IssuerOfPatientID", 0x0010_0021, "LO")
        case .patientName: ("PatientName", 0x0010_0010, "PN")
        case .patientBirthDate: ("PatientBirthDate", 0x0010_0030, "DA")
        case .patientSex: ("PatientSex", 0x0010_0040, "CS")
        case .studyDate: ("StudyDate", 0x0008_0020, "DA")
        case .studyTime: ("StudyTime", 0x0008_0030, "TM")
        case .accessionNumber: ("AccessionNumber", 0x0008_0050, "SH")
        case .studyID: ("StudyID", 0x0020_0010, "SH")
        case .studyDescription: ("StudyDescription", 0x0008_1030, "LO")
        case .referringPhysicianName: ("ReferringPhysicianName", 0x0008_0090, "PN")
        case .modalitiesInStudy: ("ModalitiesInStudy", 0x0008_0061, "CS")
        case .numberOfStudyRelatedSeries: ("NumberOfStudyRelatedSeries", 0x0020_1206, "IS")
        case .numberOfStudyRelatedInstances: ("NumberOfStudyRelatedInstances", 0x0020_1208, "IS")
        case .instanceAvailability: ("InstanceAvailability", 0x0008_0056, "CS")
        case .retrieveAETitle: ("RetrieveAETitle", 0x0008_0054, "AE")
        case .timezoneOffsetFromUTC: ("TimezoneOffsetFromUTC", 0x0008_0201, "SH")
        }
    }

    /// In the order in which a data set holds them.
    static let byTag = allCases.sorted { $0.tag < $1.tag }
}

/// The values of one copy, by attribute: nil is never returned, "" is returned empty.
package struct AttributeValues: Hashable, Sendable {
    private var values: [String?]

    init() {
        values = Array(repeating: nil, count: Attribute.allCases.count)
    }

    package subscript(_ attribute: Attribute) -> String? {
        get { values[attribute.rawValue] }
        set { values[attribute.rawValue] = newValue }
    }

    /// The values that are present, by keyword.
    package var byKeyword: [String: String] {
        var named: [String: String] = [:]
        for attribute in Attribute.allCases {
            if let value = self[attribute] { named[attribute.keyword] = value }
        }
        return named
    }
}
