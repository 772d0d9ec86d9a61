import Synchronization

/// What the workers of one process know together of one source's condition in this run: its largest answer, and whether
/// it is failing. A source that keeps failing is rested, ever longer, and then left alone until the next run.
final class SourceCondition: Sendable {
    /// Failures in a row, each followed by a rest, after which a source is given up for this run.
    static let failuresUntilAbandoned = 6
    /// Refusals in a row of ranges under an hour: the source is not refusing breadth, it is refusing us.
    static let narrowRefusalsUntilAbandoned = 8

    private struct State {
        var largestAnswer = 0
        var failuresInARow = 0
        var narrowRefusalsInARow = 0
        var abandoned = false
        var oneQueryPerAssociation = false
    }
    private let state = Mutex(State())

    var largestAnswer: Int { state.withLock { $0.largestAnswer } }
    var isAbandoned: Bool { state.withLock { $0.abandoned } }

    /// F83: some archives close the association at its second query.
    var oneQueryPerAssociation: Bool {
        get { state.withLock { $0.oneQueryPerAssociation } }
        set { state.withLock { $0.oneQueryPerAssociation = newValue } }
    }

    func answered(rows: Int) {
        state.withLock {
            $0.largestAnswer = max($0.largestAnswer, rows)
            $0.failuresInARow = 0
            $0.narrowRefusalsInARow = 0
        }
    }

    /// Returns true when the source shall be abandoned.
    func refused(narrow: Bool) -> Bool {
        state.withLock {
            $0.failuresInARow = 0
            $0.narrowRefusalsInARow += narrow ? 1 : 0
            return $0.narrowRefusalsInARow >= Self.narrowRefusalsUntilAbandoned
        }
    }

    /// Notes a failure; returns how long to rest, 1 s doubling to 60 s with full jitter, or nil when the source shall
    /// be abandoned.
    func failed(jitter: Double) -> Duration? {
        let failures = state.withLock {
            $0.failuresInARow += 1
            return $0.failuresInARow
        }
        guard failures < Self.failuresUntilAbandoned else { return nil }
        return .seconds(min(60, Double(1 << (failures - 1))) * (0.5 + jitter / 2))
    }

    func abandon() -> Bool {
        state.withLock { state in
            defer { state.abandoned = true }
            return !state.abandoned
        }
    }
}
