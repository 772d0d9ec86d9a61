import CPostgres
import Foundation

/// The rows of a finished statement, in binary. Values are read when asked for; a column of another type reads as nil.
package final class PostgresResult: @unchecked Sendable, RandomAccessCollection {
    // PGresult is never changed after its statement has ended; libpq reads it from any thread.
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }
    deinit { PQclear(result) }

    package var startIndex: Int { 0 }
    package var endIndex: Int { Int(PQntuples(result)) }

    package subscript(row: Int) -> PostgresRow { PostgresRow(result: self, row: Int32(row)) }

    /// Rows inserted, updated or deleted.
    package var affectedRows: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

    fileprivate func value(_ row: Int32, _ column: Int) -> UnsafeRawBufferPointer? {
        let column = Int32(truncatingIfNeeded: column)
        guard column < PQnfields(result), PQgetisnull(result, row, column) == 0,
            let start = PQgetvalue(result, row, column)
        else { return nil }
        return UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
    }
}

package struct PostgresRow: Sendable {
    let result: PostgresResult
    let row: Int32

    package func string(_ column: Int) -> String? {
        result.value(row, column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// int2, int4, int8.
    package func int(_ column: Int) -> Int? {
        guard let bytes = result.value(row, column) else { return nil }
        return switch bytes.count {
        case 2: BigEndian.read(Int16.self, bytes, at: 0).map(Int.init)
        case 4: BigEndian.read(Int32.self, bytes, at: 0).map(Int.init)
        case 8: BigEndian.read(Int64.self, bytes, at: 0).map(Int.init)
        default: nil
        }
    }

    /// float8.
    package func double(_ column: Int) -> Double? {
        result.value(row, column).flatMap { BigEndian.read(UInt64.self, $0, at: 0) }.map(Double.init(bitPattern:))
    }

    package func bool(_ column: Int) -> Bool? { result.value(row, column).map { $0.first == 1 } }
    package func bytes(_ column: Int) -> [UInt8]? { result.value(row, column).map { Array($0) } }

    package func uuid(_ column: Int) -> UUID? {
        guard let bytes = result.value(row, column), bytes.count == 16 else { return nil }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }

    /// Days since 2000-01-01.
    package func date(_ column: Int) -> Int? { int(column) }

    /// text[]; NULL elements read as "".
    package func strings(_ column: Int) -> [String]? {
        guard let bytes = result.value(row, column), let dimensions = BigEndian.read(Int32.self, bytes, at: 0) else {
            return nil
        }
        guard dimensions == 1, let count = BigEndian.read(Int32.self, bytes, at: 12) else { return [] }
        var strings: [String] = []
        var offset = 20
        for _ in 0..<max(0, count) {
            guard let length = BigEndian.read(Int32.self, bytes, at: offset) else { return strings }
            offset += 4
            guard length >= 0 else {
                strings.append("")
                continue
            }
            guard offset + Int(length) <= bytes.count else { return strings }
            strings.append(String(decoding: bytes[offset..<offset + Int(length)], as: UTF8.self))
            offset += Int(length)
        }
        return strings
    }
}
