import DICOM
import NIOCore

/// The provider's (SCP's) side of an association on its event loop.
final class ProviderSession: UpperLayerUser {
    struct Context {
        var model: FindModel?
        var syntax: TransferSyntax
    }

    private let configuration: SCPConfiguration
    private let channel: any Channel
    private let associations: OpenAssociations
    private let onEcho: @Sendable (AETitle) async -> Void
    private let onFind: @Sendable (FindRequest, FindResponder) async throws -> FindStatus
    private var request: AssociateRequest?
    private var contexts: [UInt8: Context] = [:]
    private var bodyLimit = 0
    private var assembler = MessageAssembler(limit: DataSetLimits.scp.bytes)
    /// A C-FIND-RQ whose identifier is still to come.
    private var pendingFind: (command: Command, contextID: UInt8)?
    private var running: (responder: FindResponder, task: Task<Void, Never>)?
    private var queries = 0
    private var idle: Scheduled<Void>?

    init(
        configuration: SCPConfiguration, channel: any Channel, associations: OpenAssociations,
        onEcho: @escaping @Sendable (AETitle) async -> Void,
        onFind: @escaping @Sendable (FindRequest, FindResponder) async throws -> FindStatus
    ) {
        self.configuration = configuration
        self.channel = channel
        self.associations = associations
        self.onEcho = onEcho
        self.onFind = onFind
    }

    // MARK: Negotiation

    func received(_ request: AssociateRequest, _ layer: UpperLayer<ProviderSession>) {
        guard request.offersVersion1 else { return layer.reject(Rejection(result: 1, source: 2, reason: 2)) }
        if let titles = configuration.aeTitles, !titles.contains(request.called) {
            return layer.reject(Rejection(result: 1, source: 1, reason: 7))
        }
        if let callers = configuration.callingAETitles, !callers.contains(request.calling) {
            return layer.reject(Rejection(result: 1, source: 1, reason: 3))
        }
        guard associations.admit(channel, calling: request.calling) else {
            return layer.reject(Rejection(result: 2, source: 3, reason: 2))
        }
        self.request = request
        bodyLimit = MessageWriter.bodyLimit(peerMaximum: request.user.maximumLength)
        let results = request.contexts.map(answer)
        var accept = AssociateAccept(
            called: request.called.padded, calling: request.calling.padded, contexts: results)
        accept.user.extendedNegotiations = request.user.extendedNegotiations.compactMap(grant)
        layer.accept(accept)
        configuration.onAssociation?(.opened(calling: request.calling))
        restartIdleTimer(layer, .seconds(30))
    }

    /// Relational questions where they are asked for and answered; no other option.
    private func grant(_ asked: ExtendedNegotiation) -> ExtendedNegotiation? {
        guard contexts.values.contains(where: { $0.model?.rawValue == asked.sopClassUID }) else { return nil }
        let isGranted = asked.isRelational && configuration.grantsRelationalQuestions
        return ExtendedNegotiation(sopClassUID: asked.sopClassUID, options: [isGranted ? 1 : 0])
    }

    private func answer(_ context: ProposedContext) -> ContextResult {
        let model = FindModel(rawValue: context.abstractSyntax)
        guard model != nil || context.abstractSyntax == Verification.sopClassUID else {
            return ContextResult(
                result: 3, id: context.id, transferSyntax: TransferSyntax.implicitVRLittleEndian.rawValue)
        }
        guard let syntax = context.transferSyntaxes.lazy.compactMap(TransferSyntax.init(rawValue:)).first else {
            return ContextResult(
                result: 4, id: context.id, transferSyntax: TransferSyntax.implicitVRLittleEndian.rawValue)
        }
        contexts[context.id] = Context(model: model, syntax: syntax)
        return ContextResult(result: 0, id: context.id, transferSyntax: syntax.rawValue)
    }

    // MARK: Messages

    func received(_ body: inout ByteBuffer, _ layer: UpperLayer<ProviderSession>) throws(DIMSEError) {
        try assembler.take(&body) { (part) throws(DIMSEError) in
            switch part {
            case .command(let command, let contextID): try self.received(command, contextID, layer)
            case .dataSet(let bytes, let contextID): try self.received(bytes, contextID, layer)
            }
        }
    }

