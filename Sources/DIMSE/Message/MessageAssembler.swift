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
            if let key = partialKey, key.contextID != contextID || key.isCommand != isCommand {
                throw DIMSEError(.malformed, "fragments of two messages are mixed")
            }
            guard partial.count + count <= limit else {
                throw DIMSEError(.limitExceeded, "a message exceeds \(limit) bytes")
            }
            let view = pdu.readableBytesView.prefix(count)
            pdu.moveReaderIndex(forwardBy: count)
            if isLast, partialKey == nil {
                try receive(
                    isCommand
                        ? .command(try Command(view), contextID: contextID)
                        : .dataSet(Array(view), contextID: contextID))
                continue
            }
            partial.append(contentsOf: view)
            partialKey = (contextID, isCommand)
            guard isLast else { continue }
            let whole = partial
            partial = []
            partialKey = nil
            try receive(
                isCommand ? .command(try Command(whole), contextID: contextID) : .dataSet(whole, contextID: contextID))
        }
    }
}

/// Writes messages as P-DATA-TF PDUs no longer than the peer reads.
enum MessageWriter {
    /// What we send at most in a PDU, whatever the peer would take (F87).
    static let largestPDU = 65_536

    static func bodyLimit(peerMaximum: UInt32) -> Int {
        peerMaximum == 0 ? largestPDU : max(128, min(Int(peerMaximum), largestPDU))
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
            buffer.writeInteger(PDU.Kind.data.rawValue)
            buffer.writeInteger(UInt8(0))
            buffer.writeInteger(UInt32(fragment.count + 6))
            writePDV(fragment, isCommand: isCommand, isLast: rest.isEmpty, contextID, to: &buffer)
        } while !rest.isEmpty
    }

    static func writePDV(
        _ fragment: some Collection<UInt8>, isCommand: Bool, isLast: Bool, _ contextID: UInt8,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(UInt32(fragment.count + 2))
        buffer.writeInteger(contextID)
        buffer.writeInteger(UInt8((isCommand ? 1 : 0) | (isLast ? 2 : 0)))
        buffer.writeBytes(fragment)
    }
}
