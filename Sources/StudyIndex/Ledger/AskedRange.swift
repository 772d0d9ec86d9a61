import DICOM
import PostgresClient

/// One question of a sweep, and what came of it: what coverage is derived from.
package struct AskedRange: Sendable {
    package let source: String
    package let dates: DateRange
    /// A part of a day only (F38).
    package let isByTime: Bool
    package let isComplete: Bool
    /// Why it is not complete; for people.
    package let reason: String
    /// Later runs have larger numbers.
    package let run: Int64
    /// When it ended, UTC, as text that sorts by time; "" while it is open.
    package let ended: String
}

extension StudyIndex {
    /// Every range of study dates that any sweep asked, but for those that were split, whose parts are here.
    package func askedRanges() async throws -> [AskedRange] {
        try await pool.withConnection { connection in
            try connection.query(SQL.proofs).map { row in
                AskedRange(
                    source: row.string(0) ?? "",
                    dates: DateRange(lower: row.date(2).flatMap(Days.date), upper: row.date(3).flatMap(Days.date)),
                    isByTime: row.string(1) == "times", isComplete: row.string(4) == "complete",
                    reason: row.string(5) ?? "", run: Int64(row.int(6) ?? 0), ended: row.string(7) ?? "")
            }
        }
    }
}
