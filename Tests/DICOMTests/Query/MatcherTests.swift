import Testing

@testable import DICOM

private func truth(_ keyword: String, _ key: String, against value: String?, lossy: Bool = false) throws -> Truth {
    let attribute = try #require(AttributeDictionary.attribute(keyword: keyword))
    var record = StudyRecord()
    record[attribute.tag] = value
    if lossy { record.lossy = [attribute.tag] }
    var query = StudyQuery()
    query.keys = [try QueryKey(attribute, parsing: key)]
    return query.matches(record)
}

/// The reference semantics of PS3.4 §C.2.2.2, which every search backend is held to.
@Suite struct MatcherTests {
    @Test(arguments: [
        ("AccessionNumber", "A1", "A1", true), ("AccessionNumber", "A1", "a1", false),
        ("AccessionNumber", "A1", "A12", false),
        ("AccessionNumber", "A1", " A1 ", true), ("AccessionNumber", "A*", "A12", true),
        ("AccessionNumber", "A?2", "A12", true),
        ("AccessionNumber", "A?2", "A2", false), ("AccessionNumber", "*2", "A12", true),
        ("AccessionNumber", "*1*", "A12", true),
        ("AccessionNumber", "A%", "A%", true), ("AccessionNumber", "A%", "A12", false),
        ("AccessionNumber", "A_2", "A12", false),
        ("AccessionNumber", "A\\*", "A\\x", true), ("AccessionNumber", "A'", "A'", true),
        ("PatientName", "müller^*", "MULLER^ANNA", true), ("PatientName", "MULLER*", "Müller^Anna", true),
        ("PatientName", "muller^anna", "MÜLLER^ANNA^^", true), ("PatientName", "ANNA*", "MULLER^ANNA", false),
        ("PatientName", "山田*", "YAMADA^TARO=山田^太郎=やまだ^たろう", true), ("PatientName", "ヤマダ*", "YAMADA=山田=やまだ^たろう", true),
        ("StudyDate", "20200101-20201231", "20200229", true), ("StudyDate", "20200101-20201231", "20210101", false),
        ("StudyDate", "-20201231", "19000101", true), ("StudyDate", "20200101", "2020.01.01", true),
        ("StudyDate", "20200101", "garbage", false), ("StudyTime", "10", "105959.9", true),
        ("StudyTime", "1000-1030", "1031", false),
        ("StudyInstanceUID", "1.2\\1.3", "1.3", true), ("StudyInstanceUID", "1.2", "1.2.0", false),
        ("ModalitiesInStudy", "CT,MR", "SR\\MR", true), ("ModalitiesInStudy", "CT", "MR", false),
        ("ModalitiesInStudy", "C?", "ct", true), ("NumberOfStudyRelatedSeries", "4", "+4", true),
        ("NumberOfStudyRelatedSeries", "4", "40", false), ("PatientSex", "F", "F", true),
        ("PatientSex", "F", "M", false),
        ("StudyDescription", "", "x", true), ("StudyDescription", "*", "", true), ("StudyDescription", "x", "", false),
    ])
    func aValueMatchesOrNot(_ keyword: String, _ key: String, _ value: String, _ matches: Bool) throws {
        #expect(try truth(keyword, key, against: value) == (matches ? .yes : .no))
    }

    @Test func whatWasNotReturnedIsUnknown() throws {
        #expect(try truth("AccessionNumber", "A1", against: nil) == .unknown)
    }

    @Test func whatLostCharactersIsUnknown() throws {
        #expect(try truth("PatientName", "MULLER*", against: "M\u{FFFD}LLER", lossy: true) == .unknown)
    }

    @Test func oneNoDecidesWhateverElseIsUnknown() throws {
        var query = StudyQuery()
        query.keys = [
            try QueryKey(try #require(AttributeDictionary.attribute(keyword: "AccessionNumber")), parsing: "A"),
            try QueryKey(try #require(AttributeDictionary.attribute(keyword: "PatientSex")), parsing: "F"),
        ]
        var record = StudyRecord()
        record[.patientSex] = "M"
        #expect(query.matches(record) == .no)
        record[.patientSex] = "F"
        #expect(query.matches(record) == .unknown)
    }

    @Test(arguments: [
        ("StudyDate", "-"), ("StudyDate", "2020"), ("StudyTime", "x"), ("PatientName", "A\u{1}B"),
        ("NumberOfStudyRelatedSeries", "x"),
    ])
    func aKeyWithoutMeaningIsRefused(_ keyword: String, _ text: String) throws {
        let attribute = try #require(AttributeDictionary.attribute(keyword: keyword))
        #expect(throws: DICOMError(.invalidKey, "")) { try QueryKey(attribute, parsing: text) }
    }

    @Test func wildcardsTakeNoExponentialTime() {
        #expect(!QueryKey.matches(String(repeating: "*a", count: 500) + "b", String(repeating: "a", count: 5_000)))
    }

    @Test func anIdentifierBecomesAQuery() throws {
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, "STUDY ")
        identifier.set(.patientName, "MÜLLER*")
        identifier.setEmpty(.studyDate)
        identifier.set(.seriesInstanceUID, "1.2")
        let query = try StudyQuery(identifier: identifier)
        #expect(query.level == .study)
        #expect(query.keys.map(\.match) == [.name("muller*")])
        #expect(query.includeFields == [.studyDate])
    }
}
