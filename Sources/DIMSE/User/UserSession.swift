import DICOM
import NIOCore

/// The user's (SCU's) side of an association on its event loop: one outstanding operation at a time (F86).
final class UserSession: UpperLayerUser {
    /// Responses after which an answer counts as a long stream, where immediate acknowledgement only costs (N1).
    private static let longAnswer = 64

    private enum Operation {
        case none
        case echo(EventLoopPromise<Void>)
        case find(ResponseBuffer)
    }

    /// What the data set that comes next is.
    private enum Expected {
        case nothing
        case identifier(keysUnsupported: Bool)
        /// It belongs to a response that is passed over.
        case ignored
    }

    private let peer: Peer
    private let asking: QueryOptions
    private let opened: EventLoopPromise<AssociateAccept>
    private let isOpen: OpenFlag
    private var operation = Operation.none
    private var contextID: UInt8?
    private var isCancelling = false
    private var messageID: UInt16 = 0
    private var contexts: [UInt8: TransferSyntax] = [:]
    private var bodyLimit = 0
    private var assembler = MessageAssembler(limit: DataSetLimits.scu.bytes)
    private var released: EventLoopPromise<Void>?

    // The answer being received.
    private var expected = Expected.nothing
    private var batch: [FindResponse] = []
    private var batchBytes = 0
    private var responses = 0
    /// The consumer is behind: the socket is not read, and the peer's silence is ours.
    private var isPaused = false

    // Timers: one task looks at times that are only written per read.
    private var lastActivity = NIODeadline.uptimeNanoseconds(0)
    private var operationEnd = NIODeadline.uptimeNanoseconds(0)
    private var timer: Scheduled<Void>?

    init(peer: Peer, asking: QueryOptions, opened: EventLoopPromise<AssociateAccept>, isOpen: OpenFlag) {
        self.peer = peer
        self.asking = asking
        self.opened = opened
        self.isOpen = isOpen
    }

    // MARK: Opening

    func transportReady(_ layer: UpperLayer<UserSession>) {
        var request = AssociateRequest(called: peer.called, calling: peer.calling, contexts: UserContexts.proposed)
        request.user.extendedNegotiations = UserContexts.negotiations(asking: asking)
        request.user.identity = peer.user
        layer.request(request)
        guard let loop = layer.eventLoop else { return }
        lastActivity = loop.now
        schedule(layer, after: TimeAmount(peer.timeouts.acse))
    }

    func accepted(_ accept: AssociateAccept, _ layer: UpperLayer<UserSession>) {
        timer?.cancel()
        bodyLimit = MessageWriter.bodyLimit(peerMaximum: accept.user.maximumLength)
        contexts = UserContexts.accepted(accept)
        isOpen.set(true)
        opened.succeed(accept)
    }

    func rejected(_ rejection: Rejection, _ layer: UpperLayer<UserSession>) {
        var error = DIMSEError(.associationRejected, rejection.description)
        error.rejection = rejection
        ended(error, layer)
    }

    // MARK: Operations

    func echo(_ promise: EventLoopPromise<Void>, _ layer: UpperLayer<UserSession>) {
        guard begin(.echo(promise), layer) else { return }
        let command = Command(.echoRequest, messageID: messageID, sopClassUID: Verification.sopClassUID)
        send(command, nil, contextID: UserContexts.verificationID, layer)
    }

    func find(
        _ identifier: DataSet, model: FindModel, priority: Priority, sendBy: NIODeadline?,
        into buffer: ResponseBuffer, _ layer: UpperLayer<UserSession>
    ) {
        if let sendBy, let loop = layer.eventLoop, loop.now > sendBy {
            buffer.finish(.failure(DIMSEError(.tooLate, "not sent in time")))
            return
        }
        guard begin(.find(buffer), layer) else { return }
        let contextID = UserContexts.id(of: model)
        guard let syntax = contexts[contextID] else {
            return fail(DIMSEError(.noAcceptedContext, "the peer did not accept \(model) C-FIND"))
        }
        var command = Command(.findRequest, messageID: messageID, sopClassUID: model.rawValue, hasDataSet: true)
        command.priority = priority.rawValue
        do {
            send(command, try identifier.encoded(as: syntax), contextID: contextID, layer)
        } catch {
            fail(DIMSEError(.malformed, "the question cannot be written: \(error)"))
        }
    }

