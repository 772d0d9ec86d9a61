import Synchronization

/// One live question under way, for which any number of callers wait, each for as long as it can.
///
/// Once asked it goes on when nobody waits any more: its answer is paid for, and is kept for the next who asks.
final class Flight<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [Int: CheckedContinuation<Value?, Never>] = [:]
        /// Those whose time was over before they began to wait.
        var givenUp: Set<Int> = []
        var next = 0
        /// Callers that have joined and not given up.
        var interested = 0
    }
    private let state = Mutex(State())

    /// Before `value`: one more wants to know.
    func join() { state.withLock { $0.interested += 1 } }

    /// Whether anybody still wants to know.
    var isAwaited: Bool { state.withLock { $0.interested > 0 } }

    func land(_ value: Value) {
        let waiting = state.withLock { state in
            state.value = value
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    /// nil: it took longer, or the caller was cancelled.
    func value(within time: Duration, _ clock: any Clock<Duration>) async -> Value? {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            try? await clock.sleep(for: time)
            giveUp(ticket)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let value = state.withLock { state -> Value?? in
                    if let value = state.value { return value }
                    if Task.isCancelled || state.givenUp.remove(ticket) != nil { return .some(nil) }
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let value { continuation.resume(returning: value) }
            }
        } onCancel: {
            giveUp(ticket)
        }
    }

    private func giveUp(_ ticket: Int) {
        let waiting = state.withLock { state -> CheckedContinuation<Value?, Never>? in
            state.interested -= 1
            if let waiting = state.waiting.removeValue(forKey: ticket) { return waiting }
            if state.value == nil { state.givenUp.insert(ticket) }
            return nil
        }
        waiting?.resume(returning: nil)
    }
}
