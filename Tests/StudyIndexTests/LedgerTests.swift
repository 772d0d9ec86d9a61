import DICOM
import Foundation
import SearchSuite
import Synchronization
import Testing

@testable import PostgresClient
@testable import StudyIndex

@Suite struct LedgerTests {
    private func slices(_ test: TestIndex, _ count: Int) -> [NewSlice] {
        let first = DICOMDate(year: 2020, month: 1, day: 1) ?? .earliest
        return (0..<count).map {
            NewSlice(
                sourceID: test.source("a"),
                range: SliceRange(dates: DateRange(day: first.adding(days: $0))))
        }
    }

    /// Every slice is claimed once and completed once, by workers that race for each.
    @Test func concurrentWorkersShareSlicesWithoutLossOrDouble() async throws {
        try await TestIndex.with(connections: 8) { test in
            let run = try await test.index.openRun(job: "j", slices: slices(test, 120), resumeKey: nil).id
            let claimed = Gathered<Int64>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        while case .slice(let slice) = try await test.index.claim(
                            run: run, source: test.source("a"), worker: "\(worker)")
                        {
                            claimed.add(slice.id)
                            let day = slice.range.dates?.lower?.da ?? ""
                            _ = try await test.index.finish(
                                slice, outcome: .complete(.of(1)), records: [.sample("1.\(day)", [.studyDate: day])])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(claimed.all.count == 120)
            #expect(Set(claimed.all).count == 120)
            #expect(try await test.count("SELECT count(*) FROM slice WHERE state = 'complete'") == 120)
            #expect(try await test.count("SELECT count(*) FROM observation") == 120)
        }
    }

    /// Killed at night and not started again before its time was over: the next night begins anew.
    @Test func aRunWhoseTimeIsOverIsNotTakenUpUnlessSomebodyStillWorksAtIt() async throws {
        try await TestIndex.clocked { test in
            let run = try await test.index.openRun(
                job: "nightly", slices: slices(test, 2), resumeKey: "night", time: .seconds(3_600)
            ).id
            try await test.pass(.seconds(3_590))
            guard
                case .slice(let slice) = try await test.index.claim(
                    run: run, source: test.source("a"), worker: "1")
            else { return #expect(Bool(false), "nothing to claim") }
            #expect(try await test.index.unfinishedRun(key: "night") == run)
            // Its time is over, and the last slice is still asked.
            try await test.pass(.seconds(11))
            #expect(try await test.index.unfinishedRun(key: "night") == run)
            _ = try await test.index.finish(slice, outcome: .complete(.of(1)), records: [.sample("1.1")])
            #expect(try await test.index.unfinishedRun(key: "night") == nil)
            #expect(try await test.count("SELECT count(*) FROM slice WHERE state = 'skipped'") == 1)
            let next = try await test.index.openRun(job: "nightly", slices: [], resumeKey: "night", time: .seconds(1))
            #expect(next.id != run && !next.isResumed)
        }
    }

    /// A worker has the rest of the past in hand while another learns that a newer range was too long: its parts come first, or
    /// they would wait until all of the past is asked.
    @Test func partsOfNewerDaysAreAskedBeforeWhatIsLeftOfThePast() async throws {
        try await TestIndex.with { test in
            let source = test.source("a")
            let past = NewSlice(sourceID: source, range: .dates("-20200131"), isSized: false)
            let run = try await test.index.openRun(job: "j", slices: [past], resumeKey: nil).id
            func claim() async throws -> ClaimedSlice {
                guard case .slice(let slice) = try await test.index.claim(run: run, source: source, worker: "1") else {
                    throw IndexError(.corrupt, "nothing to claim")
                }
                return slice
            }
            let first = try await claim()
            let day = try #require(DICOMDate("20200129"))
            let newest = try #require(try await test.index.narrow(first, to: day))
            #expect(newest.range == .dates("20200129-20200131"))
            #expect(newest.isSized)
            #expect(try await !test.index.renew(first), "it is for everybody")

            let rest = try await claim()
            #expect(rest.range == .dates("-20200128"))
            let parts = ["20200131", "20200129-20200130"].map { NewSlice(sourceID: source, range: .dates($0)) }
            _ = try await test.index.finish(newest, outcome: .split(.of(500), reason: "cropped", children: parts))
            let lower = try #require(DICOMDate("20200120"))
            let next = try #require(try await test.index.narrow(rest, to: lower))
            #expect(try await test.index.narrow(rest, to: lower) == next, "asked again where no answer was heard")
            #expect(try await claim().range == .dates("20200131"))
            #expect(try await claim().range == .dates("20200129-20200130"))
            #expect(try await claim().range == .dates("-20200119"))
            #expect(try await test.index.narrow(first, to: lower) == nil, "somebody else's")
        }
    }

    /// A night of few days must not make the questions of the next ones smaller.
    @Test func thePlannerIsToldOfWhatHasGrown() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", (0..<2_000).map { .sample("1.2.\($0)") })
            try await test.index.refreshStatistics()
            #expect(
                try await test.count("SELECT reltuples::int8 FROM pg_class WHERE relname = 'observation'") == 2_000)
            // Told once, it is not told again.
            #expect(try await test.sql(SQL.outdatedStatistics).isEmpty)
        }
    }

    @Test func whatARefusingSourceAcceptsIsLearnedAndNeverForgotten() async throws {
        try await TestIndex.with { test in
            let source = test.source("a")
            for (rows, refusals, expected) in [(299, 2, nil), (299, 3, "299"), (40, 3, "299"), (310, 3, "310")] {
                let run = try await test.index.openRun(
                    job: "j", slices: slices(test, 1 + refusals), resumeKey: nil
                ).id
                for number in 0...refusals {
                    guard case .slice(let slice) = try await test.index.claim(run: run, source: source, worker: "1")
                    else { return #expect(Bool(false), "nothing to claim") }
                    let refused = SliceProof(
                        rawRows: 0, distinctUIDs: 0, filteredOut: 0, finalStatus: 0xC000, duration: .zero)
                    let outcome: SliceOutcome =
                        number == 0
                        ? .complete(.of(rows)) : .split(refused, reason: "refused as too broad", children: [])
                    _ = try await test.index.finish(slice, outcome: outcome, records: [])
                }
                try await test.index.learnAccepted(run)
                try await test.index.closeRun(run)
                let known = try await test.index.capabilities(of: source).first { $0.name == "most_rows_accepted" }
                #expect(known?.value == expected)
            }
        }
    }

    @Test func aSliceWhoseLeaseRanOutIsLeasedAgainAndTheOldClaimIsFenced() async throws {
        try await TestIndex.with { test in
            let run = try await test.index.openRun(job: "j", slices: slices(test, 1), resumeKey: nil).id
            let source = test.source("a")
            guard case .slice(let first) = try await test.index.claim(run: run, source: source, worker: "1") else {
                Issue.record("nothing to claim")
                return
            }
            guard case .wait = try await test.index.claim(run: run, source: source, worker: "2") else {
                Issue.record("a leased slice was handed out, or forgotten")
                return
            }
            try await test.sql("UPDATE slice SET lease_until = clock_timestamp() - interval '1 ms'")
            guard case .slice(let second) = try await test.index.claim(run: run, source: source, worker: "2") else {
                Issue.record("the slice was not leased again")
                return
            }
            #expect(second.id == first.id && second.claimID != first.claimID && second.attempt == 2)
            #expect(try await test.index.renew(first) == false)
            await #expect(throws: IndexError(.fenced, "")) {
                _ = try await test.index.finish(first, outcome: .complete(.of(1)), records: [.sample("1.1")])
            }
            // Nothing of the fenced transaction stays.
            #expect(try await test.count("SELECT count(*) FROM observation") == 0)
            #expect(try await test.index.renew(second))
            _ = try await test.index.finish(second, outcome: .complete(.of(1)), records: [.sample("1.1")])
            guard case .drained = try await test.index.claim(run: run, source: source, worker: "1") else {
                Issue.record("the run has nothing left")
                return
            }
        }
    }

    /// A COMMIT whose answer was lost: the same claim asks again.
    @Test func aClaimThatHasEndedItsSliceIsToldSoAndDoublesNothing() async throws {
        try await TestIndex.with { test in
            let slice = try await test.claimed("a", .dates("20200101-20200102"))
            let child = NewSlice(sourceID: test.source("a"), range: .dates("20200101"))
            for expected in [1, 0] {
                let counts = try await test.index.finish(
                    slice, outcome: .split(.of(1), reason: "cropped", children: [child]), records: [.sample("1.1")])
                #expect(counts.new == expected)
            }
            #expect(try await test.count("SELECT count(*) FROM slice") == 2)
            #expect(try await test.count("SELECT count(*) FROM change") == 1)
        }
    }

    @Test func aBrokenConnectionIsReplacedAndTheSliceEnds() async throws {
        try await TestIndex.with(connections: 1) { test in
            let slice = try await test.claimed("a")
            let killer = PostgresPool(connectionString: test.connectionString, size: 1)
            _ = try await killer.withConnection {
                try $0.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            }
            await killer.close()
            #expect(try await test.index.finish(slice, outcome: .complete(.of(1)), records: [.sample("1.1")]).new == 1)
        }
    }

    @Test func anAbandonedSourcesWorkersAreFenced() async throws {
        try await TestIndex.with { test in
            let run = try await test.index.openRun(job: "j", slices: slices(test, 2), resumeKey: nil).id
            guard case .slice(let slice) = try await test.index.claim(run: run, source: test.source("a"), worker: "w")
            else {
                Issue.record("nothing to claim")
                return
            }
            try await test.index.abandon(run: run, source: test.source("a"), reason: "it refuses everything")
            await #expect(throws: IndexError(.fenced, "")) {
                try await test.index.finish(slice, outcome: .complete(.of(1)), records: [.sample("1.1")])
            }
            #expect(try await test.count("SELECT count(*) FROM slice WHERE state = 'dead'") == 2)
        }
    }

    @Test func aSplitSliceHandsItsRangeToItsChildren() async throws {
        try await TestIndex.with { test in
            let slice = try await test.claimed("a", .dates("20200101-20200102"))
            let children = ["20200102", "20200101"].map {
                NewSlice(sourceID: test.source("a"), range: .dates($0))
            }
            _ = try await test.index.finish(
                slice, outcome: .split(.of(1), reason: "cropped", children: children), records: [.sample("1.1")])
            #expect(try await test.count("SELECT count(*) FROM observation") == 1)
            #expect(
                try await test.count("SELECT count(*) FROM slice WHERE state = 'ready' AND parent_id = \(slice.id)")
                    == 2)
        }
    }

    @Test func transientFailuresAreRetriedAFewTimesAndPermanentOnesAreNot() async throws {
        try await TestIndex.with { test in
            let source = test.source("a")
            let run = try await test.index.openRun(job: "j", slices: slices(test, 1), resumeKey: nil).id
            for attempt in 1...StudyIndex.maximumAttempts {
                guard case .slice(let slice) = try await test.index.claim(run: run, source: source, worker: "w") else {
                    Issue.record("attempt \(attempt) was not given")
                    return
                }
                _ = try await test.index.finish(
                    slice,
                    outcome: .failed(
                        code: "aborted", message: "", transient: true, retryAfter: .seconds(30), jitter: 1),
                    records: [])
                try await test.sql("UPDATE slice SET not_before = '-infinity'")
            }
            #expect(try await test.count("SELECT count(*) FROM slice WHERE state = 'dead'") == 1)
            guard case .drained = try await test.index.claim(run: run, source: source, worker: "w") else {
                Issue.record("a dead slice was handed out")
                return
            }
            let other = try await test.claimed("b")
            _ = try await test.index.finish(
                other,
                outcome: .failed(
                    code: "rejected", message: "", transient: false, retryAfter: .zero, jitter: 1), records: []
            )
            #expect(try await test.count("SELECT count(*) FROM slice WHERE state = 'dead'") == 2)
        }
    }

    @Test func anUnfinishedRunIsTakenUpAgainAndAFinishedOneIsNot() async throws {
        try await TestIndex.with { test in
            let first = try await test.index.openRun(job: "j", slices: slices(test, 3), resumeKey: "k")
            let second = try await test.index.openRun(job: "j", slices: slices(test, 3), resumeKey: "k")
            #expect(second.id == first.id && second.isResumed && !first.isResumed)
            #expect(try await test.count("SELECT count(*) FROM slice") == 3)
            try await test.index.closeRun(first.id)
            let third = try await test.index.openRun(job: "j", slices: slices(test, 3), resumeKey: "k")
            #expect(third.id != first.id && !third.isResumed)
        }
    }

    /// Parts that are divided refer to their day as soon as they end, and wait for each other's new names later: who locks the
    /// day must not wait for them, or both would wait for ever.
    @Test func theDayOfPartsIsLockedByOneAtATimeWhateverRefersToIt() async throws {
        try await TestIndex.with { test in
            let day = try await test.claimed("a", .dates("20200301"))
            let divides = try PostgresConnection(connectionString: test.connectionString)
            let ends = try PostgresConnection(connectionString: test.connectionString)
            for connection in [divides, ends] { try connection.execute(script: "BEGIN; SET lock_timeout = '2s'") }
            try divides.query(
                "INSERT INTO slice (run_id, source_id, day_id, sized, level, axis, date_from, date_to, time_from, time_to)"
                    + " SELECT run_id, source_id, id, true, level, 'times', date_from, date_to, 0, 1 FROM slice WHERE id = $1",
                [.int(day.id)])
            try ends.query(SQL.lockDay, [.int(day.id)])
            try divides.execute(script: "SET lock_timeout = '20ms'")
            #expect(throws: PostgresError.self) { try divides.query(SQL.lockDay, [.int(day.id)]) }
        }
    }

    /// The scheduler that leads reconciles, too.
    @Test func reconciliationEndsWhileASchedulerLeads() async throws {
        try await TestIndex.with { test in
            let leads = try PostgresConnection(connectionString: test.connectionString)
            let reconciles = try PostgresConnection(connectionString: test.connectionString)
            #expect(try leads.query(SQL.lead).first?.bool(0) == true)
            try reconciles.execute(script: "BEGIN; SET lock_timeout = '2s'")
            try reconciles.query(SQL.lockReconciliation)
        }
    }

    // MARK: Schema

    @Test func manyProcessesMigrateAtOnce() async throws {
        try await TestIndex.with(connections: 6) { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 { group.addTask { try await test.index.migrate() } }
                try await group.waitForAll()
            }
            try await test.sql("UPDATE schema_migration SET hash = '\\x00' WHERE version = 1")
            await #expect(throws: IndexError(.schemaDiffers, "")) { try await test.index.migrate() }
        }
    }
}

/// What concurrent tasks did.
final class Gathered<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    var all: [Element] { elements.withLock { $0 } }
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
}
