import Synchronization

/// Lets a few work at a time while the others wait, one of each client in turn. Where many more come than can be served, all of
/// them wait about as long, instead of those for whose work there is no room.
final class Turns: Sendable {
    private struct State {
        var free: Int
        var waiting = FairLine<CheckedContinuation<Void, Never>>()
    }
    private let state: Mutex<State>

    /// - Parameter most: at a time.
    init(most: Int) { state = Mutex(State(free: most)) }

    func enter(_ client: String) async {
        await withCheckedContinuation { turn in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(turn, of: client)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { turn.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume()
    }
}
