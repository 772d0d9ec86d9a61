import Foundation
import PostgresClient
import Testing

@testable import StudyIndex

/// All on a clock that the tests move, but for the first.
@Suite struct BudgetTests {
    private func place(_ test: TestIndex, _ purpose: Purpose = .sweep) async throws -> LeaseID {
        guard case .granted(let lease, _) = try await test.index.openLease(source: test.source("a"), purpose: purpose)
        else { throw IndexError(.corrupt, "no place") }
        return lease
    }

    private func isGranted(_ test: TestIndex, _ lease: LeaseID) async throws -> Bool {
        if case .granted = try await test.index.permit(source: test.source("a"), lease: lease) { return true }
        return false
    }

    private func wait(_ test: TestIndex, _ lease: LeaseID) async throws -> Duration? {
        if case .wait(let wait) = try await test.index.permit(source: test.source("a"), lease: lease) { return wait }
        return nil
    }

    private func report(_ test: TestIndex, _ lease: LeaseID, _ outcome: RequestOutcome) async throws -> SourceHealth {
        try await test.index.report(source: test.source("a"), lease: lease, outcome, took: .seconds(1), jitter: 1)
    }

    // MARK: Rate

    @Test func noWindowHoldsMoreThanTheRateAndTheBurstHoweverManyAsk() async throws {
        let (rate, burst) = (200.0, 5)
        try await TestIndex.with(connections: 8, queriesPerSecond: rate, burst: burst, associations: 8) { test in
            let granted = Gathered<ContinuousClock.Instant>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let lease = try await place(test)
                        let end = ContinuousClock.now + .milliseconds(700)
                        while ContinuousClock.now < end {
                            if try await isGranted(test, lease) { granted.add(.now) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let times = granted.all.sorted()
            try #require(times.count > 1)
            // A grant is seen up to 100 ms after it was given.
            for first in times.indices {
                for last in first..<times.count {
                    let window = (times[last] - times[first]) / .seconds(1)
                    #expect(Double(last - first + 1) <= rate * (window + 0.1) + Double(burst) + 1)
                }
            }
        }
    }

    @Test func aBurstIsGrantedAtOnceAndThenThePaceHolds() async throws {
        try await TestIndex.clocked(queriesPerSecond: 0.01, burst: 3) { test in
            let lease = try await place(test)
            for _ in 0..<3 { #expect(try await isGranted(test, lease)) }
            #expect(try await wait(test, lease) == .seconds(100))
        }
    }

    @Test func aClockThatSteppedBackCostsOneWaitAndNotMore() async throws {
        try await TestIndex.clocked(queriesPerSecond: 0.1) { test in
            let lease = try await place(test)
            try await test.sql("UPDATE budget SET tat = ledger_now() + interval '1 year'")
            #expect(try await wait(test, lease) == .seconds(10))
            try await test.pass(.seconds(10))
            #expect(try await isGranted(test, lease))
        }
    }

    @Test func whatIsReservedForLiveQuestionsNoSweepTakes() async throws {
        try await TestIndex.clocked(queriesPerSecond: 4, associations: 3) {
            $0.live = (3, 1)
        } _: { test in
            let sweep = try await place(test)
            _ = try await place(test)
            guard case .wait(_, .places, _) = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("a sweep has the live place")
                return
            }
            let live = try await place(test, .live)
            #expect(try await isGranted(test, sweep))
            // One a second is left for sweeps; the whole rate is still there for others.
            try await test.pass(.milliseconds(250))
            #expect(try await wait(test, sweep) == .milliseconds(750))
            #expect(try await isGranted(test, live))
        }
    }

    // MARK: Associations

    @Test func associationsAreBoundedAndAKilledWorkersPlaceBecomesFree() async throws {
        try await TestIndex.clocked(associations: 2) { test in
            _ = try await place(test)
            let second = try await place(test)
            await #expect(throws: IndexError.self) { try await place(test) }
            try await test.pass(.seconds(40))
            let renewed = try await test.index.renewLeases([second])
            #expect(renewed.held == [second])
            try await test.pass(.seconds(30))
            // The first has expired; the second has not, and its request is still permitted.
            _ = try await place(test)
            #expect(try await isGranted(test, second))
            await #expect(throws: IndexError.self) { try await place(test) }
            try await test.index.closeLease(second)
            #expect(try await test.index.permit(source: test.source("a"), lease: second) == .lost)
            _ = try await place(test)
        }
    }

    @Test func associationsAreOpenedNoFasterThanTheirGap() async throws {
        try await TestIndex.clocked(associations: 3) {
            $0.openingGap = .seconds(2)
        } _: { test in
            _ = try await place(test)
            try await test.pass(.milliseconds(500))
            let opening = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            #expect(opening == .wait(.milliseconds(1_500), .gap, failingFor: .zero))
            try await test.pass(.milliseconds(1_500))
            _ = try await place(test)
        }
    }

    // MARK: Windows

    private let workingHours = SourceLimits.Window(
        weekdays: [1, 2, 3, 4, 5], minutes: 7 * 60..<19 * 60, utilisation: 10, associations: 1)

    @Test func inAWindowAnAssociationRestsNineSecondsForEachThatItWasBusy() async throws {
        try await TestIndex.clocked {
            $0.windows = [workingHours]
        } _: { test in
            let lease = try await place(test)
            #expect(try await isGranted(test, lease))
            _ = try await report(test, lease, .success)
            #expect(try await wait(test, lease) == .seconds(9))
            // Closing it does not shorten the rest of its place, the only one of this window.
            try await test.index.closeLease(lease)
            try await test.pass(.seconds(8))
            await #expect(throws: IndexError.self) { try await place(test) }
            try await test.pass(.seconds(1))
            _ = try await place(test)
        }
    }

    @Test func aWindowIsThatOfTheSourcesOwnTimeZone() async throws {
        try await TestIndex.clocked {
            $0.windows = [workingHours]
            $0.timeZone = "Asia/Tokyo"
        } _: { test in
            // 12:00 UTC is 21:00 in Tokyo: two associations are allowed.
            _ = try await place(test)
            _ = try await place(test)
            try await test.setClock("2026-11-26 00:30:00+00")
            _ = try await place(test)
            await #expect(throws: IndexError.self) { try await place(test) }
        }
    }

    @Test func nothingIsAskedInAClosedWindow() async throws {
        try await TestIndex.clocked {
            $0.windows = [SourceLimits.Window(weekdays: [3], minutes: 720..<721, utilisation: 0)]
        } _: { test in
            let opening = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            #expect(opening == .wait(.seconds(1), .window, failingFor: .zero))
            try await test.pass(.seconds(60))
            // An association that was opened before it begins ends with it.
            let lease = try await place(test)
            #expect(try await isGranted(test, lease))
            try await test.setClock("2026-11-25 12:00:30+00")
            #expect(try await test.index.permit(source: test.source("a"), lease: lease) == .lost)
        }
    }

    // MARK: Circuit breaker

    @Test func fiveFailuresInARowMakeASourceRestLongerEachTime() async throws {
        try await TestIndex.clocked { test in
            let lease = try await place(test)
            for _ in 0..<4 { #expect(try await report(test, lease, .failure).restsFor == .zero) }
            try await test.pass(.seconds(3))
            let health = try await report(test, lease, .failure)
            #expect(health == SourceHealth(failingFor: .seconds(3), restsFor: .seconds(30)))
            // Everybody rests, those with an association too.
            #expect(try await wait(test, lease) == .seconds(30))
            try await test.index.closeLease(lease)
            let opening = try await test.index.openLease(source: test.source("a"), purpose: .live)
            #expect(opening == .wait(.seconds(30), .resting, failingFor: .seconds(3)))

            // Then one tries, and the others wait for what it finds.
            try await test.pass(.seconds(30))
            guard
                case .granted(let trial, true) = try await test.index.openLease(
                    source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("no trial")
                return
            }
            guard case .wait(_, .trial, _) = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("two tried")
                return
            }
            #expect(try await report(test, trial, .failure).restsFor == .seconds(60))
            try await test.index.closeLease(trial)
            try await test.pass(.seconds(60))
            guard
                case .granted(let second, true) = try await test.index.openLease(
                    source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("no second trial")
                return
            }
            #expect(try await report(test, second, .success) == SourceHealth(failingFor: .zero, restsFor: .zero))
            _ = try await place(test)
        }
    }

    @Test func aTrialThatWasKilledIsFollowedByAnother() async throws {
        try await TestIndex.clocked { test in
            let lease = try await place(test)
            for _ in 0..<5 { _ = try await report(test, lease, .failure) }
            try await test.index.closeLease(lease)
            try await test.pass(.seconds(30))
            guard case .granted(_, true) = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("no trial")
                return
            }
            try await test.pass(StudyIndex.associationLease)
            guard case .granted(_, true) = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            else {
                Issue.record("nobody tries any more")
                return
            }
        }
    }

    @Test func aSourceThatHasTooManyAssociationsGetsOneFewerForAnHour() async throws {
        try await TestIndex.clocked(associations: 3) { test in
            let first = try await place(test)
            let second = try await place(test)
            #expect(try await report(test, second, .congestion).restsFor == .seconds(30))
            try await test.index.closeLease(second)
            // What is open goes on; nothing is opened.
            #expect(try await isGranted(test, first))
            let opening = try await test.index.openLease(source: test.source("a"), purpose: .sweep)
            #expect(opening == .wait(.seconds(30), .gap, failingFor: .zero))
            try await test.pass(.seconds(30))
            #expect(try await test.index.renewLeases([first]).held == [first])
            let third = try await place(test)
            // Two of three, and one more refusal leaves one.
            await #expect(throws: IndexError.self) { try await place(test) }
            #expect(try await report(test, third, .congestion).restsFor == .seconds(60))
            try await test.index.closeLease(third)
            try await test.sql("UPDATE source_lease SET expires = ledger_now() + interval '1 day'")
            try await test.pass(.seconds(3_599))
            await #expect(throws: IndexError.self) { try await place(test) }
            try await test.pass(.seconds(1))
            _ = try await place(test)
            _ = try await place(test)
        }
    }

    // MARK: Pause and brake

    @Test func aPausedSourceIsAskedNothing() async throws {
        try await TestIndex.clocked { test in
            let lease = try await place(test)
            #expect(try await test.index.pause(sourceNamed: "a", true))
            // Not kept waiting with its association open.
            #expect(try await test.index.permit(source: test.source("a"), lease: lease) == .lost)
            #expect(try await test.index.renewLeases([lease]).paused == [lease])
            guard case .wait(_, .paused, _) = try await test.index.openLease(source: test.source("a"), purpose: .live)
            else {
                Issue.record("opened")
                return
            }
            #expect(try await test.index.pause(sourceNamed: "a", false))
            #expect(try await isGranted(test, lease))
            #expect(try await test.index.pause(sourceNamed: "nobody", true) == false)
        }
    }

    @Test func aSourceThatSlowsDownIsAskedHalfAsOftenUntilItIsWell() async throws {
        try await TestIndex.clocked(queriesPerSecond: 1) { test in
            let source = test.source("a")
            for _ in 0..<3 { try await test.index.noteReference(source: source, took: .milliseconds(100)) }
            for _ in 0..<2 {
                #expect(try await test.index.noteReference(source: source, took: .milliseconds(400)).factor == 1)
            }
            #expect(try await test.index.noteReference(source: source, took: .milliseconds(400)).factor == 0.5)
            let lease = try await place(test)
            #expect(try await isGranted(test, lease))
            #expect(try await wait(test, lease) == .seconds(2))
            var factor = 0.0
            for _ in 0..<4 {
                factor = try await test.index.noteReference(source: source, took: .milliseconds(90)).factor
            }
            #expect(factor == 0.5 || factor == 1)
            for _ in 0..<3 {
                factor = try await test.index.noteReference(source: source, took: .milliseconds(90)).factor
            }
            #expect(factor == 1)
        }
    }

    @Test func theReferenceQuestionIsDueOnceAMinuteForAllTogether() async throws {
        try await TestIndex.clocked { test in
            let lease = try await place(test)
            let source = test.source("a")
            #expect(
                try await test.index.permit(source: source, lease: lease)
                    == .granted(referenceDue: true, reportsWanted: false))
            try await test.pass(.seconds(59))
            _ = try await test.index.renewLeases([lease])
            #expect(
                try await test.index.permit(source: source, lease: lease)
                    == .granted(referenceDue: false, reportsWanted: false))
            try await test.pass(.seconds(1))
            #expect(
                try await test.index.permit(source: source, lease: lease)
                    == .granted(referenceDue: true, reportsWanted: false))
        }
    }
}
