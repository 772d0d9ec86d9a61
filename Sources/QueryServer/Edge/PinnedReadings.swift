import EdgeShard
import Hummingbird
import Synchronization

/// Which generations a client reads: of a sequence of pages those of the first page, of an association those of its first
/// question; so that what belongs together comes from one state, whatever is installed meanwhile.
package final class PinnedReadings: Sendable {
    /// What belongs together.
    package enum Reading: Hashable, Sendable {
        /// Who asks for what, whatever page of it.
        case pages(authorization: String, path: String, keys: [String])
        case association(Int)
    }
    private struct Pin {
        var view: ReplicaView
        let begun: ContinuousClock.Instant
        var used: ContinuousClock.Instant

        func isGood(at now: ContinuousClock.Instant) -> Bool {
            now - used < PinnedReadings.idle && now - begun < PinnedReadings.longest
        }
    }
    private let pins = Mutex<[Reading: Pin]>([:])
    private let now: @Sendable () -> ContinuousClock.Instant

    /// Since a reading was gone on with.
    static let idle = Duration.seconds(300)
    /// Whoever reads on sees the newest then: an association may stay open for days.
    static let longest = Duration.seconds(3_600)
    /// More are not kept: the oldest are forgotten.
    static let most = 10_000

    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// nil: it begins now.
    package func view(for reading: Reading) -> ReplicaView? {
        let now = now()
        return pins.withLock { pins in
            guard let pin = pins[reading], pin.isGood(at: now), pin.view.isInstalled else { return nil }
            pins[reading]?.used = now
            return pin.view
        }
    }

    package func begin(_ reading: Reading, with view: ReplicaView) {
        let now = now()
        pins.withLock { pins in
            if pins.count >= Self.most { pins = pins.filter { $0.value.isGood(at: now) } }
            if pins.count >= Self.most, let oldest = pins.min(by: { $0.value.used < $1.value.used }) {
                pins[oldest.key] = nil
            }
            pins[reading] = Pin(view: view, begun: now, used: now)
        }
    }
}

extension PinnedReadings.Reading {
    /// The pages that a request is one of.
    init(_ request: Request) {
        let parts = (request.uri.query ?? "").split(separator: "&").map(String.init)
        self = .pages(
            authorization: request.headers[.authorization] ?? "", path: request.uri.path,
            keys: parts.filter { !$0.hasPrefix("offset=") && !$0.hasPrefix("limit=") }.sorted())
    }
}

extension Request {
    /// Whether pages before it were asked for.
    var isLaterPage: Bool { uri.queryParameters["offset"].flatMap { Int($0) } ?? 0 > 0 }
}
