import Foundation
import StudyIndex
import Sweep
import Synchronization

/// Shows a sweep while it runs, on standard error: a table redrawn in place on a terminal, plain lines elsewhere.
final class SweepProgress: Sendable {
    private let board = SweepBoard()
    /// Redrawn in place; plain lines where not.
    private let isLive: Bool
    private let drawnLines = Mutex(0)

    private static let redraw = Duration.milliseconds(250)
    private static let plainLine = Duration.seconds(5)

    init(isLive: Bool = Terminal.isInteractive) { self.isLive = isLive }

    @Sendable func note(_ event: SweepEvent) {
        board.note(event)
        guard !isLive else { return }
        switch event {
        case .started(let run, let source, let slices, let resumed):
            Terminal.complain("\(source): \(resumed ? "resuming" : "starting") run \(run), \(slices) slices to ask")
        case .abandoned(let source, let reason):
            Terminal.complain("\(source): given up for this run: \(reason)")
        case .finished(let source):
            if let line = board.snapshot.first(where: { $0.source == source }) {
                Terminal.complain("\(source): done, \(line.done) slices, \(line.rows) rows, \(line.holes) holes")
            }
        case .sliceEnded, .waiting: break
        }
    }

    func whileShowing<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        // Cancelled and awaited when this scope ends.
        async let _ = show()
        let value = try await body()
        draw(final: true)
        return value
    }

    private func show() async {
        let interval = isLive ? Self.redraw : Self.plainLine
        while (try? await Task.sleep(for: interval)) != nil { draw(final: false) }
    }

    private func draw(final: Bool) {
        let now = ContinuousClock.now
        let lines = board.snapshot
        guard isLive else {
            if !final {
                for line in lines where line.ended == nil && line.left > 0 {
                    Terminal.complain(
                        "\(line.source): \(line.done) slices done, \(line.left) left, \(line.studies) studies, "
                            + "\(Self.rate(line.rate(at: now)))/s, ETA \(Self.clock(line.remaining(at: now)))")
                }
            }
            return
        }
        let table = TextTable(
            header: ["source", "done", "left", "studies", "new", "slices/s", "ETA", ""],
            rows: lines.map { line in
                [
                    line.source, "\(line.done)", "\(line.left)", "\(line.studies)", "\(line.new)",
                    Self.rate(line.rate(at: now)), line.left == 0 ? "" : Self.clock(line.remaining(at: now)),
                    Self.state(line),
                ]
            }
        ).rendered()
        let height = table.count { $0 == "\n" }
        drawnLines.withLock { drawn in
            let up = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
            let erased = table.split(separator: "\n", omittingEmptySubsequences: false)
                .map { "\u{1B}[2K" + $0 }.joined(separator: "\n")
            FileHandle.standardError.write(Data((up + erased).utf8))
            drawn = height
        }
    }

    private static func state(_ line: SweepBoard.Line) -> String {
        if let reason = line.abandoned { return "given up: \(reason)" }
        if let waiting = line.waiting, waiting != .places, waiting != .gap { return waiting.words }
        if line.holes > 0 { return "\(line.holes) holes" }
        if line.retries > 0, line.left > 0 { return "\(line.retries) retries" }
        return line.ended != nil ? "done" : ""
    }

    private static func rate(_ rate: Double) -> String { String(format: "%.1f", rate) }

    private static func clock(_ duration: Duration?) -> String {
        guard let duration else { return "–" }
        let seconds = Int(duration / .seconds(1))
        return seconds >= 3_600
            ? String(format: "%d:%02d:%02d", seconds / 3_600, seconds / 60 % 60, seconds % 60)
            : String(format: "%d:%02d", seconds / 60, seconds % 60)
    }
}
