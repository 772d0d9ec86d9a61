import CPostgres

/// Writes rows in the binary COPY format and hands them over in pieces of 64 KiB.
package struct CopyWriter: ~Copyable {
    private static let pieceSize = 64 << 10
    private static let header: [UInt8] =
        [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)

    private let connection: OpaquePointer
    private var bytes: [UInt8]
    private var failed = false

    init(_ connection: OpaquePointer) {
        self.connection = connection
        bytes = Self.header
        bytes.reserveCapacity(Self.pieceSize * 2)
    }

    package mutating func beginRow(columns: Int) {
        if bytes.count >= Self.pieceSize { hand() }
        BigEndian.append(Int16(truncatingIfNeeded: columns), to: &bytes)
    }

    package mutating func appendNull() { BigEndian.append(Int32(-1), to: &bytes) }

    package mutating func append(text: String?) {
        guard var text else { return appendNull() }
        text.withUTF8 { utf8 in
            BigEndian.append(Int32(truncatingIfNeeded: utf8.count), to: &bytes)
            bytes.append(contentsOf: utf8)
        }
    }

    package mutating func append(int8 value: Int64?) { append(integer: value) }
    package mutating func append(int4 value: Int32?) { append(integer: value) }
    /// Days since 2000-01-01.
    package mutating func append(date value: Int32?) { append(integer: value) }

    private mutating func append(integer value: (some FixedWidthInteger)?) {
        guard let value else { return appendNull() }
        BigEndian.append(Int32(value.bitWidth / 8), to: &bytes)
        BigEndian.append(value, to: &bytes)
    }

    package mutating func append(bytes value: [UInt8]?) {
        guard let value else { return appendNull() }
        BigEndian.append(Int32(truncatingIfNeeded: value.count), to: &bytes)
        bytes.append(contentsOf: value)
    }

    package mutating func append(textArray values: [String]?) {
        guard let values else { return appendNull() }
        append(bytes: PostgresValue.array(25, values.map { Array($0.utf8) }))
    }

    /// The trailer, and what is left.
    mutating func finish() -> Bool {
        BigEndian.append(Int16(-1), to: &bytes)
        hand()
        return !failed
    }

    private mutating func hand() {
        failed =
            failed
            || bytes.withUnsafeBufferPointer { buffer in
                buffer.withMemoryRebound(to: CChar.self) {
                    PQputCopyData(connection, $0.baseAddress, Int32(truncatingIfNeeded: $0.count)) != 1
                }
            }
        bytes.removeAll(keepingCapacity: true)
    }
}
