import StudyIndex
import Synchronization

/// The state of a running sweep, folded from its events, for displays.
package final class SweepBoard: Sendable {
    package struct Line: Sendable {
        package let source: String
        package fileprivate(set) var done = 0
        package fileprivate(set) var left: Int
        package fileprivate(set) var rows = 0
        package fileprivate(set) var studies = 0
        package fileprivate(set) var new = 0
        package fileprivate(set) var changed = 0
        package fileprivate(set) var retries = 0
        package fileprivate(set) var holes = 0
        package fileprivate(set) var started: ContinuousClock.Instant
        package fileprivate(set) var ended: ContinuousClock.Instant?
        package fileprivate(set) var abandoned: String?
        /// Why nothing is asked at the moment.
        package fileprivate(set) var waiting: WaitReason?

        /// Slices ended per second so far, splits and retries included.
        package func rate(at now: ContinuousClock.Instant) -> Double {
            let seconds = ((ended ?? now) - started) / .seconds(1)
            return seconds > 0 ? Double(done) / seconds : 0
        }

        /// Time left at the rate so far; nil while there is no rate yet. Slices may still split, so it is a lower bound.
        package func remaining(at now: ContinuousClock.Instant) -> Duration? {
            let rate = rate(at: now)
            return rate > 0 ? .seconds(Double(left) / rate) : nil
        }
    }

    private let lines = Mutex<[String: Line]>([:])

    package init() {}

    package var snapshot: [Line] { lines.withLock { $0.values.sorted { $0.source < $1.source } } }

    package func note(_ event: SweepEvent, at now: ContinuousClock.Instant = .now) {
        lines.withLock { lines in
            switch event {
            case .started(_, let source, let slices, _):
                lines[source] = Line(source: source, left: slices, started: now)
            case .sliceEnded(let source, let end):
                lines[source]?.add(end)
            case .waiting(let source, let reason, _):
                lines[source]?.waiting = reason
            case .abandoned(let source, let reason):
                guard let left = lines[source]?.left else { return }
                lines[source]?.holes += left
                lines[source]?.left = 0
                lines[source]?.abandoned = reason
            case .finished(let source):
                lines[source]?.ended = now
            }
        }
    }
}

extension SweepBoard.Line {
    fileprivate mutating func add(_ end: SliceEnd) {
        waiting = nil
        rows += end.rawRows
        new += end.merged.new
        changed += end.merged.changed
        // A split slice's studies come again with its children.
        if case .split = end.kind {} else { studies += end.merged.new + end.merged.changed + end.merged.unchanged }
        switch end.kind {
        case .complete: finishOne()
        case .split(let children):
            finishOne()
            left += children
        case .irreducible:
            finishOne()
            holes += 1
        case .retry: retries += 1
        }
    }

    private mutating func finishOne() {
        done += 1
        left = max(0, left - 1)
    }
}
