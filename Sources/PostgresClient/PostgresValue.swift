import Foundation

/// A parameter of a statement, sent in binary with its type.
package enum PostgresValue: Sendable {
    case null
    case text(String)
    /// int8
    case int(Int64)
    /// float8
    case double(Double)
    case bool(Bool)
    /// bytea
    case bytes([UInt8])
    case uuid(UUID)
    /// Days since 2000-01-01.
    case date(Int32)
    case textArray([String?])
    case intArray([Int64])
    case bytesArray([[UInt8]?])
    case uuidArray([UUID])

    /// The type's OID (pg_type.dat); 0 lets the server infer it.
    var oid: UInt32 {
        switch self {
        case .null: 0
        case .text: 25
        case .int: 20
        case .double: 701
        case .bool: 16
        case .bytes: 17
        case .uuid: 2950
        case .date: 1082
        case .textArray: 1009
        case .intArray: 1016
        case .bytesArray: 1001
        case .uuidArray: 2951
        }
    }

    /// About how many bytes it is.
    var size: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .textArray(let values): values.reduce(0) { $0 + 4 + ($1?.utf8.count ?? 0) }
        case .bytesArray(let values): values.reduce(0) { $0 + 4 + ($1?.count ?? 0) }
        case .intArray(let values): 12 * values.count
        case .uuidArray(let values): 20 * values.count
        case .null, .int, .double, .bool, .uuid, .date: 16
        }
    }

    /// The binary form; nil: NULL.
    var encoded: [UInt8]? {
        switch self {
        case .null: nil
        case .text(let text): Array(text.utf8)
        case .int(let value): BigEndian.bytes(value)
        case .double(let value): BigEndian.bytes(value.bitPattern)
        case .bool(let value): [value ? 1 : 0]
        case .bytes(let bytes): bytes
        case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { Array($0) }
        case .date(let days): BigEndian.bytes(days)
        case .textArray(let values): Self.array(25, values.map { $0.map { Array($0.utf8) } })
        case .intArray(let values): Self.array(20, values.map { BigEndian.bytes($0) })
        case .bytesArray(let values): Self.array(17, values)
        case .uuidArray(let values):
            Self.array(2950, values.map { uuid in withUnsafeBytes(of: uuid.uuid) { Array($0) } })
        }
    }

    /// One dimension, lower bound 1.
    static func array(_ elementOID: UInt32, _ elements: [[UInt8]?]) -> [UInt8] {
        var bytes: [UInt8] = []
        BigEndian.append(Int32(elements.isEmpty ? 0 : 1), to: &bytes)
        BigEndian.append(Int32(elements.contains { $0 == nil } ? 1 : 0), to: &bytes)
        BigEndian.append(elementOID, to: &bytes)
        guard !elements.isEmpty else { return bytes }
        BigEndian.append(Int32(elements.count), to: &bytes)
        BigEndian.append(Int32(1), to: &bytes)
        for element in elements {
            guard let element else {
                BigEndian.append(Int32(-1), to: &bytes)
                continue
            }
            BigEndian.append(Int32(element.count), to: &bytes)
            bytes.append(contentsOf: element)
        }
        return bytes
    }
}

enum BigEndian {
    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    static func read<T: FixedWidthInteger>(_ type: T.Type, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> T? {
        guard offset >= 0, offset + MemoryLayout<T>.size <= bytes.count else { return nil }
        return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
