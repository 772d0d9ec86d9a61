/// The attributes that queries and answers use: keyword, tag, VR, level, matching and column, written once. SQL, JSON and
/// C-FIND keys derive from this table (PS3.6; levels of PS3.4 §C.6.2.1 and PS3.18 §10.6).
package enum AttributeDictionary {
    private typealias Row = (String, UInt32, VR, QueryLevel, Matching, String?)

    private static let rows: [Row] = [
        ("StudyInstanceUID", 0x0020_000D, .UI, .study, .uidList, "study_uid"),
        ("PatientID", 0x0010_0020, .LO, .patient, .wildcard, "patient_id"),
        ("IssuerOfPatientID", 0x0010_0021, .LO, .patient, .wildcard, "issuer_of_patient_id"),
        ("PatientName", 0x0010_0010, .PN, .patient, .personName, "patient_name"),
        ("PatientBirthDate", 0x0010_0030, .DA, .patient, .dateRange, "patient_birth_date"),
        ("PatientSex", 0x0010_0040, .CS, .patient, .singleValue, "patient_sex"),
        ("StudyDate", 0x0008_0020, .DA, .study, .dateRange, "study_date"),
        ("StudyTime", 0x0008_0030, .TM, .study, .timeRange, "study_time"),
        ("AccessionNumber", 0x0008_0050, .SH, .study, .wildcard, "accession_number"),
        ("StudyID", 0x0020_0010, .SH, .study, .wildcard, "study_id"),
        ("StudyDescription", 0x0008_1030, .LO, .study, .wildcard, "study_description"),
        ("ReferringPhysicianName", 0x0008_0090, .PN, .study, .personName, "referring_physician_name"),
        ("ModalitiesInStudy", 0x0008_0061, .CS, .study, .multiValue, "modalities_in_study"),
        ("NumberOfStudyRelatedSeries", 0x0020_1206, .IS, .study, .integer, "number_of_study_related_series"),
        ("NumberOfStudyRelatedInstances", 0x0020_1208, .IS, .study, .integer, "number_of_study_related_instances"),
        ("InstanceAvailability", 0x0008_0056, .CS, .study, .none, "instance_availability"),
        ("RetrieveAETitle", 0x0008_0054, .AE, .study, .none, "retrieve_ae_title"),
        ("TimezoneOffsetFromUTC", 0x0008_0201, .SH, .study, .none, "timezone_offset_from_utc"),

        ("SpecificCharacterSet", 0x0008_0005, .CS, .patient, .none, nil),
        ("QueryRetrieveLevel", 0x0008_0052, .CS, .patient, .none, nil),
        ("RetrieveURL", 0x0008_1190, .UR, .study, .none, nil),
        ("SeriesInstanceUID", 0x0020_000E, .UI, .series, .uidList, nil),
        ("Modality", 0x0008_0060, .CS, .series, .singleValue, nil),
        ("SeriesNumber", 0x0020_0011, .IS, .series, .integer, nil),
        ("SeriesDescription", 0x0008_103E, .LO, .series, .wildcard, nil),
        ("SeriesDate", 0x0008_0021, .DA, .series, .dateRange, nil),
        ("SeriesTime", 0x0008_0031, .TM, .series, .timeRange, nil),
        ("BodyPartExamined", 0x0018_0015, .CS, .series, .singleValue, nil),
        ("NumberOfSeriesRelatedInstances", 0x0020_1209, .IS, .series, .integer, nil),
        ("SOPInstanceUID", 0x0008_0018, .UI, .image, .uidList, nil),
        ("SOPClassUID", 0x0008_0016, .UI, .image, .uidList, nil),
        ("InstanceNumber", 0x0020_0013, .IS, .image, .integer, nil),
    ]

    package static let all: [QueryAttribute] = rows.enumerated().map { ordinal, row in
        QueryAttribute(
            keyword: row.0, tag: Tag(UInt16(row.1 >> 16), UInt16(row.1 & 0xFFFF)), vr: row.2, level: row.3,
            matching: row.4, column: row.5, ordinal: ordinal)
    }

    /// What is kept of one source's statement about one study, in column order.
    package static let observation: [QueryAttribute] = all.filter { $0.column != nil }

    /// What is kept of one source's statement about one series, in the order of `SeriesRecord.texts`.
    package static let seriesObservation: [QueryAttribute] = [
        Tag.seriesInstanceUID, .studyInstanceUID, .modality, .seriesNumber, .seriesDescription, .bodyPartExamined,
        .seriesDate, .seriesTime, .numberOfSeriesRelatedInstances,
    ].compactMap { attribute($0) }

    /// Asked of sources, and neither key nor answer of a search.
    private static let unsearched: [Tag: VR] = [.institutionName: .LO]

    private static let byTag = Dictionary(uniqueKeysWithValues: all.map { ($0.tag, $0) })
    private static let byKeyword = Dictionary(uniqueKeysWithValues: all.map { ($0.keyword, $0) })

    package static func attribute(_ tag: Tag) -> QueryAttribute? { byTag[tag] }
    package static func attribute(keyword: String) -> QueryAttribute? { byKeyword[keyword] }

    /// The VR of a tag in Implicit VR; UN where this table does not know it (F44).
    static func vr(of tag: Tag) -> VR { byTag[tag]?.vr ?? unsearched[tag] ?? .UN }
}

extension Tag {
    package static let studyInstanceUID = Tag(0x0020, 0x000D)
    package static let patientID = Tag(0x0010, 0x0020)
    package static let issuerOfPatientID = Tag(0x0010, 0x0021)
    package static let patientName = Tag(0x0010, 0x0010)
    package static let patientBirthDate = Tag(0x0010, 0x0030)
    package static let patientSex = Tag(0x0010, 0x0040)
    package static let studyDate = Tag(0x0008, 0x0020)
    package static let studyTime = Tag(0x0008, 0x0030)
    package static let accessionNumber = Tag(0x0008, 0x0050)
    package static let studyID = Tag(0x0020, 0x0010)
    package static let studyDescription = Tag(0x0008, 0x1030)
    package static let referringPhysicianName = Tag(0x0008, 0x0090)
    package static let modalitiesInStudy = Tag(0x0008, 0x0061)
    package static let numberOfStudyRelatedSeries = Tag(0x0020, 0x1206)
    package static let numberOfStudyRelatedInstances = Tag(0x0020, 0x1208)
    package static let instanceAvailability = Tag(0x0008, 0x0056)
    package static let retrieveAETitle = Tag(0x0008, 0x0054)
    package static let timezoneOffsetFromUTC = Tag(0x0008, 0x0201)
    package static let institutionName = Tag(0x0008, 0x0080)
    package static let specificCharacterSet = Tag(0x0008, 0x0005)
    package static let queryRetrieveLevel = Tag(0x0008, 0x0052)
    package static let retrieveURL = Tag(0x0008, 0x1190)
    package static let seriesInstanceUID = Tag(0x0020, 0x000E)
    package static let modality = Tag(0x0008, 0x0060)
    package static let seriesNumber = Tag(0x0020, 0x0011)
    package static let seriesDescription = Tag(0x0008, 0x103E)
    package static let seriesDate = Tag(0x0008, 0x0021)
    package static let seriesTime = Tag(0x0008, 0x0031)
    package static let bodyPartExamined = Tag(0x0018, 0x0015)
    package static let numberOfSeriesRelatedInstances = Tag(0x0020, 0x1209)
    package static let sopInstanceUID = Tag(0x0008, 0x0018)
    package static let instanceNumber = Tag(0x0020, 0x0013)
    package static let sopClassUID = Tag(0x0008, 0x0016)
}
