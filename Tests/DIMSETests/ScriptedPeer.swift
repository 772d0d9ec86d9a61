import DICOM
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded

@testable import DIMSE

/// The test is the peer: it reads the PDUs that our end sends and answers what it likes, on a clock that the test moves.
final class ScriptedPeer: Sendable {
    let channel: NIOAsyncTestingChannel
    fileprivate let held: EventLoopPromise<Void>
    private let holding = NIOLockedValueBox(0)
    private let outgoing = NIOLockedValueBox(ByteBuffer())

    init() {
        channel = NIOAsyncTestingChannel()
        held = channel.eventLoop.makePromise()
    }

    deinit { held.succeed() }

    func connect() async throws {
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 104)).get()
    }

    // MARK: What our end sends

    /// The next PDU, when it is there.
    func sent() async throws -> (kind: PDU.Kind, body: ByteBuffer) {
        while true {
            if let next = outgoing.withLockedValue({ buffer in
                var rest = buffer
                let next = try? nextPDU(&rest)
                if next != nil { buffer = rest }
                return next
            }) {
                return next
            }
            let more = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
            outgoing.withLockedValue { _ = $0.writeImmutableBuffer(more) }
        }
    }

    /// The next command that our end sends, with the data set that it announces.
    func sentMessage() async throws -> (command: Command, dataSet: [UInt8]?) {
        var assembler = MessageAssembler(limit: 1 << 20)
        var command: Command?
        while true {
            var (kind, body) = try await sent()
            guard kind == .data else { throw Unexpected(kind: kind) }
            var dataSet: [UInt8]?
            try assembler.take(&body) { (part) throws(DIMSEError) in
                switch part {
                case .command(let read, _): command = read
                case .dataSet(let bytes, _): dataSet = bytes
                }
            }
            if let command, !command.hasDataSet || dataSet != nil { return (command, dataSet) }
        }
    }

    struct Unexpected: Error { var kind: PDU.Kind }

    /// Whether everything that our end sent was read.
    func hasSentNothingElse() async throws -> Bool {
        try await channel.readOutbound(as: ByteBuffer.self) == nil && outgoing.withLockedValue { $0.readableBytes == 0 }
    }

    // MARK: What it receives

    func send(_ pdu: PDU) async throws { try await channel.writeInbound(encoded(pdu)) }
    func send(_ bytes: ByteBuffer) async throws { try await channel.writeInbound(bytes) }
    func send(_ command: Command, _ dataSet: [UInt8]? = nil, contextID: UInt8 = 3) async throws {
        try await send(message(command, dataSet, contextID: contextID))
    }

    func close() async throws { try await channel.close() }
    func pass(_ time: TimeAmount) async { await channel.testingEventLoop.advanceTime(by: time) }
}

func message(_ command: Command, _ dataSet: [UInt8]? = nil, contextID: UInt8 = 3) -> ByteBuffer {
    var buffer = ByteBuffer()
    MessageWriter.write(command, dataSet: dataSet, contextID: contextID, bodyLimit: 65_536, to: &buffer)
    return buffer
}

func findResponse(_ status: UInt16, to messageID: UInt16 = 1, hasDataSet: Bool? = nil) -> Command {
    var command = Command(
        .findResponse, messageID: messageID, sopClassUID: FindModel.studyRoot.rawValue,
        hasDataSet: hasDataSet ?? Status.isPending(status))
    command.status = status
    return command
}

func identifier(_ uid: String) throws -> [UInt8] {
    var dataSet = DataSet()
    dataSet.set(.studyInstanceUID, uid)
    return try dataSet.encoded(as: .implicitVRLittleEndian)
}

func question() -> DataSet {
    var question = DataSet()
    question.set(.queryRetrieveLevel, "STUDY")
    question.setEmpty(.studyInstanceUID)
    return question
}

/// All of an answer, and how it ended.
func collect(_ responses: FindResponses) async -> (uids: [String], error: DIMSEError?) {
    var uids: [String] = []
    do {
        for try await response in responses { uids.append(try response.record().studyInstanceUID) }
        return (uids, nil)
    } catch {
        return (uids, error as? DIMSEError)
    }
}

// MARK: - What our end does to its socket

extension ScriptedPeer {
    /// As last set; true until then.
    var autoRead: Bool {
        channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }.flatMap { $0.value as? Bool } ?? true
    }

    /// Whether TCP_QUICKACK was armed since this was last asked.
    func hasArmedAcknowledgement() async throws -> Bool {
        let value = channel.options.last { $0.option is ChannelOptions.Types.SocketOption }?.value as? SocketOptionValue
        try await channel.setOption(.tcpOption(.init(rawValue: CInt(TCP_QUICKACK))), value: 0).get()
        return value == 1
    }

    /// From now on the socket takes nothing.
    func holdWrites() async throws {
        let channel = channel
        let (held, holding) = (held, holding)
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(WriteHolder(held: held, holding: holding), position: .first)
        }
    }

    /// Writes that it has not taken.
    var heldWrites: Int { holding.withLockedValue { $0 } }

    func untilHeld() async throws { try await held.futureResult.get() }
}

private final class WriteHolder: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private let held: EventLoopPromise<Void>
    private let holding: NIOLockedValueBox<Int>
    private var promises: [EventLoopPromise<Void>?] = []

    init(held: EventLoopPromise<Void>, holding: NIOLockedValueBox<Int>) {
        self.held = held
        self.holding = holding
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        promises.append(promise)
        holding.withLockedValue { $0 += 1 }
        held.succeed()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for promise in promises { promise?.fail(ChannelError.ioOnClosedChannel) }
        held.succeed()
    }
}
