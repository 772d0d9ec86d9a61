import PostgresClient

/// The schema in numbered, append-only steps: `schemas/postgres/mNNN_*.sql`, embedded in the binary.
enum Migrations {
    static let all: [(name: String, sql: String)] = [
        ("m001_ledger", SQL.text(PackageResources.m001_ledger_sql)),
        ("m002_index", SQL.text(PackageResources.m002_index_sql)),
        ("m003_access", SQL.text(PackageResources.m003_access_sql)),
        ("m004_spanning", SQL.text(PackageResources.m004_spanning_sql)),
        ("m007_reconciliation", SQL.text(PackageResources.m007_reconciliation_sql)),
        ("m008_persons", SQL.text(PackageResources.m008_persons_sql)),
        ("m009_uniform", SQL.text(PackageResources.m009_uniform_sql)),
        ("m010_institutions", SQL.text(PackageResources.m010_institutions_sql)),
    ]

    /// Names the advisory lock under which one process migrates.
    private static let lock: Int64 = 0x436F_6E63_6F72_6431

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migration (
            version int4 PRIMARY KEY, name text NOT NULL, hash bytea NOT NULL, applied timestamptz NOT NULL DEFAULT now())
        """

    /// Applies what is missing, in one transaction; returns the version.
    static func apply(_ connection: PostgresConnection) throws -> Int {
        try connection.query("SELECT pg_advisory_xact_lock($1)", [.int(lock)])
        if try connection.query("SELECT to_regclass('schema_migration')::text")[0].string(0) == nil {
            try connection.execute(script: table)
        }
        let applied = try connection.query("SELECT name, hash FROM schema_migration ORDER BY version")
        guard applied.count <= all.count else {
            throw IndexError(
                .schemaTooNew,
                "the database has schema version \(applied.count), this program \(all.count): update Concord")
        }
        for (row, migration) in zip(applied, all) {
            guard row.string(0) == migration.name, row.bytes(1) == SHA256.hash(Array(migration.sql.utf8)) else {
                throw IndexError(
                    .schemaDiffers,
                    "the database's migration \(row.string(0) ?? "?") is not this program's \(migration.name)")
            }
        }
        if applied.count < all.count { try createExtension(connection) }
        for (position, migration) in all.enumerated().dropFirst(applied.count) {
            try connection.execute(script: migration.sql)
            try connection.query(
                "INSERT INTO schema_migration (version, name, hash) VALUES ($1::int8::int4, $2, $3)",
                [.int(Int64(position + 1)), .text(migration.name), .bytes(SHA256.hash(Array(migration.sql.utf8)))])
        }
        try connection.execute(script: SQL.leakproof)
        return all.count
    }

    /// Trigrams, for infixes of names. PostgreSQL lets any role that may create in a database install it.
    private static func createExtension(_ connection: PostgresConnection) throws {
        do { try connection.execute(script: "CREATE EXTENSION IF NOT EXISTS pg_trgm") } catch {
            throw error.code == .server ? Self.missing(error) : error
        }
    }

    private static func missing(_ error: PostgresError) -> any Error {
        IndexError(
            .extensionMissing,
            "the database has no extension pg_trgm, and it could not be installed (\(error.detail)): install PostgreSQL's "
                + "contrib package on its server, and run CREATE EXTENSION pg_trgm in this database as a superuser")
    }
}
