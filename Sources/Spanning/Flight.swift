import Synchronization

/// One live question under way, for which any number of callers wait, each for as long as it can.
///
/// Once asked it goes on when nobody waits any more: its answer is paid for, and is kept for the next who asks.
final class Flight<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [Int: CheckedContinuation<Value?, Never>] = [:]
        /// Tickets of callers that have joined and not given up.
        var interested: Set<Int> = []
        var next = 0
    }
    private let state = Mutex(State())

    /// One more wants to know; the ticket is what `value` takes.
    func join() -> Int {
        state.withLock { state in
            state.next += 1
            state.interested.insert(state.next)
            return state.next
        }
    }

    /// Whether anybody still wants to know.
    var isAwaited: Bool { state.withLock { !$0.interested.isEmpty } }

    func land(_ value: Value) {
        let waiting = state.withLock { state in
            state.value = value
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    /// nil: it took longer, or the caller was cancelled.
    func value(_ ticket: Int, within time: Duration, _ clock: any Clock<Duration>) async -> Value? {
        let timer = Task {
            try? await clock.sleep(for: time)
            giveUp(ticket)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let value = state.withLock { state -> Value?? in
                    if let value = state.value { return value }
                    guard state.interested.contains(ticket) else { return .some(nil) }
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let value { continuation.resume(returning: value) }
            }
        } onCancel: {
            giveUp(ticket)
        }
    }

    /// Once or several times: by its time, by cancellation, after its value.
    private func giveUp(_ ticket: Int) {
        let waiting = state.withLock { state in
            state.interested.remove(ticket)
            return state.waiting.removeValue(forKey: ticket)
        }
        waiting?.resume(returning: nil)
    }
}
