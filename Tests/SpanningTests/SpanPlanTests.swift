import DICOM
import StudyIndex
import Testing

@testable import Spanning

/// What is asked live, and what is not.
@Suite struct SpanPlanTests {
    private static let today = DICOMDate(year: 2026, month: 11, day: 26) ?? .latest
    private static let fresh = Duration.seconds(60)
    private static let hour = Duration.seconds(3_600)
    private static let year = Duration.seconds(365 * 86_400)

    private func query(_ keys: [String: String]) throws -> StudyQuery {
        var query = StudyQuery()
        for (keyword, text) in keys.sorted(by: { $0.key < $1.key }) {
            let attribute = try #require(AttributeDictionary.attribute(keyword: keyword))
            query.keys.append(try QueryKey(attribute, parsing: text))
        }
        return query
    }

    private func covered(
        _ source: String, _ days: String, _ age: Duration, _ state: CoveredDays.State = .proven
    ) throws -> CoveredDays {
        let range = days.isEmpty ? DateRange(lower: nil, upper: nil) : try #require(DateRange(da: days))
        return CoveredDays(
            source: source, level: .study, days: range, state: state, reason: "", verifiedAt: "", age: age)
    }

    private func plan(
        _ keys: [String: String], found: [String] = [], _ policy: SpanningPolicy = .auto,
        coverage: [CoveredDays], freshness: Freshness = Freshness()
    ) throws -> SpanPlan {
        SpanPlan(
            try query(keys),
            found: found.map { date in
                var record = StudyRecord()
                record[.studyInstanceUID] = "1.2"
                record[.studyDate] = date
                return record
            }, policy: policy, sources: [("a", "HOSP"), ("b", "OTHER")],
            knowledge: DayKnowledge.all(coverage, freshness, Self.today))
    }

    private func dates(_ plan: SpanPlan) -> [String] {
        plan.questions.map { "\($0.source) \($0.dates?.da ?? "any")" }
    }

    /// The night has proven all; what came in since is what a person may miss.
    @Test func onlyTheRecentDaysAreAskedWhereHistoryIsKnown() throws {
        let coverage = [try covered("a", "", Self.hour), try covered("b", "", Self.hour)]
        let asked = try plan(["PatientID": "P1"], found: ["20200101"], coverage: coverage)
        #expect(dates(asked) == ["a 20261125-", "b 20261125-"])
        #expect(asked.unproven.isEmpty)
    }

