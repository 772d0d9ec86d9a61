import DICOM
import NIOConcurrencyHelpers
import NIOCore

/// Sends the matches of one C-FIND; used by one task. Back-pressure: a `send` returns when the socket has taken what was
/// gathered before.
package final class FindResponder: Sendable {
    package let transferSyntax: TransferSyntax
    private let messageID: UInt16
    private let model: FindModel
    private let contextID: UInt8
    private let bodyLimit: Int
    private let packing: PDUPacking
    private let layer: NIOLoopBound<UpperLayer<ProviderSession>>
    private let loop: any EventLoop
    private let state = NIOLockedValueBox(State())
    /// The command sets of pending responses, FF00 and FF01, as one presentation data value each.
    private let pending: ByteBuffer
    private let pendingKeysUnsupported: ByteBuffer

    private struct State {
        var buffer = ByteBuffer()
        /// Where the PDU starts that may take more values.
        var openPDU: Int?
        var isCancelled = false
        var hasEnded = false
    }

    /// Bytes gathered before they are handed to the socket.
    private static let flushSize = 64 << 10

    init(
        transferSyntax: TransferSyntax, messageID: UInt16, model: FindModel, contextID: UInt8, bodyLimit: Int,
        packing: PDUPacking, layer: UpperLayer<ProviderSession>, loop: any EventLoop
    ) {
        self.transferSyntax = transferSyntax
        self.messageID = messageID
        self.model = model
        self.contextID = contextID
        self.bodyLimit = bodyLimit
        self.packing = packing
        self.layer = NIOLoopBound(layer, eventLoop: loop)
        self.loop = loop
        func value(_ status: UInt16) -> ByteBuffer {
            var command = Command(.findResponse, messageID: messageID, sopClassUID: model.rawValue, hasDataSet: true)
            command.status = status
            var body = ByteBuffer()
            command.write(to: &body)
            var value = ByteBuffer()
            MessageWriter.writePDV(body.readableBytesView, isCommand: true, isLast: true, contextID, to: &value)
            return value
        }
        pending = value(Status.pending)
        pendingKeysUnsupported = value(Status.pendingKeysUnsupported)
    }

    /// The peer sent C-CANCEL; the handler ends with `FindStatus.cancelled` when it sees fit.
    package var isCancelled: Bool { state.withLockedValue { $0.isCancelled } }

    func cancel(_ id: UInt16) {
        if id == messageID { state.withLockedValue { $0.isCancelled = true } }
    }

    package func send(_ identifier: DataSet, keysUnsupported: Bool = false) async throws {
        try await send(encoded: try identifier.encoded(as: transferSyntax), keysUnsupported: keysUnsupported)
    }

    /// Sends an identifier that is already encoded in `transferSyntax`.
    package func send(encoded identifier: [UInt8], keysUnsupported: Bool = false) async throws {
        let full = try state.withLockedValue { state -> ByteBuffer? in
            guard !state.hasEnded else { throw DIMSEError(.cancelled, "this C-FIND has ended") }
            write(identifier, keysUnsupported, &state)
            guard state.buffer.readableBytes >= Self.flushSize else { return nil }
            defer {
                state.buffer = ByteBufferAllocator().buffer(capacity: Self.flushSize + 16 << 10)
                state.openPDU = nil
            }
            return state.buffer
        }
        if let full { try await write(full) }
    }

    /// Hands over what has been gathered, so that the peer sees it before more is there.
    package func flush() async throws {
        let gathered = state.withLockedValue { state -> ByteBuffer in
            defer {
                state.buffer = ByteBuffer()
                state.openPDU = nil
            }
            return state.buffer
        }
        if gathered.readableBytes > 0 { try await write(gathered) }
    }

    /// What is still to be sent, with the final response at its end.
    func ending(_ status: FindStatus) -> ByteBuffer {
        var command = Command(.findResponse, messageID: messageID, sopClassUID: model.rawValue)
        command.status = status.status
        command.errorComment = status.errorComment
        command.offendingElements = status.offendingElements
        return state.withLockedValue { state -> ByteBuffer in
            state.hasEnded = true
            defer { state.buffer = ByteBuffer() }
            MessageWriter.write(command, dataSet: nil, contextID: contextID, bodyLimit: bodyLimit, to: &state.buffer)
            return state.buffer
        }
    }

    private func write(_ pdus: ByteBuffer) async throws {
        let promise = loop.makePromise(of: Void.self)
        loop.execute { [layer] in layer.value.send(pdus, promise: promise) }
        try await promise.futureResult.get()
    }

    private func write(_ identifier: [UInt8], _ keysUnsupported: Bool, _ state: inout State) {
        let command = keysUnsupported ? pendingKeysUnsupported : pending
        let dataSetLength = identifier.count + 6
        guard command.readableBytes <= bodyLimit, dataSetLength <= bodyLimit else {
            state.openPDU = nil
            var command = Command(.findResponse, messageID: messageID, sopClassUID: model.rawValue, hasDataSet: true)
            command.status = keysUnsupported ? Status.pendingKeysUnsupported : Status.pending
            return MessageWriter.write(
                command, dataSet: identifier, contextID: contextID, bodyLimit: bodyLimit, to: &state.buffer)
        }
        state.buffer.reserveCapacity(minimumWritableBytes: command.readableBytes + dataSetLength + 12)
        switch packing {
        case .one:
            MessageWriter.writeHeader(length: command.readableBytes, to: &state.buffer)
            state.buffer.writeImmutableBuffer(command)
            MessageWriter.writeHeader(length: dataSetLength, to: &state.buffer)
            MessageWriter.writePDV(identifier, isCommand: false, isLast: true, contextID, to: &state.buffer)
        case .several, .mixed:
            if packing == .several { state.openPDU = nil }
            join(command.readableBytesView, &state)
            var value = ByteBuffer()
            MessageWriter.writePDV(identifier, isCommand: false, isLast: true, contextID, to: &value)
            join(value.readableBytesView, &state)
        }
    }

    /// Appends a presentation data value to the open PDU where it has room, by raising its length, else to a new one.
    private func join(_ value: ByteBufferView, _ state: inout State) {
        var start = state.openPDU ?? state.buffer.writerIndex
        let length = state.buffer.writerIndex - start - PDU.headerLength
        if state.openPDU == nil || length + value.count > bodyLimit {
            start = state.buffer.writerIndex
            MessageWriter.writeHeader(length: 0, to: &state.buffer)
        }
        state.openPDU = start
        state.buffer.writeBytes(value)
        state.buffer.setInteger(
            UInt32(state.buffer.writerIndex - start - PDU.headerLength), at: start + 2)
    }
}