    private func received(
        _ command: Command, _ contextID: UInt8, _ layer: UpperLayer<ProviderSession>
    ) throws(DIMSEError) {
        guard contexts[contextID] != nil else {
            throw DIMSEError(.malformed, "a command on a context that was not accepted")
        }
        switch Command.Field(rawValue: command.field) {
        case .echoRequest: answerEcho(command, contextID, layer)
        case .cancelRequest: running?.responder.cancel(command.messageID)
        case .findRequest:
            guard command.hasDataSet, pendingFind == nil else {
                throw DIMSEError(.malformed, "a C-FIND without an identifier, or within another")
            }
            guard running == nil else {
                throw DIMSEError(.malformed, "a second operation without asynchronous operations negotiated")
            }
            pendingFind = (command, contextID)
        default: throw DIMSEError(.malformed, "an operation that this provider does not have")
        }
    }

    private func answerEcho(_ command: Command, _ contextID: UInt8, _ layer: UpperLayer<ProviderSession>) {
        var response = Command(.echoResponse, messageID: command.messageID, sopClassUID: Verification.sopClassUID)
        response.status = Status.success
        var buffer = ByteBuffer()
        MessageWriter.write(response, dataSet: nil, contextID: contextID, bodyLimit: bodyLimit, to: &buffer)
        guard let calling = request?.calling, let loop = layer.eventLoop else { return }
        let bound = NIOLoopBound((self, layer), eventLoop: loop)
        let answer = buffer
        Task { [onEcho] in
            await onEcho(calling)
            loop.execute { bound.value.1.send(answer) }
        }
    }

    private func received(
        _ identifier: [UInt8], _ contextID: UInt8, _ layer: UpperLayer<ProviderSession>
    ) throws(DIMSEError) {
        guard let find = pendingFind, find.contextID == contextID, let context = contexts[contextID],
            let model = context.model, let request, let loop = layer.eventLoop
        else { throw DIMSEError(.malformed, "a data set that no command announced") }
        pendingFind = nil
        queries += 1
        if let most = configuration.queriesPerAssociation, queries > most {
            channel.close(promise: nil)
            return
        }
        idle?.cancel()
        let responder = FindResponder(
            transferSyntax: context.syntax, messageID: find.command.messageID, model: model, contextID: contextID,
            bodyLimit: bodyLimit, packing: configuration.pduPacking, layer: layer, loop: loop)
        guard let dataSet = try? DataSet(decoding: identifier, as: context.syntax, limits: .scp) else {
            let status = FindStatus(0xC000, errorComment: "The identifier cannot be read")
            return layer.send(responder.ending(status))
        }
        let query = FindRequest(
            calling: request.calling, called: request.called, peerAddress: channel.remoteAddress?.ipAddress ?? "",
            model: model, priority: find.command.priority.flatMap(Priority.init) ?? .medium, identifier: dataSet,
            rawIdentifier: identifier)
        let bound = NIOLoopBound((self, layer), eventLoop: loop)
        // Not structured: it lives from one PDU to a later one, and is cancelled when the association ends (F95).
        let task = Task { [onFind] in
            var status = FindStatus.innerError
            do { status = try await onFind(query, responder) } catch {}
            let ending = Status.isPending(status.status) ? .innerError : status
            loop.execute { bound.value.0.findEnded(ending, bound.value.1) }
        }
        running = (responder, task)
    }

    /// The next request may follow the final response at once: both happen in one turn of the event loop.
    private func findEnded(_ status: FindStatus, _ layer: UpperLayer<ProviderSession>) {
        guard let responder = running?.responder else { return }
        running = nil
        layer.send(responder.ending(status))
        restartIdleTimer(layer)
    }

    func readCompleted(_ layer: UpperLayer<ProviderSession>) {
        layer.acknowledgeAtOnce()
        if running == nil { restartIdleTimer(layer) }
    }

    func releaseIndicated(_ layer: UpperLayer<ProviderSession>) { layer.answerRelease() }

    func ended(_ error: DIMSEError?, _ layer: UpperLayer<ProviderSession>) {
        idle?.cancel()
        running?.task.cancel()
        running = nil
        associations.ended(channel)
        if let request { configuration.onAssociation?(.closed(calling: request.calling)) }
        request = nil
    }

    private func restartIdleTimer(_ layer: UpperLayer<ProviderSession>, _ most: TimeAmount = .hours(24)) {
        idle?.cancel()
        guard let loop = layer.eventLoop else { return }
        let bound = NIOLoopBound(layer, eventLoop: loop)
        idle = loop.scheduleTask(in: min(most, TimeAmount(configuration.idle))) {
            bound.value.abort(DIMSEError(.timedOut, "nothing asked for a while"))
        }
    }
}