    private func begin(_ new: Operation, _ layer: UpperLayer<UserSession>) -> Bool {
        guard case .none = operation, layer.state == .established, let loop = layer.eventLoop else {
            let error = DIMSEError(.connectionClosed, "the association has ended or is busy")
            switch new {
            case .echo(let promise): promise.fail(error)
            case .find(let buffer): buffer.finish(.failure(error))
            case .none: break
            }
            return false
        }
        operation = new
        messageID = messageID == .max ? 1 : messageID + 1
        responses = 0
        lastActivity = loop.now
        operationEnd = loop.now + TimeAmount(peer.timeouts.query)
        isCancelling = false
        schedule(layer, after: min(TimeAmount(peer.timeouts.response), TimeAmount(peer.timeouts.query)))
        return true
    }

    private func send(_ command: Command, _ dataSet: [UInt8]?, contextID: UInt8, _ layer: UpperLayer<UserSession>) {
        guard contexts[contextID] != nil else {
            return fail(DIMSEError(.noAcceptedContext, "the peer did not accept the presentation context"))
        }
        self.contextID = contextID
        var buffer = ByteBuffer()
        MessageWriter.write(command, dataSet: dataSet, contextID: contextID, bodyLimit: bodyLimit, to: &buffer)
        layer.send(buffer)
        layer.acknowledgeAtOnce()
    }

    /// C-CANCEL of the running C-FIND (PS3.7 §9.3.2.3). The peer may go on for a while (F94); when it has not come to
    /// an end within the response time, the association is aborted.
    func cancelFind(_ buffer: ResponseBuffer, _ layer: UpperLayer<UserSession>) {
        guard case .find(let running) = operation, running === buffer, !isCancelling, let loop = layer.eventLoop,
            let contextID
        else { return }
        isCancelling = true
        var pdus = ByteBuffer()
        MessageWriter.write(
            Command(.cancelRequest, messageID: messageID), dataSet: nil, contextID: contextID, bodyLimit: bodyLimit,
            to: &pdus)
        layer.send(pdus)
        operationEnd = min(operationEnd, loop.now + TimeAmount(peer.timeouts.response))
        schedule(layer, after: operationEnd - loop.now)
    }

    // MARK: Receiving

    func received(_ body: inout ByteBuffer, _ layer: UpperLayer<UserSession>) throws(DIMSEError) {
        try assembler.take(&body) { (part) throws(DIMSEError) in
            switch part {
            case .command(let command, _): try self.received(command)
            case .dataSet(let bytes, let contextID): try self.received(bytes, contextID)
            }
        }
    }

    private func received(_ command: Command) throws(DIMSEError) {
        guard case .nothing = expected else {
            throw DIMSEError(.malformed, "a command in the place of the data set that the last one announced")
        }
        let field = Command.Field(rawValue: command.field)
        guard let status = command.status, field == .findResponse || field == .echoResponse else {
            throw DIMSEError(.malformed, "a command that is no response of ours")
        }
        // A late response to an older request is passed over (F86), its data set with it.
        expected = command.hasDataSet ? .ignored : .nothing
        guard command.messageID == messageID else { return }
        switch (operation, field) {
        case (.echo(let promise), .echoResponse):
            finishOperation()
            if status == Status.success {
                promise.succeed()
            } else {
                var error = DIMSEError(.echoFailed, "C-ECHO ended with status \(Self.hex(status))")
                error.status = status
                promise.fail(error)
            }
        case (.find, .findResponse) where Status.isPending(status):
            guard command.hasDataSet else { throw DIMSEError(.malformed, "a match without an identifier") }
            expected = .identifier(keysUnsupported: status == Status.pendingKeysUnsupported)
        case (.find(let buffer), .findResponse):
            flush(to: buffer)
            finishOperation()
            buffer.finish(status == Status.success ? .success(()) : .failure(Self.failure(command, status)))
        case (.none, _): break
        default: throw DIMSEError(.malformed, "a response of another operation")
        }
    }

    private static func failure(_ command: Command, _ status: UInt16) -> DIMSEError {
        let elements = command.offendingElements.map(\.description).joined(separator: ", ")
        var error = DIMSEError(
            .findFailed, "C-FIND ended with status \(hex(status))" + (elements.isEmpty ? "" : ", offending \(elements)")
        )
        error.status = status
        error.errorComment = command.errorComment
        error.offendingElements = command.offendingElements
        return error
    }

