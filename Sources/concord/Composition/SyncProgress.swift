import EdgeShard
import Foundation
import Synchronization

/// Shows a sync while it runs, on standard error: a line redrawn in place on a terminal, the results elsewhere.
final class SyncProgress: Sendable {
    private let shown = Mutex(ContinuousClock.now)
    private static let redraw = Duration.milliseconds(200)

    @Sendable func note(_ event: ReplicaSync.Event) {
        switch event {
        case .fetching(let shard, let bytes, let total):
            guard Terminal.isInteractive, isDue(bytes == total) else { return }
            let percent = total > 0 ? bytes * 100 / total : 100
            draw("\(shard): \(percent) % of \(Self.size(total))")
        case .checking(let shard): if Terminal.isInteractive { draw("\(shard): checking") }
        case .installed(let shard, let generation, let bytes):
            say("\(shard): generation \(generation), \(Self.size(bytes)) fetched")
        case .current(let shard, let generation): say("\(shard): generation \(generation) is the newest")
        case .repairing(let shard): say("\(shard): what is installed is damaged, and is repaired")
        case .repaired(let shard, let generation, let buckets, let bytes):
            say("\(shard): generation \(generation), \(buckets) buckets repaired, \(Self.size(bytes)) fetched")
        case .withdrawn(let shard): say("\(shard): removed, this site does not subscribe to it any more")
        case .failed(_, let error): say("\(error)")
        }
    }

    private func isDue(_ isLast: Bool) -> Bool {
        shown.withLock { shown in
            let now = ContinuousClock.now
            guard isLast || now - shown > Self.redraw else { return false }
            shown = now
            return true
        }
    }

    private func draw(_ line: String) { FileHandle.standardError.write(Data("\r\u{1B}[2K\(line)".utf8)) }

    private func say(_ line: String) {
        if Terminal.isInteractive { draw("") }
        Terminal.complain(line)
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 10_000 ? "\(bytes) B" : bytes < 10_000_000 ? "\(bytes / 1_000) kB" : "\(bytes / 1_000_000) MB"
    }
}
