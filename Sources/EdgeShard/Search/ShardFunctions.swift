import CSQLite
import DICOM
import Foundation

/// SQL functions that searches use beside SQLite's own.
enum ShardFunctions {
    /// Whether one value of a list column matches a pattern.
    static let listMatches = "concord_list_matches"

    /// Whether a folded name matches fuzzily.
    static let nameMatchesFuzzily = "concord_name_matches_fuzzily"

    static func register(on database: SQLiteDatabase) throws {
        try register(listMatches, on: database) { context, _, arguments in
            ShardFunctions.answer(context, arguments) { list, pattern in
                ListColumn.values(list).contains { QueryKey.matches(pattern, $0) }
            }
        }
        try register(nameMatchesFuzzily, on: database) { context, _, arguments in
            ShardFunctions.answer(context, arguments) { key, pattern in FuzzyName(pattern).matches(key) }
        }
    }

    private typealias Function =
        @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

    /// Of two texts; NULL where either is.
    private static func register(_ name: String, on database: SQLiteDatabase, _ function: Function) throws {
        let status = sqlite3_create_function_v2(
            database.handle, name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nil, function, nil, nil,
            nil)
        guard status == SQLITE_OK else { throw database.error("function") }
    }

    private static func answer(
        _ context: OpaquePointer?, _ arguments: UnsafeMutablePointer<OpaquePointer?>?, _ test: (String, String) -> Bool
    ) {
        guard let arguments, let first = sqlite3_value_text(arguments[0]), let second = sqlite3_value_text(arguments[1])
        else { return sqlite3_result_null(context) }
        sqlite3_result_int(context, test(String(cString: first), String(cString: second)) ? 1 : 0)
    }
}

/// Several values in one parameter.
enum JSONList {
    static func text(_ values: [String]) -> String {
        (try? JSONEncoder().encode(values)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }
}
