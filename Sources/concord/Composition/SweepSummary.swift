import StudyIndex
import Sweep

/// What finished runs have proven, on standard output.
struct SweepSummary {
    private let pool: AssociationPool

    /// The pool's way of waiting for a database that is away: after hours of sweeping its results shall be told.
    init(_ pool: AssociationPool) { self.pool = pool }

    func show(_ outcome: JobRun.Outcome) async throws {
        for run in outcome.runs {
            let summary = try await pool.persistently { try await $0.runSummary(run: run) }
            guard !summary.isEmpty else { continue }
            Terminal.write(Self.table(summary))
            for source in summary {
                for hole in source.holes { Terminal.write("hole  \(source.source)  \(hole.range)  \(hole.reason)\n") }
            }
        }
        for held in outcome.heldDeletes {
            Terminal.write(
                "held  \(held.source)  \(held.studies) studies seem to be gone; nothing is concluded until a person has "
                    + "looked: concord sweep --accept-deletes \(held.source)\n")
        }
        Terminal.write(try await pool.persistently { try await CoverageCommand.caveat($0) } + "\n")
    }

    private static func table(_ summary: [RunSummary]) -> String {
        var header = ["source", "proven", "split", "enumerated", "holes", "rows", "studies"]
        let hasSkipped = summary.contains { $0.skipped > 0 }
        if hasSkipped { header.append("left for later") }
        let rows = summary.map { source in
            [
                source.source, "\(source.complete)", "\(source.split)", "\(source.enumerated)", "\(source.holes.count)",
                "\(source.rawRows)", "\(source.studies)",
            ] + (hasSkipped ? ["\(source.skipped)"] : [])
        }
        return TextTable(header: header, rows: rows).rendered()
    }
}
