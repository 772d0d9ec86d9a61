import DICOM
import PostgresClient

/// What a run did at one source.
package struct RunSummary: Sendable {
    package let source: String
    /// Slices that prove their range.
    package let complete: Int
    package let split: Int
    /// Parts of days, and of the patients: they enumerate, and do not prove (F38).
    package let enumerated: Int
    package let unfinished: Int
    /// Left for another night at the run's deadline.
    package let skipped: Int
    package let rawRows: Int
    /// Studies that the source is known to hold, after the run.
    package let studies: Int
    package let holes: [Hole]
}

/// A range that was asked and not proven.
package struct Hole: Sendable, Hashable {
    package let level: QueryLevel
    package let range: SliceRange
    package let reason: String
}

extension StudyIndex {
    package func runSummary(run: RunID) async throws -> [RunSummary] {
        try await pool.withConnection { connection in
            var holes: [String: [Hole]] = [:]
            for row in try connection.query(SQL.runHoles, [.int(run.value)]) {
                guard let source = row.string(0), let level = row.string(1).flatMap(QueryLevel.init(rawValue:)) else {
                    continue
                }
                holes[source, default: []].append(
                    Hole(level: level, range: Self.range(row, from: 2), reason: row.string(12) ?? ""))
            }
            return try connection.query(SQL.runSummary, [.int(run.value)]).map { row in
                let source = row.string(0) ?? ""
                return RunSummary(
                    source: source, complete: row.int(1) ?? 0, split: row.int(2) ?? 0, enumerated: row.int(3) ?? 0,
                    unfinished: row.int(4) ?? 0, skipped: row.int(5) ?? 0, rawRows: row.int(6) ?? 0,
                    studies: row.int(7) ?? 0,
                    holes: holes[source] ?? [])
            }
        }
    }
}
