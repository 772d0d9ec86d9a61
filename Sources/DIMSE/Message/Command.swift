import DICOM
import NIOCore

/// A DIMSE command set (PS3.7 §6.3, Annex E), always in Implicit VR Little Endian: the fields that C-ECHO and C-FIND use.
struct Command: Sendable, Equatable {
    enum Field: UInt16, Sendable {
        case findRequest = 0x0020
        case findResponse = 0x8020
        case echoRequest = 0x0030
        case echoResponse = 0x8030
        case cancelRequest = 0x0FFF
    }
    var field: UInt16
    /// Message ID of a request; Message ID Being Responded To of a response or a cancellation.
    var messageID: UInt16
    var sopClassUID = ""
    var hasDataSet = false
    var priority: UInt16?
    var status: UInt16?
    var errorComment: String?
    var offendingElements: [Tag] = []

    static let noDataSet: UInt16 = 0x0101

    init(_ field: Field, messageID: UInt16, sopClassUID: String = "", hasDataSet: Bool = false) {
        self.field = field.rawValue
        self.messageID = messageID
        self.sopClassUID = sopClassUID
        self.hasDataSet = hasDataSet
    }

    /// Reads a command set; elements that we do not use, or whose length is not theirs, are passed over.
    init(_ bytes: UnsafeRawBufferPointer) throws(DIMSEError) {
        field = 0
        messageID = 0
        var hasField = false
        var position = 0
        while position < bytes.count {
            guard bytes.count - position >= 8 else {
                throw DIMSEError(.malformed, "a command set ends within an element")
            }
            let group = Self.uint16(bytes, position)
            let element = Self.uint16(bytes, position + 2)
            let length = Int(Self.uint16(bytes, position + 4)) | Int(Self.uint16(bytes, position + 6)) << 16
            let start = position + 8
            guard length <= bytes.count - start else {
                throw DIMSEError(.malformed, "a command element is longer than its set")
            }
            position = start + length
            guard group == 0 else { continue }
            switch element {
            case 0x0002: sopClassUID = Self.text(bytes[start..<position])
            case 0x0100 where length == 2:
                field = Self.uint16(bytes, start)
                hasField = true
            case 0x0110 where length == 2, 0x0120 where length == 2: messageID = Self.uint16(bytes, start)
            case 0x0700 where length == 2: priority = Self.uint16(bytes, start)
            case 0x0800 where length == 2: hasDataSet = Self.uint16(bytes, start) != Self.noDataSet
            case 0x0900 where length == 2: status = Self.uint16(bytes, start)
            case 0x0901:
                offendingElements = stride(from: start, to: position - 3, by: 4).map {
                    Tag(Self.uint16(bytes, $0), Self.uint16(bytes, $0 + 2))
                }
            case 0x0902: errorComment = Self.text(bytes[start..<position])
            default: break
            }
        }
        guard hasField else { throw DIMSEError(.malformed, "a command set without a Command Field") }
    }

    private static func uint16(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    private static func text(_ value: Slice<UnsafeRawBufferPointer>) -> String {
        var value = value
        while let last = value.last, last == 0 || last == 0x20 { value = value.dropLast() }
        return String(decoding: value, as: UTF8.self)
    }

    /// Appends the encoded command set.
    func write(to buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        Self.element(0x0000, [0, 0, 0, 0], &buffer)
        if !sopClassUID.isEmpty { Self.element(0x0002, Self.even(sopClassUID.utf8, 0), &buffer) }
        Self.element(0x0100, field, &buffer)
        let isRequest = field == Field.findRequest.rawValue || field == Field.echoRequest.rawValue
        Self.element(isRequest ? 0x0110 : 0x0120, messageID, &buffer)
        if let priority { Self.element(0x0700, priority, &buffer) }
        Self.element(0x0800, hasDataSet ? 0x0001 : Self.noDataSet, &buffer)
        if let status { Self.element(0x0900, status, &buffer) }
        if !offendingElements.isEmpty {
            Self.element(0x0901, offendingElements.flatMap { Self.bytes($0.group) + Self.bytes($0.element) }, &buffer)
        }
        if let errorComment {
            // LO holds 64 characters of the default repertoire (PS3.7 §C).
            let text = errorComment.utf8.prefix(64).map { $0 < 0x80 ? $0 : 0x3F }
            Self.element(0x0902, Self.even(text, 0x20), &buffer)
        }
        let length = UInt32(buffer.writerIndex - start - 12)
        buffer.setInteger(length, at: start + 8, endianness: .little)
    }

    private static func element(_ element: UInt16, _ value: UInt16, _ buffer: inout ByteBuffer) {
        Self.element(element, bytes(value), &buffer)
    }

    private static func element(_ element: UInt16, _ value: [UInt8], _ buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt16(0))
        buffer.writeInteger(element, endianness: .little)
        buffer.writeInteger(UInt32(value.count), endianness: .little)
        buffer.writeBytes(value)
    }

    private static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }

    private static func even(_ bytes: some Sequence<UInt8>, _ padding: UInt8) -> [UInt8] {
        let bytes = Array(bytes)
        return bytes.count % 2 == 0 ? bytes : bytes + [padding]
    }
}

/// Statuses of PS3.4 §C.4.1.1.4 and PS3.7 Annex C.
enum Status {
    static let success: UInt16 = 0x0000
    static let pending: UInt16 = 0xFF00
    static let pendingKeysUnsupported: UInt16 = 0xFF01
    static let cancel: UInt16 = 0xFE00

    static func isPending(_ status: UInt16) -> Bool { status == pending || status == pendingKeysUnsupported }
}
