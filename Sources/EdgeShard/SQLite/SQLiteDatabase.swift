import CSQLite

/// One connection to an SQLite file, by its C API; for one thread at a time.
final class SQLiteDatabase {
    enum Access {
        /// A file of our own that nobody else sees yet: no journal on disk and no flushing, because it is flushed once when
        /// it is whole, and thrown away otherwise. Its schema was found to be ours.
        case workingCopy(creating: Bool)
        /// A file that is never written again. Never WAL: versions before 3.51.3 can lose what it holds.
        case immutable
    }

    let handle: OpaquePointer
    private var prepared: [String: SQLiteStatement] = [:]

    init(path: String, _ access: Access) throws {
        var handle: OpaquePointer?
        let name: String
        var trustsSchema: Int32 = 0
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE
        switch access {
        case .workingCopy(let creating):
            name = "file:" + path.percentEncoded
            trustsSchema = 1
            flags |= SQLITE_OPEN_READWRITE | (creating ? SQLITE_OPEN_CREATE : 0)
        case .immutable:
            name = "file:" + path.percentEncoded + "?mode=ro&immutable=1"
            flags |= SQLITE_OPEN_READONLY
        }
        let status = sqlite3_open_v2(name, &handle, flags, nil)
        guard let handle else { throw ShardError(.database, "SQLite cannot open a file: no memory") }
        self.handle = handle
        guard status == SQLITE_OK, concord_harden(handle, trustsSchema) == SQLITE_OK else { throw error("open") }
        switch access {
        case .workingCopy:
            try execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
        case .immutable:
            // Never mapped: a bad sector would be a signal instead of an error.
            try execute("PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA cache_size = -16384")
        }
    }

    /// A copy in memory, which is only read.
    convenience init(bytes: [UInt8]) throws {
        try self.init(path: ":memory:", .workingCopy(creating: true))
        let count = sqlite3_int64(bytes.count)
        guard let memory = sqlite3_malloc64(UInt64(bytes.count))?.assumingMemoryBound(to: UInt8.self) else {
            throw ShardError(.database, "SQLite: no memory")
        }
        memory.update(from: bytes, count: bytes.count)
        let flags = UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY)
        // Freed by SQLite, even where it fails.
        guard sqlite3_deserialize(handle, "main", memory, count, count, flags) == SQLITE_OK else {
            throw error("copy")
        }
        try execute("PRAGMA query_only = ON")
    }

    /// What is in it, as a file has it.
    func serialized() throws -> [UInt8] {
        var count: sqlite3_int64 = 0
        guard let bytes = sqlite3_serialize(handle, "main", &count, 0) else { throw error("copy") }
        defer { sqlite3_free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    deinit {
        prepared.removeAll()
        sqlite3_close_v2(handle)
    }

    func error(_ what: String) -> ShardError {
        // SQLite's own words name tables and columns, never values.
        ShardError(.database, "SQLite: \(what): \(String(cString: sqlite3_errmsg(handle)))")
    }

    /// Whether that was what the last statement failed by.
    var hasFoundConstraintViolated: Bool { sqlite3_errcode(handle) & 0xFF == SQLITE_CONSTRAINT }

    /// Statements of our own, separated by semicolons.
    func execute(_ script: String) throws {
        guard sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK else { throw error("script") }
    }

    /// The statement, prepared once for this connection, reset and without values.
    func statement(_ sql: String) throws -> SQLiteStatement {
        if let known = prepared[sql] {
            known.reset()
            return known
        }
        let statement = try SQLiteStatement(sql, self)
        // Searches are of many shapes; what is prepared must not grow with them.
        if prepared.count >= 256 { prepared.removeAll() }
        prepared[sql] = statement
        return statement
    }

    func transaction(_ body: () throws -> Void) throws {
        try execute("BEGIN")
        do { try body() } catch {
            try? execute("ROLLBACK")
            throw error
        }
        try execute("COMMIT")
    }

    func integer(_ sql: String) throws -> Int {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.int(0) ?? 0 : 0
    }

    func texts(_ sql: String) throws -> [String] {
        let statement = try statement(sql)
        defer { statement.reset() }
        var texts: [String] = []
        while try statement.step() { texts.append(statement.text(0) ?? "") }
        return texts
    }
}

extension String {
    /// As a path in a URI: SQLite reads `?`, `#` and `%` as its own.
    fileprivate var percentEncoded: String {
        utf8.reduce(into: "") { encoded, byte in
            switch byte {
            case 0x2F, 0x2D, 0x2E, 0x5F, 0x30...0x39, 0x41...0x5A, 0x61...0x7A:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
