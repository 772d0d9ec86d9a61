import Foundation
import PostgresClient

/// What the PostgreSQL server of a benchmark has used, by what it did.
struct ServerUsage: Sendable {
    /// Seconds of CPU of all its processes.
    var cpu = 0.0
    /// Seconds in statements.
    var copying = 0.0
    var merging = 0.0
    /// Slices, coverage, budgets.
    var ledger = 0.0

    /// For the cluster's settings: statements are timed.
    static let settings = ["shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "on"]

    static func now(_ pool: PostgresPool) async throws -> ServerUsage {
        try await pool.withConnection { connection in
            try connection.execute(script: "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            var usage = ServerUsage()
            let rows = try connection.query("SELECT query, total_exec_time + total_plan_time FROM pg_stat_statements")
            for row in rows {
                let (statement, seconds) = (row.string(0) ?? "", (row.double(1) ?? 0) / 1_000)
                if statement.contains("pg_stat_statements") { continue }
                if statement.hasPrefix("COPY") {
                    usage.copying += seconds
                } else if ledgerTables.contains(where: statement.contains) {
                    usage.ledger += seconds
                } else {
                    usage.merging += seconds
                }
            }
            let postmaster = try connection.query("SELECT pg_read_file('postmaster.pid')").first?.string(0)
            usage.cpu = cpu(of: postmaster.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0)
            return usage
        }
    }

    private static let ledgerTables = [
        "slice", "budget", "coverage", "job_run", "source_capability", "scheduled", "patient_pass",
    ]

    private static func cpu(of postmaster: Int) -> Double {
        guard let server = ProcessStatistics("/proc/\(postmaster)") else { return 0 }
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
            Int($0) != nil
        }
        let living = processes.compactMap { ProcessStatistics("/proc/\($0)") }.filter { $0.parent == postmaster }
        return living.reduce(server.own + server.ofChildren) { $0 + $1.own + $1.ofChildren }
    }

    static func - (left: ServerUsage, right: ServerUsage) -> ServerUsage {
        ServerUsage(
            cpu: left.cpu - right.cpu, copying: left.copying - right.copying, merging: left.merging - right.merging,
            ledger: left.ledger - right.ledger)
    }
}
