import Glibc
import NIOCore
import NIOSSL

/// What runs on top of the upper layer at one end: the user (SCU) or the provider (SCP). All calls come on the channel's
/// event loop.
protocol UpperLayerUser: AnyObject, SendableMetatype {
    /// The connection is there; the requestor asks for its association now.
    func transportReady(_ layer: UpperLayer<Self>)
    func received(_ request: AssociateRequest, _ layer: UpperLayer<Self>)
    func accepted(_ accept: AssociateAccept, _ layer: UpperLayer<Self>)
    func rejected(_ rejection: Rejection, _ layer: UpperLayer<Self>)
    /// The body of one P-DATA-TF.
    func received(_ body: inout ByteBuffer, _ layer: UpperLayer<Self>) throws(DIMSEError)
    /// All that one read brought has been handed over.
    func readCompleted(_ layer: UpperLayer<Self>)
    func releaseIndicated(_ layer: UpperLayer<Self>)
    /// Nothing more will come. nil: an orderly release.
    func ended(_ error: DIMSEError?, _ layer: UpperLayer<Self>)
}

/// Only one of the two roles sees these.
extension UpperLayerUser {
    func transportReady(_ layer: UpperLayer<Self>) {}
    func received(_ request: AssociateRequest, _ layer: UpperLayer<Self>) {}
    func accepted(_ accept: AssociateAccept, _ layer: UpperLayer<Self>) {}
    func rejected(_ rejection: Rejection, _ layer: UpperLayer<Self>) {}
}

