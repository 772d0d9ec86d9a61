import Foundation
import PostgresClient

/// Which scheduled runs there were. The rows decide: a run that was due is started once, whoever sees it first.
extension StudyIndex {
    package struct JobClock: Sendable, Hashable {
        /// When the job was last due, or else first seen.
        package let last: Date
        /// That run was started and has not ended: whoever did it was stopped.
        package let isUnfinished: Bool
        /// The database's time.
        package let now: Date
    }

    package func jobClock(_ job: String) async throws -> JobClock {
        try await pool.withConnection { connection in
            guard let row = try connection.query(SQL.seeJob, [.text(job)]).first, let last = row.double(0),
                let now = row.double(2)
            else { throw IndexError(.corrupt, "a scheduled job has no time") }
            return JobClock(
                last: Date(timeIntervalSince1970: last), isUnfinished: row.bool(1) == true,
                now: Date(timeIntervalSince1970: now))
        }
    }

    /// False: somebody else has started it.
    package func startJob(_ job: String, due: Date) async throws -> Bool {
        try await pool.withConnection {
            try $0.query(SQL.startJob, [.text(job), .double(due.timeIntervalSince1970)]).first != nil
        }
    }

    package enum JobOutcome: String, Sendable { case ok, holes, failed }

    package func endJob(_ job: String, due: Date, _ outcome: JobOutcome) async throws {
        _ = try await pool.withConnection {
            try $0.query(
                SQL.endJob, [.text(job), .double(due.timeIntervalSince1970), .text(outcome.rawValue)])
        }
    }

    /// Whether the session of `seat`, a pool of one connection, leads the schedulers. It goes on to lead while that
    /// connection lives, and asking again keeps it.
    package static func leads(_ seat: PostgresPool) async -> Bool {
        (try? await seat.withConnection { try $0.query(SQL.lead).first?.bool(0) ?? false }) ?? false
    }
}
