import DICOM
import HTTPTypes
import PACSSimulator
import Spanning
import StudyIndex
import Testing

@testable import QueryServer

/// When sources are asked again, against real ones.
@Suite(.serialized) struct SpanningCatalogTests {
    private func patient(_ id: String) throws -> StudyQuery {
        let attribute = try #require(AttributeDictionary.attribute(.patientID))
        var query = StudyQuery()
        query.keys = [QueryKey(attribute: attribute, match: .single(id))]
        return query
    }

    @Test func whatWasAnsweredAMomentAgoIsNotAskedAgain() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            func asked() -> Int { served.pacs.values.reduce(0) { $0 + $1.log.requests.count } }
            var terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
            let query = try patient("NOBODY")
            let first = try await served.catalog.search(query, terms)
            #expect(first.gaps.isSpanned && !first.gaps.isIncomplete)
            let once = asked()
            #expect(once >= 2)
            let second = try await served.catalog.search(query, terms)
            #expect(!second.gaps.isSpanned && !second.gaps.isIncomplete)
            #expect(asked() == once)
            // Unless the client says so.
            terms.policy = .always
            _ = try await served.catalog.search(query, terms)
            #expect(asked() > once)
        }
    }

    /// Clients that page ask until a page is empty (F130): that is no sign that the index has nothing.
    @Test func aPagePastTheEndAsksNobody() async throws {
        try await ServedEnterprise.with { served in
            func asked() -> Int { served.pacs.values.reduce(0) { $0 + $1.log.requests.count } }
            let terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
            let all = try await served.catalog.search(StudyQuery(), terms).answer.studies
            let known = try #require(all.first { !$0.record.patientID.isEmpty }).record.patientID
            let before = asked()
            for page in [0, 1, 100] {
                var query = try patient(known)
                query.limit = 1
                query.offset = page
                let (answer, gaps) = try await served.catalog.search(query, terms)
                #expect(answer.studies.count <= 1)
                #expect(!gaps.isIncomplete)
            }
            #expect(asked() == before)
        }
    }

    /// F121: a client that pages by offsets sees each study once, whatever comes in between two pages; another client, or the
    /// same from its start, sees what there is.
    @Test func pagesFollowEachOtherWhileTheIndexGrows() async throws {
        try await ServedEnterprise.with { served in
            var terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
            terms.requester = "k"
            terms.policy = .never
            var query = StudyQuery()
            query.limit = 5_000
            let before = try await served.catalog.search(query, terms).answer.studies.map(\.record.studyInstanceUID)
            query.limit = 97
            var shown: [String] = []
            for _ in 0...before.count / query.limit + 1 {
                query.offset = shown.count
                let page = try await served.catalog.search(query, terms).answer
                // As long as nothing is shown twice, one page is the last.
                if page.studies.isEmpty { break }
                #expect(page.total >= shown.count + page.studies.count)
                shown += page.studies.map(\.record.studyInstanceUID)
                var newest = StudyRecord()
                newest[.studyInstanceUID] = "9.\(shown.count)"
                newest[.studyDate] = "20261124"
                try await served.index.keep([newest], of: 1)
            }
            #expect(shown == before)
            query.offset = 0
            #expect(
                try await served.catalog.search(query, terms).answer.studies.first?.record.studyInstanceUID.hasPrefix(
                    "9.") == true)
        }
    }

    /// A thousand people ask for as many patients at once: each is answered, and no source sees more than it allows.
    @Test func aThousandQuestionsAtOnceAreAllAnsweredWithinTheBudgets() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            let terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(120))
            let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<1_000 {
                    let query = try patient("NOBODY\(number)")
                    group.addTask { try await !served.catalog.search(query, terms).gaps.isIncomplete }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(answers == 1_000)
            for pacs in served.pacs.values {
                #expect(pacs.log.maximumOpenAssociations <= 4)
                for window in [Duration.milliseconds(100), .milliseconds(500), .seconds(2)] {
                    let allowed = 500 * ((window + .milliseconds(100)) / .seconds(1)) + 1
                    #expect(Double(pacs.log.maximumRequests(within: window)) <= allowed)
                }
            }
        }
    }

    /// Not `[]` in silence: it may be anywhere.
    @Test func aSeriesThatIsNotIndexedIsNoEmptyAnswer() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            let attribute = try #require(AttributeDictionary.attribute(.seriesInstanceUID))
            var query = StudyQuery(level: .series)
            query.keys = [QueryKey(attribute: attribute, match: .uids(["1.2.3"]))]
            let (matches, gaps) = try await served.catalog.searchSeries(
                query, .init(visibility: .unrestricted, deadline: .seconds(5)))
            #expect(matches.isEmpty)
            #expect(gaps.unproven == ServedEnterprise.names)
        }
    }

    /// Whoever takes relational questions is asked which study a series belongs to; the others may have it too.
    @Test func aSeriesWhoseStudyIsNotKnownIsFoundWhereRelationalQuestionsAreTaken() async throws {
        try await ServedEnterprise.with(sweeps: false, names: ["pacs-d", "pacs-g"]) { served in
            let position = try #require(served.enterprise.sources.firstIndex { $0.name == "pacs-d" })
            let held = served.enterprise.copies(at: position).lazy.flatMap { SimulatedSeries.all(of: $0) }
            let wanted = try #require(held.first { $0.studyUID.isUID })
            let attribute = try #require(AttributeDictionary.attribute(.seriesInstanceUID))
            var query = StudyQuery(level: .series)
            func search(_ series: String, _ policy: SpanningPolicy) async throws -> (
                found: [String], unproven: [String]
            ) {
                query.keys = [QueryKey(attribute: attribute, match: .uids([series]))]
                var terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
                terms.policy = policy
                let (matches, gaps) = try await served.catalog.searchSeries(query, terms)
                #expect(gaps.absences.isEmpty)
                return (matches.map(\.series.record.seriesInstanceUID), gaps.unproven)
            }
            let never = try await search(wanted.uid, .never)
            #expect(never.found.isEmpty && never.unproven == ["pacs-d", "pacs-g"])
            let found = try await search(wanted.uid, .auto)
            #expect(found.found == [wanted.uid] && found.unproven.isEmpty)
            let nobodys = try await search("1.2.3", .auto)
            #expect(nobodys.found.isEmpty && nobodys.unproven == ["pacs-g"])
        }
    }

    /// An outage is not “no such study”.
    @Test func aStudyIsNotFoundOnlyIfAllHaveAnswered() {
        var gaps = SpanningCatalog.Gaps()
        #expect(RequestError.notFound(gaps).status == .notFound)
        gaps.absences = [Absence(source: "pacs-a", reason: "down")]
        #expect(RequestError.notFound(gaps).status == .serviceUnavailable)
        #expect(RequestError.notFound(gaps).message.contains("pacs-a"))
    }
}