    @Test func whatIsProvenAndFreshIsNotAsked() throws {
        let coverage = [try covered("a", "", Self.fresh), try covered("b", "", Self.fresh)]
        #expect(try plan(["PatientID": "P1"], found: ["20200101"], coverage: coverage).isNothing)
        // A study of 2020 is history, however old the recent days are.
        let nightly = [try covered("a", "", Self.hour), try covered("b", "", Self.hour)]
        #expect(try plan(["StudyInstanceUID": "1.2"], found: ["20200101"], coverage: nightly).isNothing)
        #expect(
            try plan(["PatientID": "P1", "StudyDate": "20200101-20201231"], found: ["20200101"], coverage: nightly)
                .isNothing)
    }

    @Test func holesAndOldProofsAreAskedAgain() throws {
        let coverage = [
            try covered("a", "-20251231", Self.fresh), try covered("a", "20260101-20260331", Self.fresh, .hole),
            try covered("a", "20260401-", Self.fresh), try covered("b", "-20191231", Self.year),
            try covered("b", "20200101-", Self.fresh),
        ]
        let asked = try plan(["PatientID": "P1"], found: ["20200101"], coverage: coverage)
        #expect(dates(asked) == ["a 20260101-20260331", "b -20191231"])
        let within = try plan(
            ["PatientID": "P1", "StudyDate": "20260215-20260630"], found: ["20260301"], coverage: coverage)
        #expect(dates(within) == ["a 20260215-20260331"])
    }

    @Test func aSourceThatWasNeverSweptIsAskedForEverything() throws {
        let asked = try plan(["PatientID": "P1"], found: ["20200101"], coverage: [try covered("a", "", Self.fresh)])
        #expect(dates(asked) == ["b any"])
    }

    /// An index that has nothing of a UID or accession number may lack just that.
    @Test(arguments: ["StudyInstanceUID", "AccessionNumber", "PatientID"])
    func whatTheIndexDoesNotHaveIsAskedForEverywhere(keyword: String) throws {
        let coverage = [try covered("a", "", Self.fresh), try covered("b", "", Self.fresh)]
        #expect(dates(try plan([keyword: "1.2"], coverage: coverage)) == ["a any", "b any"])
        #expect(try plan([keyword: "1.2"], .never, coverage: coverage).isNothing)
    }

    /// F118: live questions are for what few studies match.
    @Test(arguments: [SpanningPolicy.auto, .always])
    func broadQueriesAreNeverAskedAndSayWhatTheyLack(policy: SpanningPolicy) throws {
        let coverage = [try covered("a", "", Self.fresh)]
        for keys in [
            ["PatientName": "MUELLER*"], ["StudyDate": "20200101-20200102"], ["PatientID": "P*"], [:],
        ] {
            let broad = try plan(keys, policy, coverage: coverage)
            #expect(broad.questions.isEmpty)
            #expect(broad.unproven == ["b"])
        }
        #expect(dates(try plan(["StudyDate": "20200101"], .auto, coverage: coverage)) == ["b 20200101"])
    }

    @Test func alwaysAsksWhateverIsKnownAndNeverAsksNothing() throws {
        let coverage = [try covered("a", "", Self.fresh), try covered("b", "", Self.hour)]
        #expect(
            dates(try plan(["PatientID": "P1"], found: ["20200101"], .always, coverage: coverage)) == [
                "a any", "b any",
            ])
        let never = try plan(["PatientID": "P1"], found: ["20200101"], .never, coverage: coverage)
        #expect(never.questions.isEmpty)
        #expect(never.unproven == ["b"])
    }

    @Test func maxAgeSaysHowOldAProofMayBe() throws {
        let coverage = [try covered("a", "", Self.hour), try covered("b", "", Self.hour)]
        func asked(_ age: Duration) throws -> [String] {
            dates(
                try plan(
                    ["PatientID": "P1"], found: ["20200101"], coverage: coverage,
                    freshness: Freshness(maximumAge: age)))
        }
        #expect(try asked(.seconds(7_200)) == [])
        #expect(try asked(.seconds(60)) == ["a any", "b any"])
    }

    /// A wildcard would be every study of the source; each UID of a list is a question of its own.
    @Test(arguments: [
        ["StudyInstanceUID": "1.2.*"], ["PatientID": "A\\B"], ["AccessionNumber": "A\\B"],
        ["StudyInstanceUID": (0..<17).map { "1.\($0)" }.joined(separator: ",")],
    ])
    func whatIsNotOneThingIsAskedOfTheIndexAlone(keys: [String: String]) throws {
        let broad = try plan(keys, coverage: [])
        #expect(broad.questions.isEmpty)
        #expect(broad.unproven == ["a", "b"])
    }

    /// Its date may differ from source to source (F161).
    @Test func aStudyIsAskedForByItsUIDWhateverItsDate() throws {
        let old = [try covered("a", "", Self.year), try covered("b", "", Self.year)]
        #expect(dates(try plan(["StudyInstanceUID": "1.2"], found: ["20200101"], coverage: old)) == ["a any", "b any"])
        // F48: archives exist that find nothing for a list.
        let keys = LiveQuestion.Key.all(try query(["StudyInstanceUID": "1.3,1.2,1.2"]).selector)
        #expect(keys == [.uid("1.2"), .uid("1.3")])
    }

    /// It is no attribute of studies, and nobody is asked for it in vain.
    @Test(arguments: [true, false]) func onlyWhereFacilitiesDependOnItAnInstitutionIsAskedFor(isAsked: Bool) {
        let study = LiveQuestion.studies(source: "a", .uid("1.2"), dates: nil).identifier(institution: isAsked)
        #expect((study[.institutionName] != nil) == isAsked)
        let series = LiveQuestion.series(source: "a", study: "1.2").identifier(institution: isAsked)
        #expect(series[.institutionName] == nil)
    }

    /// Promise 9: another hospital's patient of the same number is somebody else.
    @Test func aQualifiedPatientIsAskedForAtTheSourcesOfItsIssuer() throws {
        let asked = try plan(["PatientID": "P1", "IssuerOfPatientID": "OTHER"], coverage: [])
        #expect(dates(asked) == ["b any"])
    }

    // MARK: Age

    /// What an answer rests on is as old as the oldest proof of the days that it is about.
    @Test func theAgeIsThatOfTheOldestProof() throws {
        let coverage = [
            try covered("a", "-20231231", .seconds(500)), try covered("a", "20240101-20240131", .seconds(300)),
            try covered("a", "20240201-", .seconds(100)), try covered("b", "", .seconds(200)),
        ]
        let all = Freshness(maximumAge: .seconds(3_600))
        #expect(try plan([:], coverage: coverage, freshness: all).age == .seconds(500))
        #expect(try plan(["StudyDate": "20240115"], coverage: coverage, freshness: all).age == .seconds(300))
        #expect(try plan(["StudyDate": "20240131-20240201"], coverage: coverage, freshness: all).age == .seconds(300))
        #expect(try plan(["StudyDate": "20240202"], coverage: coverage, freshness: all).age == .seconds(200))
        let ofOne = ["StudyDate": "20240202", "IssuerOfPatientID": "HOSP"]
        #expect(try plan(ofOne, coverage: coverage, freshness: all).age == .seconds(100))
    }

    /// A source that is asked proves nothing by the index.
    @Test func whatIsAskedOrUnknownHasNoAge() throws {
        #expect(try plan(["StudyDate": "20240202"], coverage: []).age == nil)
        let coverage = [try covered("a", "", .seconds(200)), try covered("b", "", .seconds(100))]
        let asked = try plan(["StudyDate": "20240202"], .always, coverage: coverage)
        #expect(asked.questions.count == 2 && asked.age == nil)
        #expect(try plan(["StudyDate": "20240202"], .never, coverage: []).age == nil)
    }
}

extension SpanPlan {
    /// Nobody is asked, and nothing is missing.
    fileprivate var isNothing: Bool { questions.isEmpty && unproven.isEmpty }
}
