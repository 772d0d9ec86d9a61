import DICOM
import PostgresClient

/// The index in PostgreSQL: sources and their budgets, the ledger of slices, observations and studies, discrepancies,
/// keys. Stateless: any number of them may work on one database.
package struct StudyIndex: Sendable {
    let pool: PostgresPool
    /// Measures pauses only: what is decided about slices and budgets, the database's clock decides.
    let clock: any Clock<Duration>

    package init(pool: PostgresPool, clock: any Clock<Duration> = ContinuousClock()) {
        self.pool = pool
        self.clock = clock
    }

    /// Brings the schema to this program's version; safe to call from many processes at once.
    package func migrate() async throws {
        _ = try await pool.transaction { try Migrations.apply($0) }
    }

    package func schemaVersion() async throws -> Int {
        try await pool.withConnection { connection in
            try connection.query("SELECT max(version) FROM schema_migration").first?.int(0) ?? 0
        }
    }

    /// Enters or updates sources and their budgets; returns their ids by name.
    package func register(_ sources: [SourceDefinition]) async throws -> [String: Int32] {
        try await pool.transaction { connection in
            var ids: [String: Int32] = [:]
            for source in sources {
                let row = try connection.query(
                    SQL.registerSource,
                    [
                        .text(source.name), .text(source.aeTitle), .text(source.host), .int(Int64(source.port)),
                        .text(source.issuer), .int(Int64(source.priority)),
                    ]
                ).first
                guard let id = row?.int(0).flatMap(Int32.init(exactly:)) else {
                    throw IndexError(.corrupt, "a source got no id")
                }
                let emission = 1 / source.queriesPerSecond
                try connection.query(
                    SQL.registerBudget,
                    [
                        .int(Int64(id)), .double(emission), .double(emission * Double(source.burst - 1)),
                        .int(Int64(source.associations)),
                    ])
                ids[source.name] = id
            }
            return ids
        }
    }
}

/// A source as the index knows it, and what may be asked of it.
package struct SourceDefinition: Sendable {
    package var name: String
    package var aeTitle: String
    package var host: String
    package var port: Int
    /// Of patient IDs that come without one.
    package var issuer: String
    /// 1 wins.
    package var priority: Int
    package var queriesPerSecond: Double
    /// Requests that may come at once; 1: evenly spaced.
    package var burst: Int
    package var associations: Int

    package init(
        name: String, aeTitle: String, host: String, port: Int, issuer: String, priority: Int = 100,
        queriesPerSecond: Double = 1, burst: Int = 1, associations: Int = 1
    ) {
        self.name = name
        self.aeTitle = aeTitle
        self.host = host
        self.port = port
        self.issuer = issuer
        self.priority = priority
        self.queriesPerSecond = queriesPerSecond
        self.burst = burst
        self.associations = associations
    }
}
