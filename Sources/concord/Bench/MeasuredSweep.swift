import Foundation
import PostgresClient
import StudyIndex
import Sweep

/// One sweep of all sources in a process of its own, and what it took.
struct MeasuredSweep {
    let usage: ProcessUsage
    let threads: ThreadUsage
    let server: ServerUsage
    let simulatorCPU: Double
    /// C-FINDs that slices took, by source.
    let questions: [String: Int]
    /// Of `study`, inserted or updated.
    let rowsWritten: Int

    static func run(_ simulator: SimulatorProcess, _ pool: PostgresPool) async throws -> MeasuredSweep {
        let output = simulator.directory + "/threads.json"
        let (writes, server, cpu) = (
            try await StudyRowsWritten(pool), try await ServerUsage.now(pool), simulator.cpu
        )
        let usage = try ProcessUsage.ofRunning(
            CommandLine.arguments[0], ["bench", "sweep", "--sweep", simulator.configuration], output: output)
        return MeasuredSweep(
            usage: usage,
            threads: try JSONDecoder().decode(
                ThreadUsage.self, from: try Data(contentsOf: URL(fileURLWithPath: output))),
            server: try await ServerUsage.now(pool) - server, simulatorCPU: simulator.cpu - cpu,
            questions: try await questions(pool), rowsWritten: try await writes.count())
    }

    /// Of the last run, without days that only stand for their times, and without questions by UID, which confirm what
    /// another source has made doubtful.
    private static func questions(_ pool: PostgresPool) async throws -> [String: Int] {
        try await pool.withConnection { connection in
            let rows = try connection.query(
                """
                SELECT s.name, sum(attempt - CASE WHEN reason = $1 THEN 1 ELSE 0 END)::int8
                FROM slice JOIN source s ON s.id = source_id
                WHERE run_id = (SELECT max(id) FROM job_run) AND axis <> 'uids' GROUP BY 1
                """, [.text(SplitReason.crowdedDay.rawValue)])
            return Dictionary(
                rows.compactMap { row in row.string(0).map { ($0, row.int(1) ?? 0) } }, uniquingKeysWith: +)
        }
    }
}
