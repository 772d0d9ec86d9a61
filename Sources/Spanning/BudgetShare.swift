import DICOM
import DIMSE
import StudyIndex
import Sweep

/// A fixed part of a source's budget, spent by one process without a ledger: evenly spaced questions, one at a time, each on an
/// association of its own.
///
/// Who comes late is not compensated, and a process that starts waits its first turn: in any time t no more than t × rate + 1
/// questions reach the source, whatever is started again how often.
package actor BudgetShare {
    private let source: SweepSource
    private let interval: Duration
    private let clock: any Clock<Duration>
    private let turnstile = Turnstile(width: 1)
    private var next: ContinuousClock.Instant
    private var failures = 0
    private var restsUntil: ContinuousClock.Instant?

    private static let firstRest = Duration.seconds(5)
    private static let longestRest = Duration.seconds(300)

    package init(of source: SweepSource, queriesPerSecond: Double, clock: any Clock<Duration> = ContinuousClock()) {
        self.source = source
        self.clock = clock
        interval = .seconds(1 / queriesPerSecond)
        next = .now + interval
    }

    /// C-ECHO; returns how long it took.
    package func echo() async throws -> Duration {
        try await ask { association in
            let start = ContinuousClock.now
            try await association.echo()
            return ContinuousClock.now - start
        }
    }

    /// One C-FIND; hands on each match as it arrives. Returns only on Success.
    package func find(
        _ identifier: DataSet, receive: @escaping @Sendable (FindResponse) throws -> Void
    ) async throws {
        try await ask { association in
            let responses = association.find(identifier, model: association.preferredModel, priority: .medium)
            for try await response in responses { try receive(response) }
        }
    }

    private func ask<T: Sendable>(_ question: @Sendable (Association) async throws -> T) async throws -> T {
        await turnstile.enter()
        defer { turnstile.leave() }
        if let restsUntil, ContinuousClock.now < restsUntil { throw LiveSource.Refusal.notNow(.resting) }
        let now = ContinuousClock.now
        if next > now { try await clock.sleep(for: next - now) }
        next = max(next, .now) + interval
        do {
            let association = try await Association.open(to: source.peer)
            let result: Result<T, any Error>
            do { result = .success(try await question(association)) } catch { result = .failure(error) }
            await association.release()
            let value = try result.get()
            failures = 0
            return value
        } catch let error as DIMSEError {
            restsUntil = .now + min(Self.longestRest, Self.firstRest * (1 << min(failures, 10)))
            failures += 1
            throw LiveSource.Refusal.failed(error)
        }
    }
}
