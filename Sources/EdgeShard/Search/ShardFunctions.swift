import CSQLite
import DICOM
import Foundation

/// SQL functions that searches use beside SQLite's own.
enum ShardFunctions {
    /// Whether one value of a list column matches a pattern.
    static let listMatches = "concord_list_matches"

    static func register(on database: SQLiteDatabase) throws {
        let status = sqlite3_create_function_v2(
            database.handle, listMatches, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nil,
            { context, _, arguments in
                guard let arguments, let list = sqlite3_value_text(arguments[0]),
                    let pattern = sqlite3_value_text(arguments[1])
                else { return sqlite3_result_null(context) }
                let matches = ListColumn.values(String(cString: list))
                    .contains { QueryKey.matches(String(cString: pattern), $0) }
                sqlite3_result_int(context, matches ? 1 : 0)
            }, nil, nil, nil)
        guard status == SQLITE_OK else { throw database.error("function") }
    }
}

/// Several values in one parameter.
enum JSONList {
    static func text(_ values: [String]) -> String {
        (try? JSONEncoder().encode(values)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }
}
