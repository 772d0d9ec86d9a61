import CSQLite

/// The rows that a session changed, as SQLite's session extension writes them: keys, and new values of changed columns only.
enum Patchset {
    /// One patchset that does what these do one after the other.
    static func merged(_ patchsets: [[UInt8]]) throws -> [UInt8] {
        var group: OpaquePointer?
        guard sqlite3changegroup_new(&group) == SQLITE_OK, let group else {
            throw ShardError(.database, "SQLite cannot merge patchsets: no memory")
        }
        defer { sqlite3changegroup_delete(group) }
        for patchset in patchsets where !patchset.isEmpty {
            var bytes = patchset
            guard let count = Int32(exactly: bytes.count),
                sqlite3changegroup_add(group, count, &bytes) == SQLITE_OK
            else { throw ShardError(.malformed, "patchsets that cannot be merged") }
        }
        var count: Int32 = 0
        var bytes: UnsafeMutableRawPointer?
        guard sqlite3changegroup_output(group, &count, &bytes) == SQLITE_OK else {
            throw ShardError(.database, "SQLite cannot merge patchsets")
        }
        return take(bytes, count)
    }

    /// Applies a patchset that was verified: malformed ones have overrun SQLite's buffers (CVE-2023-7104). Any conflict ends
    /// it, and the file is of no use then; or, with `overlookingConflicts`, rows that are not there are passed over, and
    /// those that are there already replaced.
    static func apply(
        _ patchset: [UInt8], to database: SQLiteDatabase, overlookingConflicts: Bool = false
    ) throws {
        guard !patchset.isEmpty else { return }
        guard let count = Int32(exactly: patchset.count) else { throw ShardError(.tooLarge, "a patchset above 2 GiB") }
        var bytes = patchset
        let status = sqlite3changeset_apply(
            database.handle, count, &bytes, nil,
            overlookingConflicts ? overlook : { _, _, _ in SQLITE_CHANGESET_ABORT },
            nil)
        guard status == SQLITE_OK else {
            throw ShardError(
                .wrongContent, "a patchset does not fit the generation that it was made for (SQLite \(status))")
        }
    }

    private static let overlook: @convention(c) (UnsafeMutableRawPointer?, Int32, OpaquePointer?) -> Int32 = {
        _, conflict, _ in
        [SQLITE_CHANGESET_DATA, SQLITE_CHANGESET_CONFLICT].contains(conflict)
            ? SQLITE_CHANGESET_REPLACE : SQLITE_CHANGESET_OMIT
    }

    fileprivate static func take(_ bytes: UnsafeMutableRawPointer?, _ count: Int32) -> [UInt8] {
        defer { sqlite3_free(bytes) }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    }
}

/// Watches what is done to the tables of a shard. Their indexes and the names' trigrams follow from it at both ends.
final class PatchsetSession {
    private let handle: OpaquePointer
    private let database: SQLiteDatabase

    init(_ database: SQLiteDatabase) throws {
        self.database = database
        var session: OpaquePointer?
        guard sqlite3session_create(database.handle, "main", &session) == SQLITE_OK, let session else {
            throw database.error("session")
        }
        handle = session
        for table in ShardSchema.tables {
            guard sqlite3session_attach(session, table.name) == SQLITE_OK else { throw database.error("session") }
        }
    }

    deinit { sqlite3session_delete(handle) }

    func patchset() throws -> [UInt8] {
        var count: Int32 = 0
        var bytes: UnsafeMutableRawPointer?
        guard sqlite3session_patchset(handle, &count, &bytes) == SQLITE_OK else { throw database.error("patchset") }
        return Patchset.take(bytes, count)
    }
}
