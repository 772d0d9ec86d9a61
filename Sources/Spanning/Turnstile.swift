import Synchronization

/// Lets so many through at once, the others in their order: what waits here has not been asked yet, and can be given up.
final class Turnstile: Sendable {
    private struct State {
        var free: Int
        /// First come first; a head that moves, so that a long queue costs no more than a short one.
        var waiting: [CheckedContinuation<Void, Never>?] = []
        var head = 0
    }
    private let state: Mutex<State>

    init(width: Int) { state = Mutex(State(free: max(1, width))) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state -> Bool in
                guard state.free <= 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if passes { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.head < state.waiting.count else {
                state.free += 1
                return nil
            }
            let next = state.waiting[state.head]
            state.waiting[state.head] = nil
            state.head += 1
            if state.head == state.waiting.count {
                state.waiting = []
                state.head = 0
            }
            return next
        }
        next?.resume()
    }
}
