import CPostgres

/// One libpq connection, used by one thread at a time: the pool's closures get it and must not keep it.
package final class PostgresConnection {
    let connection: OpaquePointer
    private var prepared: [Statement: String] = [:]
    private static let preparedStatements = 500
    /// What was set for the session, beside its defaults.
    private var settings: [String: String] = [:]
    /// libpq itself does not always know: where it could not send, it says so once and keeps the connection.
    private var isLost = false

    init(connectionString: String) throws(PostgresError) {
        guard let connection = PQconnectdb(connectionString) else {
            throw PostgresError(.connectionFailed, "libpq is out of memory")
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = Self.message(PQerrorMessage(connection))
            PQfinish(connection)
            throw PostgresError(.connectionFailed, message)
        }
        self.connection = connection
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        // Compiling a search of 10 ms was seen to take 1.2 s.
        try execute(
            script: """
                SET client_encoding = 'UTF8'; SET application_name = 'concord'; SET TimeZone = 'UTC'; SET jit = off
                """)
    }

    deinit { PQfinish(connection) }

    var isUsable: Bool {
        !isLost && PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_IDLE
    }

    /// Brings the session's settings to these and no others; costs nothing where they are so already.
    package func use(_ wanted: [String: String]) throws(PostgresError) {
        guard wanted != settings else { return }
        let changes =
            settings.keys.filter { wanted[$0] == nil }.sorted().map { "RESET \($0)" }
            + wanted.filter { settings[$0.key] != $0.value }.sorted { $0.key < $1.key }.map {
                "SET \($0.key) = '\($0.value.replacing("'", with: "''"))'"
            }
        try execute(script: changes.joined(separator: "; "))
        settings = wanted
    }

    /// Runs one statement, prepared at its first use on this connection; waits for all its rows.
    @discardableResult
    package func query(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> PostgresResult {
        try makeRoom(for: 1)
        let name = try prepare(sql, parameters)
        let result = Self.encoded(parameters) { count, pointers, lengths, formats in
            PQexecPrepared(connection, name, count, pointers, lengths, formats, 1)
        }
        return PostgresResult(try check(result))
    }

    /// As `query`, and planned for these parameters and the tables as they are now, each time.
    package func queryOnce(_ sql: String, _ parameters: [PostgresValue]) throws(PostgresError) -> PostgresResult {
        let result = Self.encoded(parameters) { count, pointers, lengths, formats in
            PQexecParams(
                connection, sql, count, parameters.map { Oid($0.oid) }, pointers, lengths, formats, 1)
        }
        return PostgresResult(try check(result))
    }

    /// Searches make their SQL from the keys that clients send: without a bound the server would keep them all.
    func makeRoom(for statements: Int) throws(PostgresError) {
        guard prepared.count + statements > Self.preparedStatements else { return }
        PQclear(try check(PQexec(connection, "DEALLOCATE ALL")))
        prepared.removeAll(keepingCapacity: true)
    }

    func prepare(_ sql: String, _ parameters: [PostgresValue]) throws(PostgresError) -> String {
        let statement = Statement(sql: sql, types: parameters.map { Oid($0.oid) })
        if let name = prepared[statement] { return name }
        let name = "s\(prepared.count)"
        PQclear(try check(PQprepare(connection, name, sql, Int32(parameters.count), statement.types)))
        prepared[statement] = name
        return name
    }

    /// The types are part of it: a NULL parameter leaves its type to be inferred.
    private struct Statement: Hashable {
        let sql: String
        let types: [Oid]

        /// Texts have kilobytes and seldom the same length: comparing two is faster than hashing one.
        func hash(into hasher: inout Hasher) {
            hasher.combine(sql.utf8.count)
            hasher.combine(types)
        }
    }

    /// Several statements without parameters, as in migrations.
    package func execute(script sql: String) throws(PostgresError) {
        PQclear(try check(PQexec(connection, sql)))
    }

    /// `COPY … FROM STDIN (FORMAT binary)`; returns the rows copied.
    @discardableResult
    package func copyIn(_ sql: String, _ body: (inout CopyWriter) -> Void) throws(PostgresError) -> Int {
        PQclear(try check(PQexec(connection, sql)))
        var writer = CopyWriter(connection)
        body(&writer)
        let isWritten = writer.finish()
        guard PQputCopyEnd(connection, isWritten ? nil : "the rows could not be sent") == 1 else {
            throw lost()
        }
        let result = PostgresResult(try check(PQgetResult(connection)))
        while let rest = PQgetResult(connection) { PQclear(rest) }
        return result.affectedRows
    }

    /// Returns the result where the statement succeeded; frees it and throws where not.
    private func check(_ result: OpaquePointer?) throws(PostgresError) -> OpaquePointer {
        guard let result else { throw lost() }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_COPY_IN, PGRES_EMPTY_QUERY: return result
        default: break
        }
        defer { PQclear(result) }
        func field(_ code: UnicodeScalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        let state = field("C")
        // No state: libpq's own error, not the server's. Class 57P: the server is going down.
        guard let state, PQstatus(connection) == CONNECTION_OK, !state.hasPrefix("57P") else { throw lost() }
        // The primary message only: DETAIL quotes rows. Of what is wrong with a value (class 22) the message quotes it, too.
        let message = state.hasPrefix("22") ? "a value cannot be used" : field("M") ?? "refused"
        throw PostgresError(.server, message, sqlState: state, constraint: field("n"))
    }

    func lost() -> PostgresError {
        isLost = true
        return PostgresError(.connectionLost, "the connection was lost; is the server still running?")
    }

    private static func message(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "no connection" }
        return String(cString: text).split(separator: "\n").first.map(String.init) ?? "no connection"
    }

    /// The parameters as libpq takes them, all in binary.
    static func encoded<T>(
        _ parameters: [PostgresValue],
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) -> T
    ) -> T {
        let values = parameters.map(\.encoded)
        let total = values.reduce(0) { $0 + max(1, $1?.count ?? 0) }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: max(1, total)) { storage in
            var offset = 0
            var pointers: [UnsafePointer<CChar>?] = []
            for value in values {
                guard let value else {
                    pointers.append(nil)
                    continue
                }
                for (index, byte) in value.enumerated() { storage[offset + index] = CChar(bitPattern: byte) }
                pointers.append(storage.baseAddress.map { UnsafePointer($0 + offset) })
                offset += max(1, value.count)
            }
            let lengths = values.map { Int32(truncatingIfNeeded: $0?.count ?? 0) }
            return body(
                Int32(values.count), pointers, lengths, [Int32](repeating: 1, count: values.count))
        }
    }
}
