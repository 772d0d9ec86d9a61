import DICOM
import PostgresClient

/// What reports say of discrepancies beside those that are open.
extension StudyIndex {
    /// How many discrepancies were not resolved at the end of a day, by severity.
    package struct TrendDay: Sendable {
        package let day: DICOMDate
        package var open: [String: Int]
    }

    /// The last days, the oldest first.
    package func discrepancyTrend(days: Int) async throws -> [TrendDay] {
        try await pool.withConnection { connection in
            var trend: [TrendDay] = []
            for row in try connection.query(SQL.discrepancyTrend, [.int(Int64(days))]) {
                guard let day = row.int(0).flatMap({ Days.date($0) }), let severity = row.string(1) else { continue }
                if trend.last?.day != day { trend.append(TrendDay(day: day, open: [:])) }
                trend[trend.count - 1].open[severity] = row.int(2) ?? 0
            }
            return trend
        }
    }

    /// What became of a discrepancy.
    package struct DiscrepancyChange: Sendable {
        package let at: String
        /// `found`, `reopened`, `worsened`, `acknowledged` or `resolved`.
        package let event: String
        package let discrepancyClass: String
        package let severity: String
        package let studyUID: String
        package let otherUID: String?
        package let sources: [String]
        package let id: Int
        package let actor: String
        package let note: String
    }

    /// Of the last hours, the newest first.
    package func discrepancyChanges(hours: Int, limit: Int) async throws -> [DiscrepancyChange] {
        try await pool.withConnection { connection in
            try connection.query(SQL.discrepancyChanges, [.int(Int64(hours)), .int(Int64(limit))]).map { row in
                DiscrepancyChange(
                    at: row.string(0) ?? "", event: row.string(1) ?? "", discrepancyClass: row.string(2) ?? "",
                    severity: row.string(3) ?? "", studyUID: row.string(4) ?? "", otherUID: row.string(5),
                    sources: row.strings(6) ?? [], id: row.int(7) ?? 0, actor: row.string(8) ?? "",
                    note: row.string(9) ?? "")
            }
        }
    }

    /// By name.
    package func sourceIDs() async throws -> [String: Int32] {
        try await pool.withConnection { connection in
            let rows = try connection.query("SELECT name, id FROM source")
            return Dictionary(rows.map { ($0.string(0) ?? "", Int32($0.int(1) ?? 0)) }) { first, _ in first }
        }
    }

    /// Studies that a source should hold as another does, of which the same is known.
    package struct ReadinessGroup: Sendable {
        /// `matched`, `mismatched`, `missing` or `unreachable`.
        package let outcome: String
        /// A class of discrepancies, or a code in capitals; "" where they match.
        package let reason: String
        package let count: Int
        /// Empty where they match.
        package let studies: [String]
    }

    package func readiness(from: Int32, to: Int32, since: DICOMDate) async throws -> [ReadinessGroup] {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.readiness, [.int(Int64(from)), .int(Int64(to)), .int(Int64(Days.number(since)))]
            ).map {
                ReadinessGroup(
                    outcome: $0.string(0) ?? "", reason: $0.string(1) ?? "", count: $0.int(2) ?? 0,
                    studies: $0.strings(3) ?? [])
            }
        }
    }
}
