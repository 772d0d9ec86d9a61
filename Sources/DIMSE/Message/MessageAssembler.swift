import Glibc
import NIOCore

/// Puts messages together from presentation data values, wherever PDUs cut them (PS3.8 §E.2, F88): by presentation
/// context, command or data set, and the last-fragment bit.
struct MessageAssembler {
    /// A whole command, or the data set that follows one.
    enum Part {
        case command(Command, contextID: UInt8)
        case dataSet([UInt8], contextID: UInt8)
    }

    /// The most bytes that one command or data set may grow to (F89).
    let limit: Int
    private var partial: [UInt8] = []
    private var partialKey: (contextID: UInt8, isCommand: Bool)?
    // The command set of one pending response is that of the next, byte for byte.
    private var lastCommandBytes: [UInt8] = []
    private var lastCommand: Command?

    init(limit: Int) { self.limit = limit }

    /// Reads the PDVs of one P-DATA-TF and hands on what they complete.
    mutating func take(
        _ pdu: inout ByteBuffer, _ receive: (Part) throws(DIMSEError) -> Void
    ) throws(DIMSEError) {
        while pdu.readableBytes > 0 {
            guard let length = pdu.readInteger(as: UInt32.self), length >= 2, Int(length) <= pdu.readableBytes,
                let contextID = pdu.readInteger(as: UInt8.self), let header = pdu.readInteger(as: UInt8.self)
            else { throw DIMSEError(.malformed, "a presentation data value does not fit its PDU") }
            let isCommand = header & 1 == 1
            let isLast = header & 2 == 2
            let count = Int(length) - 2
            if let key = partialKey, key != (contextID, isCommand) {
                throw DIMSEError(.malformed, "fragments of two messages are mixed")
            }
            guard partial.count + count <= limit else {
                throw DIMSEError(.limitExceeded, "a message exceeds \(limit) bytes")
            }
            if isLast, partialKey == nil {
                // The whole message in one fragment, as nearly always: read in place, or copied once.
                let part: Part
                if isCommand {
                    let command = pdu.withUnsafeReadableBytes { bytes in
                        Result { () throws(DIMSEError) in try decode(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                        }
                    }
                    part = .command(try command.get(), contextID: contextID)
                } else {
                    part = .dataSet(pdu.withUnsafeReadableBytes { Array($0[..<count]) }, contextID: contextID)
                }
                pdu.moveReaderIndex(forwardBy: count)
                try receive(part)
                continue
            }
            pdu.withUnsafeReadableBytes { partial.append(contentsOf: $0[..<count]) }
            pdu.moveReaderIndex(forwardBy: count)
            partialKey = (contextID, isCommand)
            guard isLast else { continue }
            let whole = partial
            partial = []
            partialKey = nil
            try receive(
                isCommand
                    ? .command(try decode(whole), contextID: contextID)
                    : .dataSet(whole, contextID: contextID))
        }
    }

    private mutating func decode(_ bytes: [UInt8]) throws(DIMSEError) -> Command {
        try bytes.withUnsafeBytes { bytes in Result { () throws(DIMSEError) in try decode(bytes) } }.get()
    }

    private mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(DIMSEError) -> Command {
        if let lastCommand, lastCommandBytes.count == bytes.count, let start = bytes.baseAddress,
            lastCommandBytes.withUnsafeBytes({ $0.baseAddress.map { memcmp($0, start, bytes.count) == 0 } ?? false })
        {
            return lastCommand
        }
        let command = try Command(bytes)
        if bytes.count <= 256 {
            lastCommand = command
            lastCommandBytes = Array(bytes)
        }
        return command
    }
}

/// Writes messages as P-DATA-TF PDUs no longer than the peer reads.
enum MessageWriter {
    /// What we send at most in a PDU, whatever the peer would take (F87).
    static let largestPDU = 65_536
    /// A PDV's header and two bytes: a peer that takes less cannot be talked to.
    static let smallestPDU = 8

    static func bodyLimit(peerMaximum: UInt32) -> Int {
        peerMaximum == 0 ? largestPDU : max(smallestPDU, min(Int(peerMaximum), largestPDU))
    }

    /// Each PDV in a PDU of its own; every message part in as few as fit.
    static func write(
        _ command: Command, dataSet: [UInt8]?, contextID: UInt8, bodyLimit: Int, to buffer: inout ByteBuffer
    ) {
        var body = ByteBuffer()
        command.write(to: &body)
        write(body.readableBytesView, isCommand: true, contextID, bodyLimit, to: &buffer)
        if let dataSet { write(dataSet, isCommand: false, contextID, bodyLimit, to: &buffer) }
    }

    private static func write(
        _ bytes: some RandomAccessCollection<UInt8>, isCommand: Bool, _ contextID: UInt8, _ bodyLimit: Int,
        to buffer: inout ByteBuffer
    ) {
        // An odd fragment makes some peers abort (F74).
        let room = (bodyLimit - 6) & ~1
        var rest = bytes[...]
        repeat {
            let fragment = rest.prefix(room)
            rest = rest.dropFirst(room)
            writeHeader(length: fragment.count + 6, to: &buffer)
            writePDV(fragment, isCommand: isCommand, isLast: rest.isEmpty, contextID, to: &buffer)
        } while !rest.isEmpty
    }

    /// Of a P-DATA-TF.
    static func writeHeader(length: Int, to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(PDU.Kind.data.rawValue, UInt8(0), UInt32(length))
    }

    static func writePDV(
        _ fragment: some Collection<UInt8>, isCommand: Bool, isLast: Bool, _ contextID: UInt8,
        to buffer: inout ByteBuffer
    ) {
        let header: UInt8 = (isCommand ? 1 : 0) | (isLast ? 2 : 0)
        buffer.writeMultipleIntegers(UInt32(fragment.count + 2), contextID, header)
        buffer.writeBytes(fragment)
    }
}