    private static func hex(_ status: UInt16) -> String {
        let digits = String(status, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits + "H"
    }

    private func received(_ identifier: [UInt8], _ contextID: UInt8) throws(DIMSEError) {
        defer { expected = .nothing }
        guard case .identifier(let keysUnsupported) = expected else {
            if case .ignored = expected { return }
            throw DIMSEError(.malformed, "a data set that no command announced")
        }
        guard let syntax = contexts[contextID] else {
            throw DIMSEError(.malformed, "a data set on a context that was not accepted")
        }
        batch.append(
            FindResponse(
                identifier: identifier, transferSyntax: syntax, keysUnsupported: keysUnsupported,
                defaultCharacterSet: peer.defaultCharacterSet))
        batchBytes += identifier.count
        responses += 1
    }

    func readCompleted(_ layer: UpperLayer<UserSession>) {
        guard let context = layer.context else { return }
        lastActivity = context.eventLoop.now
        if case .find(let buffer) = operation, !flush(to: buffer) {
            isPaused = true
            try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        }
        if responses < Self.longAnswer { layer.acknowledgeAtOnce() }
    }

    func resumeReading(_ layer: UpperLayer<UserSession>) {
        guard let context = layer.context else { return }
        isPaused = false
        lastActivity = context.eventLoop.now
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    @discardableResult
    private func flush(to buffer: ResponseBuffer) -> Bool {
        guard !batch.isEmpty else { return true }
        let goOn = buffer.append(batch, bytes: batchBytes)
        batch = []
        batchBytes = 0
        return goOn
    }

    private func finishOperation() {
        operation = .none
        timer?.cancel()
    }

    // MARK: Ending

    func release(_ promise: EventLoopPromise<Void>, _ layer: UpperLayer<UserSession>) {
        guard case .none = operation, layer.state == .established else {
            layer.abort(DIMSEError(.cancelled, "given up while an operation was under way"))
            return promise.succeed()
        }
        released = promise
        if let loop = layer.eventLoop { lastActivity = loop.now }
        schedule(layer, after: TimeAmount(peer.timeouts.acse))
        layer.release()
    }

    func abort(_ error: DIMSEError, _ layer: UpperLayer<UserSession>) { layer.abort(error) }

    func releaseIndicated(_ layer: UpperLayer<UserSession>) { layer.answerRelease() }

    func ended(_ error: DIMSEError?, _ layer: UpperLayer<UserSession>) {
        timer?.cancel()
        isOpen.set(false)
        let error = error ?? DIMSEError(.connectionClosed, "the peer released the association")
        opened.fail(Self.beforeAnswer(error))
        fail(error)
        released?.succeed()
        released = nil
    }

    /// What ended the connection before A-ASSOCIATE was answered has causes of its own (F82).
    private static func beforeAnswer(_ error: DIMSEError) -> DIMSEError {
        guard error.code == .connectionClosed || error.code == .aborted else { return error }
        return DIMSEError(
            error.code, "\(error.detail) before it answered A-ASSOCIATE",
            hint: "is our address registered there, is the port a DICOM port, does it want TLS?")
    }

    private func fail(_ error: DIMSEError) {
        let failed = operation
        finishOperation()
        switch failed {
        case .none: break
        case .echo(let promise): promise.fail(error)
        case .find(let buffer):
            flush(to: buffer)
            buffer.finish(.failure(error))
        }
    }

    // MARK: Timers

    private func schedule(_ layer: UpperLayer<UserSession>, after delay: TimeAmount) {
        timer?.cancel()
        guard let loop = layer.eventLoop else { return }
        let bound = NIOLoopBound((self, layer), eventLoop: loop)
        timer = loop.scheduleTask(in: delay) {
            let (session, layer) = bound.value
            session.timerFired(layer)
        }
    }

    private func timerFired(_ layer: UpperLayer<UserSession>) {
        guard let loop = layer.eventLoop else { return }
        guard layer.state == .established, case .none = operation else {
            if layer.state == .established { return checkOperation(layer, loop.now) }
            return layer.abort(DIMSEError(.timedOut, "no answer to A-ASSOCIATE or A-RELEASE in time"))
        }
    }

    private func checkOperation(_ layer: UpperLayer<UserSession>, _ now: NIODeadline) {
        let silent = isPaused ? .zero : now - lastActivity
        let response = TimeAmount(peer.timeouts.response)
        let left = operationEnd - now
        if silent >= response {
            layer.abort(DIMSEError(.timedOut, "no response for \(response.nanoseconds / 1_000_000_000) s"))
        } else if left <= .zero {
            layer.abort(DIMSEError(.timedOut, "the whole time of the query has passed"))
        } else {
            schedule(layer, after: min(response - silent, left))
        }
    }
}
