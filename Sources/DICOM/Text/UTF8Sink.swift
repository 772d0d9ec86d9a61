/// UTF-8 written into memory that a `String` takes over; drops what would not fit.
struct UTF8Sink {
    let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

    /// U+FFFD: a character was here that could not be read.
    static let replacement: UInt32 = 0xFFFD

    mutating func append(_ scalar: UInt32) {
        switch scalar {
        case 0..<0x80:
            put(UInt8(scalar))
        case 0x80..<0x800:
            put(UInt8(0xC0 | scalar >> 6))
            put(continuation(scalar))
        case 0x800..<0x1_0000:
            put(UInt8(0xE0 | scalar >> 12))
            put(continuation(scalar >> 6))
            put(continuation(scalar))
        default:
            put(UInt8(0xF0 | scalar >> 18 & 0x07))
            put(continuation(scalar >> 12))
            put(continuation(scalar >> 6))
            put(continuation(scalar))
        }
    }

    private mutating func put(_ byte: UInt8) {
        guard count < buffer.count else { return }
        buffer[count] = byte
        count += 1
    }

    private func continuation(_ bits: UInt32) -> UInt8 { UInt8(0x80 | bits & 0x3F) }
}