/// The channel handler of an association: cuts PDUs out of the stream, feeds the machine, does what it says.
final class UpperLayer<User: UpperLayerUser>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var machine: UpperLayerMachine
    private let user: User
    private let limits: PDULimits
    private let artim: TimeAmount
    private let writeStall: TimeAmount
    private var received = ByteBuffer()
    private(set) var context: ChannelHandlerContext?
    private var artimTimer: Scheduled<Void>?
    private var hasEnded = false
    private var hasLostFraming = false
    private var stallTimer: Scheduled<Void>?
    /// Of `send`, not yet taken by the socket.
    private var writesUnderWay = 0

    // What the effect being carried out is about.
    private var pendingRequest: AssociateRequest?
    private var pendingAccept: AssociateAccept?
    private var pendingRejection: Rejection?
    private var outgoing = ByteBuffer()

    init(
        role: UpperLayerMachine.Role, user: User, limits: PDULimits, artim: TimeAmount = .seconds(10),
        writeStall: TimeAmount = .seconds(15)
    ) {
        machine = UpperLayerMachine(role: role)
        self.user = user
        self.limits = limits
        self.artim = artim
        self.writeStall = writeStall
    }

    /// An alert and a handshake (RFC 8446 §5.1), in the place of a PDU.
    private static var tlsRecords: ClosedRange<UInt8> { 0x15...0x16 }
    private static var speaksTLS: String { "the peer wants TLS: TLS and plain DICOM have ports of their own" }

    var state: UpperLayerState { machine.state }
    /// What the peer has shown so far; nil: nothing, or no TLS.
    var peerCertificate: NIOSSLCertificate? { try? context?.pipeline.syncOperations.nioSSL_peerCertificate() }
    var eventLoop: (any EventLoop)? { context?.eventLoop }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { connected() }
    }

    func channelActive(context: ChannelHandlerContext) {
        connected()
        context.fireChannelActive()
    }

    private func connected() {
        guard machine.state == .idle, !hasEnded else { return }
        if machine.role == .requestor {
            take(.associateRequested)
            user.transportReady(self)
        } else {
            take(.transportIndicated)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(DIMSEError(.connectionClosed, "the peer closed the connection"))
        take(.transportClosed)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        artimTimer?.cancel()
        stallTimer?.cancel()
        end(DIMSEError(.connectionClosed, "the connection was closed"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(DIMSEError(connection: error, certificate: peerCertificate))
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasLostFraming else { return }
        var bytes = unwrapInboundIn(data)
        if received.readableBytes == 0 { received = bytes } else { received.writeBuffer(&bytes) }
        do {
            while machine.state != .idle, try readPDU() {}
        } catch {
            // Where the next PDU starts is not known any more: what still comes until the close is not looked at.
            hasLostFraming = true
            received.clear()
            end(error)
            take(.invalidPDUReceived)
        }
        if received.readableBytes == 0 { received = ByteBuffer() } else { received.discardReadBytes() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        user.readCompleted(self)
        context.fireChannelReadComplete()
    }

    /// Reads one PDU if it is there as a whole.
    private func readPDU() throws(DIMSEError) -> Bool {
        guard let type = received.getInteger(at: received.readerIndex, as: UInt8.self),
            let length = received.getInteger(at: received.readerIndex + 2, as: UInt32.self)
        else { return false }
        guard let kind = PDU.Kind(rawValue: type) else {
            throw DIMSEError(
                .malformed, "PDU type \(type) is unknown", hint: Self.tlsRecords.contains(type) ? Self.speaksTLS : nil)
        }
        guard limits.allows(kind, length: Int(length)) else {
            throw DIMSEError(.limitExceeded, "a PDU of \(length) bytes is refused")
        }
        guard received.readableBytes >= PDU.headerLength + Int(length) else { return false }
        received.moveReaderIndex(forwardBy: PDU.headerLength)
        guard var body = received.readSlice(length: Int(length)) else { return false }
        if kind == .data {
            for effect in machine.take(.dataReceived) ?? [] {
                if effect == .indicateData {
                    try user.received(&body, self)
                } else {
                    perform(effect, because: .dataReceived)
                }
            }
            return true
        }
        handle(try PDU(kind, body: body))
        return true
    }

    private func handle(_ pdu: PDU) {
        switch pdu {
        case .associateRequest(let request):
            pendingRequest = request
            take(.associateRequestReceived)
        case .associateAccept(let accept):
            pendingAccept = accept
            take(.associateAcceptReceived)
        case .associateReject(let rejection):
            pendingRejection = rejection
            take(.associateRejectReceived)
        case .releaseRequest: take(.releaseRequestReceived)
        case .releaseResponse: take(.releaseResponseReceived)
        case .abort(let source, let reason):
            // With what the peer said, before the machine says it in general.
            end(DIMSEError(.aborted, "the peer aborted the association (source \(source), reason \(reason))"))
            take(.abortReceived)
        }
    }

    // MARK: The user's requests

    func request(_ request: AssociateRequest) {
        write(.associateRequest(request))
        take(.transportConnected)
    }

    func accept(_ accept: AssociateAccept) {
        write(.associateAccept(accept))
        take(.associateAccepted)
    }

    func reject(_ rejection: Rejection) {
        write(.associateReject(rejection))
        take(.associateRejected)
    }

    /// Sends the PDUs of one or more messages. `promise` succeeds when the socket has taken them, and fails when the
    /// association carries no data any more. A peer that does not take the oldest of them within `writeStall` is aborted.
    func send(_ pdus: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard machine.take(.dataRequested) == [.sendData], let context else {
            promise?.fail(DIMSEError(.connectionClosed, "the association has ended"))
            return
        }
        let promise = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.written() }
        writesUnderWay += 1
        if writesUnderWay == 1 { startStallTimer() }
        context.writeAndFlush(wrapOutboundOut(pdus), promise: promise)
    }

    private func written() {
        writesUnderWay -= 1
        stallTimer?.cancel()
        if writesUnderWay > 0 { startStallTimer() }
    }

    private func startStallTimer() {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        stallTimer = context.eventLoop.scheduleTask(in: writeStall) {
            bound.value.abort(DIMSEError(.timedOut, "the peer does not read what it is sent"))
        }
    }

    func release() { take(.releaseRequested) }
    func answerRelease() { take(.releaseAnswered) }

    func abort(_ error: DIMSEError) {
        end(error)
        take(.abortRequested)
        context?.close(promise: nil)
    }

    private func write(_ pdu: PDU) {
        outgoing.clear()
        pdu.write(to: &outgoing)
    }

    // MARK: Effects

    private func take(_ event: UpperLayerEvent) {
        for effect in machine.take(event) ?? [] { perform(effect, because: event) }
    }

    private func perform(_ effect: UpperLayerMachine.Effect, because event: UpperLayerEvent) {
        switch effect {
        case .connectTransport, .sendData, .indicateData: break
        case .sendAssociateRequest, .sendAssociateAccept, .sendAssociateReject: flush()
        case .sendReleaseRequest:
            write(.releaseRequest)
            flush()
        case .sendReleaseResponse:
            // Told first, so that this association is not counted any more when the peer opens its next.
            end(nil)
            write(.releaseResponse)
            flush()
        case .sendAbort(let source):
            write(.abort(source: source, reason: Self.abortReason(source, event)))
            flush()
        case .confirmAccept: if let accept = pendingAccept { user.accepted(accept, self) }
        case .confirmReject: if let rejection = pendingRejection { user.rejected(rejection, self) }
        case .indicateAssociate: if let request = pendingRequest { user.received(request, self) }
        case .indicateRelease: user.releaseIndicated(self)
        case .confirmRelease: end(nil)
        case .indicateAbort: end(DIMSEError(.aborted, "the peer aborted the association"))
        case .indicateProviderAbort: end(DIMSEError(.malformed, "the peer sent a PDU that does not belong here"))
        case .startARTIM: startARTIM()
        case .stopARTIM: artimTimer?.cancel()
        case .closeTransport: context?.close(promise: nil)
        }
    }

    /// PS3.8 §9.3.8: only the service provider gives a reason; 2: unexpected PDU, 6: invalid parameter value.
    private static func abortReason(_ source: UInt8, _ event: UpperLayerEvent) -> UInt8 {
        guard source == 2 else { return 0 }
        return event == .invalidPDUReceived ? 6 : 2
    }

    private func flush() {
        context?.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        outgoing = ByteBuffer()
    }

    /// The association request/reject/release timer (PS3.8 §9.1.5).
    private func startARTIM() {
        artimTimer?.cancel()
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        artimTimer = context.eventLoop.scheduleTask(in: artim) { bound.value.take(.artimExpired) }
    }

    private func end(_ error: DIMSEError?) {
        guard !hasEnded else { return }
        hasEnded = true
        user.ended(error, self)
    }

    /// Makes the kernel acknowledge at once. Against peers that write header and body of a PDU apart, without
    /// TCP_NODELAY, every small exchange takes 44 ms otherwise (N1); the option has to be set again after each read.
    func acknowledgeAtOnce() {
        try? context?.channel.syncOptions?.setOption(.tcpOption(.init(rawValue: CInt(TCP_QUICKACK))), value: 1)
    }
}
