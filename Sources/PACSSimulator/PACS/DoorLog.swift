import Synchronization

/// Who came to a simulated PACS and when: what a budget is checked against, counted where it must hold.
package final class DoorLog: Sendable {
    package enum Event: String, Sendable {
        case associationOpened = "association-opened"
        case associationClosed = "association-closed"
        case echo = "c-echo"
        case find = "c-find"
    }

    package struct Entry: Sendable {
        /// Since the log began, on a clock that never jumps.
        package let time: Duration
        package let event: Event
        package let calling: String
        /// Associations open after this event.
        package let open: Int
    }

    private let now: @Sendable () -> Duration
    private let state = Mutex<[Entry]>([])

    /// - Parameter now: the time since some fixed moment; it must not run backwards.
    package init(now: @escaping @Sendable () -> Duration = DoorLog.monotonic()) {
        self.now = now
    }

    package static func monotonic() -> @Sendable () -> Duration {
        let start = ContinuousClock.now
        return { ContinuousClock.now - start }
    }

    package var entries: [Entry] { state.withLock { $0 } }

    package func record(_ event: Event, calling: String) {
        state.withLock { entries in
            let open = entries.last?.open ?? 0
            let change = event == .associationOpened ? 1 : event == .associationClosed ? -1 : 0
            entries.append(Entry(time: now(), event: event, calling: calling, open: max(0, open + change)))
        }
    }

    /// The times of all questions, C-FIND and C-ECHO alike: both spend budget.
    package var requests: [Duration] {
        entries.filter { $0.event == .find || $0.event == .echo }.map(\.time)
    }

    package var maximumOpenAssociations: Int { entries.map(\.open).max() ?? 0 }

    /// The most requests that any half-open window of this length contains.
    package func maximumRequests(within window: Duration) -> Int {
        let times = requests
        var first = 0
        var most = 0
        for last in times.indices {
            while times[last] - times[first] >= window { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }

    /// The shortest time between two requests that follow each other; nil for fewer than two.
    package var shortestInterval: Duration? {
        let times = requests
        return zip(times, times.dropFirst()).map { $1 - $0 }.min()
    }
}
