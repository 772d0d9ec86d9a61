import DICOM
import NIOConcurrencyHelpers
import NIOCore

/// A C-FIND request as a provider sees it.
package struct FindRequest: Sendable {
    package let calling: AETitle
    package let called: AETitle
    /// The peer's IP address.
    package let peerAddress: String
    package let model: FindModel
    package let priority: Priority
    package let identifier: DataSet
    /// The identifier as received.
    package let rawIdentifier: [UInt8]
}

/// How a provider ends a C-FIND (PS3.4 §C.4.1.1.4).
package struct FindStatus: Sendable, Hashable {
    package var status: UInt16
    /// No more than 64 characters are sent, and no patient data belongs in it.
    package var errorComment: String?
    package var offendingElements: [Tag]

    package init(_ status: UInt16, errorComment: String? = nil, offendingElements: [Tag] = []) {
        self.status = status
        self.errorComment = errorComment
        self.offendingElements = offendingElements
    }

    package static let success = FindStatus(0x0000)
    package static let cancelled = FindStatus(0xFE00)
    package static let outOfResources = FindStatus(0xA700)
    package static let identifierDoesNotMatch = FindStatus(0xA900)
    package static func unableToProcess(_ comment: String) -> FindStatus { FindStatus(0xC000, errorComment: comment) }
    /// What an inner error becomes: never Success.
    static let innerError = FindStatus(0xC001, errorComment: "Unable to process")
}

/// How responses are cut into P-DATA-TF PDUs.
package enum PDUPacking: Sendable {
    /// Each presentation data value in a PDU of its own.
    case one
    /// As many as fit, command and data set of one and of several responses together (F88).
    case several
}

/// Sends the matches of one C-FIND; used by one task. Back-pressure: a `send` returns when the peer keeps up.
package final class FindResponder: Sendable {
    package let transferSyntax: TransferSyntax
    private let messageID: UInt16
    private let model: FindModel
    private let contextID: UInt8
    private let bodyLimit: Int
    private let packing: PDUPacking
    private let channel: any Channel
    private let cancelled = NIOLockedValueBox(false)
    private let buffer = NIOLockedValueBox(ByteBuffer())

    /// Bytes gathered before they are handed to the socket.
    private static let flushSize = 64 << 10

    init(
        transferSyntax: TransferSyntax, messageID: UInt16, model: FindModel, contextID: UInt8, bodyLimit: Int,
        packing: PDUPacking, channel: any Channel
    ) {
        self.transferSyntax = transferSyntax
        self.messageID = messageID
        self.model = model
        self.contextID = contextID
        self.bodyLimit = bodyLimit
        self.packing = packing
        self.channel = channel
    }

    /// The peer sent C-CANCEL; the handler ends with `FindStatus.cancelled` when it sees fit.
    package var isCancelled: Bool { cancelled.withLockedValue { $0 } }

    func cancel(_ id: UInt16) {
        if id == messageID { cancelled.withLockedValue { $0 = true } }
    }

    package func send(_ identifier: DataSet, keysUnsupported: Bool = false) async throws {
        try await send(encoded: try identifier.encoded(as: transferSyntax), keysUnsupported: keysUnsupported)
    }

    /// Sends an identifier that is already encoded in `transferSyntax`.
    package func send(encoded identifier: [UInt8], keysUnsupported: Bool = false) async throws {
        var command = Command(.findResponse, messageID: messageID, sopClassUID: model.rawValue, hasDataSet: true)
        command.status = keysUnsupported ? Status.pendingKeysUnsupported : Status.pending
        let full = buffer.withLockedValue { buffer -> ByteBuffer? in
            write(command, identifier, to: &buffer)
            guard buffer.readableBytes >= Self.flushSize else { return nil }
            defer { buffer = ByteBuffer() }
            return buffer
        }
        if let full { try await channel.writeAndFlush(full) }
    }

    /// Hands over what has been gathered, so that the peer sees it before more is there.
    package func flush() async throws {
        let gathered = buffer.withLockedValue { buffer -> ByteBuffer in
            defer { buffer = ByteBuffer() }
            return buffer
        }
        if gathered.readableBytes > 0 { try await channel.writeAndFlush(gathered) }
    }

    func finish(_ status: FindStatus) async throws {
        var command = Command(.findResponse, messageID: messageID, sopClassUID: model.rawValue)
        command.status = status.status
        command.errorComment = status.errorComment
        command.offendingElements = status.offendingElements
        buffer.withLockedValue { write(command, nil, to: &$0) }
        try await flush()
    }

    private func write(_ command: Command, _ identifier: [UInt8]?, to buffer: inout ByteBuffer) {
        guard packing == .several else {
            return MessageWriter.write(
                command, dataSet: identifier, contextID: contextID, bodyLimit: bodyLimit, to: &buffer)
        }
        var body = ByteBuffer()
        command.write(to: &body)
        let room = (identifier?.count ?? 0) + body.readableBytes + 12
        guard room <= bodyLimit else {
            return MessageWriter.write(
                command, dataSet: identifier, contextID: contextID, bodyLimit: bodyLimit, to: &buffer)
        }
        // Join the last PDU in the buffer where it has room, by raising its length.
        let start = lastPDU(in: buffer, room: room)
        if start == nil {
            buffer.writeInteger(PDU.Kind.data.rawValue)
            buffer.writeInteger(UInt8(0))
            buffer.writeInteger(UInt32(0))
        }
        let header = start ?? buffer.writerIndex - PDU.headerLength
        MessageWriter.writePDV(body.readableBytesView, isCommand: true, isLast: true, contextID, to: &buffer)
        if let identifier {
            MessageWriter.writePDV(identifier, isCommand: false, isLast: true, contextID, to: &buffer)
        }
        buffer.setInteger(UInt32(buffer.writerIndex - header - PDU.headerLength), at: header + 2)
    }

    /// Where the last PDU of the buffer starts, if it is at its end and can take `room` more bytes.
    private func lastPDU(in buffer: ByteBuffer, room: Int) -> Int? {
        var index = buffer.readerIndex
        var last: Int?
        while index < buffer.writerIndex, let length = buffer.getInteger(at: index + 2, as: UInt32.self) {
            last = Int(length) + room <= bodyLimit ? index : nil
            index += PDU.headerLength + Int(length)
        }
        return last
    }
}
