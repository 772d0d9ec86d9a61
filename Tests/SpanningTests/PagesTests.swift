import DICOM
import Synchronization
import Testing

@testable import Spanning

/// What is remembered between two pages, for how long, and how much of it.
@Suite struct PagesTests {
    /// A clock that the test moves.
    private final class Hands: Sendable {
        private let instant = Mutex(ContinuousClock.now)
        func pass(_ time: Duration) { instant.withLock { $0 += time } }
        var now: @Sendable () -> ContinuousClock.Instant { { self.instant.withLock { $0 } } }
    }
    private let hands = Hands()

    private func query(_ keys: [String: String], offset: Int = 0, limit: Int = 10) throws -> StudyQuery {
        var query = StudyQuery()
        query.keys = try keys.sorted { $0.key > $1.key }.map {
            try QueryKey(try #require(AttributeDictionary.attribute(keyword: $0)), parsing: $1)
        }
        (query.offset, query.limit) = (offset, limit)
        return query
    }

    private func terms(_ requester: String, _ visibility: Visibility = .unrestricted) -> SpanningCatalog.Terms {
        var terms = SpanningCatalog.Terms(visibility: visibility, deadline: .zero)
        terms.requester = requester
        return terms
    }

    private func position(_ uid: String) -> PagePosition {
        PagePosition(day: 1, clock: nil, studyUID: uid, patient: "")
    }

    @Test func aPageIsContinuedForTheSameQuestionOfTheSameKeyOnly() throws {
        let pages = Pages(now: hands.now)
        let first = try query(["PatientID": "1", "StudyDate": "20200101"])
        pages.note(first, rows: 10, total: 30, end: position("1.10"), for: terms("k"))
        var next = try query(["PatientID": "1", "StudyDate": "20200101"], offset: 10)
        #expect(pages.continued(next, for: terms("k")).after == position("1.10"))
        next.keys.reverse()
        #expect(pages.continued(next, for: terms("k")).after == position("1.10"))
        #expect(pages.continued(next, for: terms("other")).after == nil)
        #expect(pages.continued(next, for: terms("k", .facilities(["North"]))).after == nil)
        #expect(pages.continued(try query(["PatientID": "2"], offset: 10), for: terms("k")).after == nil)
        #expect(
            pages.continued(try query(["PatientID": "1", "StudyDate": "20200101"], offset: 11), for: terms("k")).after
                == nil
        )
        #expect(pages.continued(first, for: terms("k")).after == nil)
    }

    @Test func afterFiveMinutesAPageIsForgotten() throws {
        let pages = Pages(now: hands.now)
        pages.note(try query([:]), rows: 10, total: 30, end: position("1.10"), for: terms("k"))
        let next = try query([:], offset: 10)
        hands.pass(.seconds(299))
        #expect(pages.continued(next, for: terms("k")).after != nil)
        hands.pass(.seconds(1))
        #expect(pages.continued(next, for: terms("k")).after == nil)
    }

    @Test func theLastPageIsNotRemembered() throws {
        let pages = Pages(now: hands.now)
        pages.note(try query([:], offset: 20), rows: 10, total: 30, end: position("1.30"), for: terms("k"))
        #expect(pages.continued(try query([:], offset: 30), for: terms("k")).after == nil)
    }

    /// The latest are known, however many there were.
    @Test func memoryIsBounded() throws {
        let pages = Pages(now: hands.now)
        for number in 0..<(3 * Pages.mostPositions) {
            pages.note(try query([:]), rows: 10, total: 30, end: position("1.\(number)"), for: terms("\(number)"))
        }
        let next = try query([:], offset: 10)
        let known = (0..<(3 * Pages.mostPositions)).filter { pages.continued(next, for: terms("\($0)")).after != nil }
        #expect(known.count <= 2 * Pages.mostPositions)
        #expect(Set(known).isSuperset(of: (2 * Pages.mostPositions)..<(3 * Pages.mostPositions)))
    }

    private func list(_ count: Int) -> Pages.SeriesList {
        let study = CatalogStudy(record: StudyRecord(), holders: [])
        return Pages.SeriesList(
            matches: (0..<count).map { number in
                (CatalogSeries(record: SeriesRecord(texts: ["1.\(number)", "1"]), holders: []), study)
            }, gaps: SpanningCatalog.Gaps())
    }

    @Test func aListIsServedFromItsFirstPagesAnswer() throws {
        let pages = Pages(now: hands.now)
        let (first, second) = (try query([:]), try query([:], offset: 10))
        pages.keep(list(10), of: first, for: terms("k"))
        #expect(pages.series(second, for: terms("k")) == nil)
        pages.keep(list(11), of: first, for: terms("k"))
        #expect(pages.series(second, for: terms("k"))?.matches.count == 11)
        // Who begins anew gets what there is now.
        #expect(pages.series(first, for: terms("k")) == nil)
        #expect(pages.series(second, for: terms("other")) == nil)
        hands.pass(.seconds(300))
        #expect(pages.series(second, for: terms("k")) == nil)
    }

    @Test func theOldestListsMakeRoom() throws {
        let pages = Pages(now: hands.now)
        for requester in ["1", "2", "3"] {
            pages.keep(list(Pages.mostRows / 2), of: try query([:]), for: terms(requester))
            hands.pass(.seconds(1))
        }
        let second = try query([:], offset: 10)
        #expect(["1", "2", "3"].filter { pages.series(second, for: terms($0)) != nil } == ["2", "3"])
        pages.keep(list(Pages.mostRows + 1), of: try query([:]), for: terms("4"))
        #expect(pages.series(second, for: terms("4")) == nil)
    }
}
