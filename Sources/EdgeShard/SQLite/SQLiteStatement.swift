import CSQLite

/// A prepared statement. Values are bound by position from 1, columns are read by position from 0.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private unowned let database: SQLiteDatabase

    init(_ sql: String, _ database: SQLiteDatabase) throws {
        var handle: OpaquePointer?
        guard
            sqlite3_prepare_v3(database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil) == SQLITE_OK,
            let handle
        else { throw database.error("statement") }
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// How often SQLite has prepared it anew, because a plan depended on values.
    var repreparations: Int { Int(sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 0)) }

    // MARK: Values

    func bind(_ value: SQLiteValue, at position: Int) throws {
        let position = Int32(position)
        let status =
            switch value {
            case .null: sqlite3_bind_null(handle, position)
            case .integer(let value): sqlite3_bind_int64(handle, position, value)
            case .text(let text):
                text.utf8.withContiguousStorageIfAvailable { utf8 in
                    utf8.withMemoryRebound(to: CChar.self) { bytes in
                        // An empty buffer may have no address, which SQLite would take for NULL.
                        bytes.baseAddress.map { concord_bind_text(handle, position, $0, Int32(bytes.count)) }
                            ?? concord_bind_text(handle, position, "", 0)
                    }
                } ?? concord_bind_text(handle, position, text, Int32(text.utf8.count))
            }
        guard status == SQLITE_OK else { throw database.error("value \(position)") }
    }

    /// Values beyond the last parameter that it asks for are passed over.
    func bind(_ values: [SQLiteValue]) throws {
        let values = values.prefix(Int(sqlite3_bind_parameter_count(handle)))
        for (index, value) in values.enumerated() { try bind(value, at: index + 1) }
    }

    /// Runs a statement that returns no rows.
    func run(_ values: [SQLiteValue]) throws {
        defer { reset() }
        try bind(values)
        while try step() {}
    }

    // MARK: Rows

    /// False: there are no more rows.
    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case SQLITE_INTERRUPT: throw ShardError(.tooBroad, "the search took too long")
        default: throw database.error("step")
        }
    }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    func int(_ column: Int) -> Int? {
        let column = Int32(column)
        return sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : Int(sqlite3_column_int64(handle, column))
    }

    func text(_ column: Int) -> String? {
        bytes(column).map { String(decoding: $0, as: UTF8.self) }
    }

    func value(_ column: Int) -> SQLiteValue {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(handle, Int32(column)))
        case SQLITE_NULL: .null
        default: .text(text(column) ?? "")
        }
    }

    /// The row of a selection of all of a table's columns.
    func read(_ table: ShardSchema.Table, into row: inout CanonicalRow) {
        row.begin(table: table.tag)
        for column in table.columns.indices { append(column, to: &row) }
    }

    /// Appends a column as the canonical encoding writes it; see `CanonicalRow`.
    private func append(_ column: Int, to row: inout CanonicalRow) {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: row.append(integer: sqlite3_column_int64(handle, Int32(column)))
        case SQLITE_NULL: row.appendNull()
        default: row.append(text: bytes(column) ?? UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Until the next step.
    private func bytes(_ column: Int) -> UnsafeRawBufferPointer? {
        let column = Int32(column)
        guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
        let start = sqlite3_column_text(handle, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }
}

enum SQLiteValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)

    init(_ text: String?) { self = text.map(SQLiteValue.text) ?? .null }
    init(_ integer: Int?) { self = integer.map { .integer(Int64($0)) } ?? .null }
}
