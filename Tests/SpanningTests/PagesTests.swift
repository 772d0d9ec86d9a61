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

    private func position(_ uid: String) -> PagePosition {
        PagePosition(day: 1, clock: nil, studyUID: uid, patient: "")
    }

    @Test func aPageIsContinuedForTheSameQuestionOfTheSameKeyOnly() throws {
        let pages = Pages(now: hands.now)
        let first = try query(["PatientID": "1", "StudyDate": "20200101"])
        pages.note(first, rows: 10, end: position("1.10"), requester: "k")
        var next = try query(["PatientID": "1", "StudyDate": "20200101"], offset: 10)
        #expect(pages.continued(next, requester: "k").after == position("1.10"))
        next.keys.reverse()
        #expect(pages.continued(next, requester: "k").after == position("1.10"))
        #expect(pages.continued(next, requester: "other").after == nil)
        #expect(pages.continued(try query(["PatientID": "2"], offset: 10), requester: "k").after == nil)
        #expect(
            pages.continued(try query(["PatientID": "1", "StudyDate": "20200101"], offset: 11), requester: "k").after
                == nil
        )
        #expect(pages.continued(first, requester: "k").after == nil)
    }

    @Test func afterFiveMinutesAPageIsForgotten() throws {
        let pages = Pages(now: hands.now)
        pages.note(try query([:]), rows: 10, end: position("1.10"), requester: "k")
        let next = try query([:], offset: 10)
        hands.pass(.seconds(299))
        #expect(pages.continued(next, requester: "k").after != nil)
        hands.pass(.seconds(1))
        #expect(pages.continued(next, requester: "k").after == nil)
    }

    @Test func anEmptyPageEndsNowhere() throws {
        let pages = Pages(now: hands.now)
        pages.note(try query([:], offset: 20), rows: 0, end: nil, requester: "k")
        #expect(pages.continued(try query([:], offset: 20), requester: "k").after == nil)
    }

    /// The latest are known, however many there were.
    @Test func memoryIsBounded() throws {
        let pages = Pages(now: hands.now)
        for number in 0..<(3 * Pages.mostPositions) {
            pages.note(try query([:]), rows: 10, end: position("1.\(number)"), requester: "\(number)")
        }
        let next = try query([:], offset: 10)
        let known = (0..<(3 * Pages.mostPositions)).filter { pages.continued(next, requester: "\($0)").after != nil }
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
        pages.keep(list(10), of: first, requester: "k")
        #expect(pages.series(second, requester: "k") == nil)
        pages.keep(list(11), of: first, requester: "k")
        #expect(pages.series(second, requester: "k")?.matches.count == 11)
        // Who begins anew gets what there is now.
        #expect(pages.series(first, requester: "k") == nil)
        #expect(pages.series(second, requester: "other") == nil)
        hands.pass(.seconds(300))
        #expect(pages.series(second, requester: "k") == nil)
    }

    @Test func theOldestListsMakeRoom() throws {
        let pages = Pages(now: hands.now)
        for requester in ["1", "2", "3"] {
            pages.keep(list(Pages.mostRows / 2), of: try query([:]), requester: requester)
            hands.pass(.seconds(1))
        }
        let second = try query([:], offset: 10)
        #expect(["1", "2", "3"].filter { pages.series(second, requester: $0) != nil } == ["2", "3"])
        pages.keep(list(Pages.mostRows + 1), of: try query([:]), requester: "4")
        #expect(pages.series(second, requester: "4") == nil)
    }
}
