import Synchronization

/// How much is under way at once: in all, and for each who asks. What is beyond is refused at once, with the time after which
/// to try again, instead of being queued without bound.
package final class Admission: Sendable {
    package struct Limits: Sendable, Hashable {
        /// With as many at once as come in one second; nil: no limit.
        package var requestsPerSecond: Int?
        /// nil: as much as one may have of all.
        package var concurrentRequests: Int?

        package init(requestsPerSecond: Int? = nil, concurrentRequests: Int? = nil) {
            self.requestsPerSecond = requestsPerSecond
            self.concurrentRequests = concurrentRequests
        }
    }

    struct Refusal: Sendable, Hashable {
        var reason: String
        /// Until it may be tried again.
        var seconds: Int
        /// Whether it is a limit of who asks, and not of the server.
        var isOwn: Bool
    }

    private struct Client {
        var underWay = 0
        /// When the next request is due at an even rate (GCRA).
        var due: ContinuousClock.Instant?
    }
    private struct State {
        var underWay = 0
        var clients: [String: Client] = [:]
    }
    private let state = Mutex(State())
    private let most: Int

    /// - Parameter most: under way at once, in all; of which one client has three quarters at most, so that there is room for
    ///   whoever comes next.
    package init(most: Int = 2_048) { self.most = max(1, most) }

    /// nil: admitted, until `leave`.
    func enter(_ client: String, _ limits: Limits, at now: ContinuousClock.Instant) -> Refusal? {
        state.withLock { state in
            var known = state.clients[client] ?? Client()
            let share = limits.concurrentRequests ?? max(1, most * 3 / 4)
            guard known.underWay < share else {
                return Refusal(reason: "\(share) requests of this key are under way already", seconds: 1, isOwn: true)
            }
            guard state.underWay < most else {
                return Refusal(reason: "the server has as much to do as it can", seconds: 1, isOwn: false)
            }
            if let rate = limits.requestsPerSecond {
                let due = max(known.due ?? now, now)
                guard due - now < .seconds(1) else {
                    let wait = (due - now - .seconds(1)) / .seconds(1)
                    return Refusal(
                        reason: "this key may ask \(rate) times a second", seconds: max(1, Int(wait.rounded(.up))),
                        isOwn: true)
                }
                known.due = due + .seconds(1) / rate
            }
            known.underWay += 1
            state.underWay += 1
            state.clients[client] = known
            return nil
        }
    }

    func leave(_ client: String) {
        state.withLock { state in
            state.underWay -= 1
            state.clients[client]?.underWay -= 1
            // What is idle and owes nothing is forgotten.
            if state.clients[client]?.underWay == 0, state.clients[client]?.due.map({ $0 <= .now }) ?? true {
                state.clients[client] = nil
            }
        }
    }

    /// Under way now.
    package var underWay: Int { state.withLock { $0.underWay } }
}
