import PostgresClient

/// Rows of `study` that a measured piece of work has inserted or updated. PostgreSQL's statistics would come too late.
struct StudyRowsWritten {
    private let before: Int64
    private let pool: PostgresPool

    /// Counts from now on.
    init(_ pool: PostgresPool) async throws {
        self.pool = pool
        before = try await pool.withConnection { connection in
            Int64(try connection.query("SELECT pg_current_xact_id()::text::int8")[0].int(0) ?? 0)
        }
    }

    func count() async throws -> Int {
        try await pool.withConnection { connection in
            try connection.query("SELECT count(*) FROM study WHERE xmin::text::int8 > $1", [.int(before)])[0].int(0)
                ?? 0
        }
    }
}
