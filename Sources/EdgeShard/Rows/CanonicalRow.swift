/// A row as the content root hashes it (FORMAT.md, Content root): the table's tag, then each column in the schema's order.
struct CanonicalRow {
    private(set) var bytes: [UInt8] = []

    mutating func begin(table tag: UInt8) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(tag)
    }

    mutating func appendNull() { bytes.append(0) }

    mutating func append(integer: Int64) {
        bytes.append(1)
        withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(text: UnsafeRawBufferPointer) {
        bytes.append(2)
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: text.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text)
    }
}
