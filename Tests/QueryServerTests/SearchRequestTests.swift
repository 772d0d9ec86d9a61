import DICOM
import HTTPTypes
import Spanning
import Testing

@testable import QueryServer

@Suite struct SearchRequestTests {
    private func request(_ query: String) throws -> SearchRequest { try SearchRequest(rawQuery: query, level: .study) }

    private func match(_ keyword: String, in query: String) throws -> QueryKey.Match? {
        try request(query).query.keys.first { $0.attribute.keyword == keyword }?.match
    }

    @Test func whatOHIFSendsIsUnderstood() throws {
        let request = try request(
            "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030&PatientName=*M%C3%9CLLER*&00100020=*12*&ModalitiesInStudy=CT,MR&StudyDate=20200101-20201231"
        )
        #expect(request.query.limit == 101)
        #expect(request.query.includeFields.contains(.studyDescription))
        #expect(request.warnings.isEmpty)
        #expect(
            request.query.keys.map(\.match) == [
                .name("*muller*"), .wildcard("*12*"), .anyOf(["CT", "MR"]),
                .dates(DateRange(lower: DICOMDate("20200101"), upper: DICOMDate("20201231"))),
            ])
    }

    @Test func whatWeasisSendsIsUnderstood() throws {
        let request = try request("00100020=123&&includefield=00080020,00080030&00100021=HOSP&limit=10&offset=0&")
        #expect(request.query.keys.map(\.match) == [.single("123"), .single("HOSP")])
    }

    @Test(arguments: ["1.2,1.3", "1.2%5C1.3", "1.2\\1.3"])
    func uidListsComeWithCommasAndBackslashes(_ list: String) throws {
        #expect(try match("StudyInstanceUID", in: "StudyInstanceUID=\(list)") == .uids(["1.2", "1.3"]))
    }

    @Test func uidListsComeAsRepeatedParameters() throws {
        #expect(try match("StudyInstanceUID", in: "0020000D=1.2&0020000D=1.3") == .uids(["1.2", "1.3"]))
    }

    @Test func aMatchKeyThatIsAlsoAnIncludeFieldStillFilters() throws {
        #expect(try match("AccessionNumber", in: "includefield=AccessionNumber&AccessionNumber=A1") == .single("A1"))
    }

    @Test func plusAndPercentAreDecodedOnce() throws {
        #expect(try match("StudyDescription", in: "StudyDescription=CT+HEAD%20A%2541") == .single("CT HEAD A%41"))
    }

    @Test func unknownAttributesAreIgnoredWithAWarning() throws {
        let request = try request("Bogus=1&77771020=x&PatientID=1")
        #expect(request.query.keys.count == 1)
        #expect(request.warnings.count == 2)
    }

    /// F128: Weasis takes a refusal for an empty list, and says nothing of it.
    @Test func aRangeThatEndsBeforeItBeginsMatchesNothingAndSaysSo() throws {
        let request = try request("StudyDate=20210101-20200101")
        let dates = try #require(DateRange(da: "20200101-20210101"))
        #expect(request.query.keys.map(\.match) == [.dates(DateRange(lower: dates.upper, upper: dates.lower))])
        #expect(request.warnings.count == 1)
        #expect(throws: SearchRequest.Refused.self) { try self.request("StudyDate=20210101-20200199") }
    }

    @Test(arguments: [
        ("never", SpanningPolicy.never), ("auto", .auto), ("ALWAYS", .always),
    ])
    func spanningSaysWhetherSourcesMayBeAsked(word: String, policy: SpanningPolicy) throws {
        #expect(try request("spanning=\(word)").spanning == policy)
        #expect(throws: SearchRequest.Refused.self) { try self.request("spanning=perhaps") }
    }

    @Test func cacheControlSaysHowAnAnswerMayBeComeBy() throws {
        func terms(_ value: String, _ spanning: SpanningPolicy? = nil) -> SpanningCatalog.Terms {
            SpanningCatalog.Terms(
                [.cacheControl: value], spanning: spanning, visibility: .unrestricted, deadline: .seconds(5))
        }
        #expect(terms("").policy == .auto)
        #expect(terms("no-cache").policy == .always)
        #expect(terms("max-age=60, Only-If-Cached").policy == .never)
        #expect(terms("max-age=60").freshness == Freshness(maximumAge: .seconds(60)))
        #expect(terms("max-age=x").freshness == nil)
        #expect(terms("no-cache", .never).policy == .never)
    }

    @Test func thePathNamesTheStudyWhateverTheQuerySays() throws {
        let path: [DICOM.Tag: String] = [.studyInstanceUID: "1.2.3"]
        let request = try SearchRequest(rawQuery: "StudyInstanceUID=9.9&Modality=CT", level: .series, path: path)
        #expect(request.query.keys.map(\.match) == [.single("CT"), .uids(["1.2.3"])])
        #expect(throws: SearchRequest.Refused.self) {
            try SearchRequest(rawQuery: "", level: .series, path: [.studyInstanceUID: "1.2.3 OR 1"])
        }
    }

    @Test func aLimitAboveOursIsClampedWithAWarning() throws {
        let request = try request("limit=1000000")
        #expect(request.query.limit == SearchRequest.maximumResults)
        #expect(request.warnings.count == 1)
    }

    /// Wherever in the query it stands, and for names only.
    @Test func fuzzyMatchingIsOfNames() throws {
        let request = try request(
            "PatientName=Jo+do&fuzzymatching=true&ReferringPhysicianName=HOUSE*&StudyDescription=a+b")
        #expect(
            request.query.keys.map(\.match) == [
                .fuzzyName(FuzzyName("jo do")), .fuzzyName(FuzzyName("house*")), .single("a b"),
            ])
        #expect(request.warnings.isEmpty)
        #expect(try match("PatientName", in: "PatientName=Jo+do&fuzzymatching=false") == .name("jo do"))
    }

    @Test(arguments: [
        "StudyDate=-", "StudyDate=2020-13-01", "limit=-1", "offset=x", "PatientID=%ZZ", "NumberOfStudyRelatedSeries=x",
    ])
    func whatHasNoMeaningIsRefused(_ query: String) {
        #expect(throws: SearchRequest.Refused.self) { try request(query) }
    }

    private static let xml = "multipart/related; type=\"application/dicom+xml\""

    @Test(
        arguments: [
            (nil, AnswerForm.dicomJSON), ("*/*", .dicomJSON), ("application/dicom+json", .dicomJSON),
            ("application/dicom+json, application/json", .dicomJSON), ("", .dicomJSON), ("application/*", .dicomJSON),
            ("application/dicom+json, multipart/related; type=application/octet-stream", .dicomJSON),
            ("text/html,application/xhtml+xml", .dicomJSON), (xml, .dicomXML), ("\(xml), */*;q=0.1", .dicomXML),
            ("multipart/related; type=application/dicom+xml;", .dicomXML),
            ("\(xml), application/dicom+json", .dicomJSON),
            ("\(xml);q=0.5, application/dicom+json", .dicomJSON), ("\(xml), application/dicom+json;q=0.5", .dicomXML),
            ("application/dicom+json;q=0, */*", .dicomXML), ("application/dicom+json;q=0", nil), ("image/png", nil),
            ("multipart/related; type=application/octet-stream", nil), ("\(xml);q=0", nil),
        ] as [(String?, AnswerForm?)])
    func dicomJSONIsAnsweredWheneverItIsAsWelcome(_ header: String?, _ form: AnswerForm?) {
        #expect(AnswerForm(accept: header) == form)
    }
}
