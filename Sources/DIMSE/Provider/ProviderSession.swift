import DICOM
import NIOCore
import Synchronization

/// The provider's (SCP's) side of an association on its event loop.
final class ProviderSession: UpperLayerUser {
    struct Context {
        var model: FindModel?
        var syntax: TransferSyntax
    }

    private static let numbers = Atomic(0)

    /// Of this process; never used again.
    private let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
    private let configuration: SCPConfiguration
    private let channel: any Channel
    private let associations: OpenAssociations
    private let onEcho: @Sendable (AETitle) async -> Void
    private let onFind: @Sendable (FindRequest, FindResponder) async throws -> FindStatus
    /// Who has been let in.
    private var caller: Caller?
    private var contexts: [UInt8: Context] = [:]
    private var options: [FindModel: QueryOptions] = [:]
    private var bodyLimit = 0
    private var assembler = MessageAssembler(limit: DataSetLimits.scp.bytes)
    /// A C-FIND-RQ whose identifier is still to come.
    private var pendingFind: (command: Command, contextID: UInt8)?
    private var running: (responder: FindResponder, task: Task<Void, Never>)?
    /// A response that ends an operation is on its way to the socket. Until the socket has taken it, the peer cannot have
    /// seen it, and another request is one too many (F86): a peer that asks without reading costs one response.
    private var isAnswering = false
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
        let caller = Caller(
            calling: request.calling, called: request.called, address: channel.remoteAddress?.ipAddress ?? "",
            certificate: layer.peerCertificate.flatMap { try? CertificateFingerprint(of: $0) })
        if let rejection = rejection(of: request, by: caller) {
            layer.reject(rejection)
            configuration.onAssociation?(.rejected(caller, rejection))
            return
        }
        self.caller = caller
        bodyLimit = MessageWriter.bodyLimit(peerMaximum: request.user.maximumLength)
        let results = request.contexts.map(answer)
        var accept = AssociateAccept(
            called: request.called.padded, calling: request.calling.padded, contexts: results)
        accept.user.extendedNegotiations = request.user.extendedNegotiations.compactMap(grant)
        layer.accept(accept)
        configuration.onAssociation?(.opened(calling: request.calling))
        startIdleTimer(layer, configuration.firstMessage)
    }

    private func rejection(of request: AssociateRequest, by caller: Caller) -> Rejection? {
        if !request.offersVersion1 { return Rejection(result: 1, source: 2, reason: 2) }
        if configuration.aeTitles?.contains(caller.called) == false {
            return Rejection(result: 1, source: 1, reason: 7)
        }
        if configuration.admits?(caller) == false { return Rejection(result: 1, source: 1, reason: 3) }
        return associations.admit(channel, calling: caller.calling) ? nil : Rejection(result: 2, source: 3, reason: 2)
    }

    /// What is asked of a model that was accepted, as far as it is granted, in as many bytes.
    private func grant(_ asked: ExtendedNegotiation) -> ExtendedNegotiation? {
        guard let model = FindModel(rawValue: asked.sopClassUID), options[model] == nil,
            contexts.values.contains(where: { $0.model == model })
        else { return nil }
        let granted = QueryOptions(negotiated: asked.options).intersection(configuration.grants)
        options[model] = granted
        return ExtendedNegotiation(
            sopClassUID: asked.sopClassUID, options: granted.bytes(atLeast: max(1, asked.options.count)))
    }

    private func answer(_ context: ProposedContext) -> ContextResult {
        let model = FindModel(rawValue: context.abstractSyntax).flatMap {
            configuration.models.contains($0) ? $0 : nil
        }
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
        guard pendingFind == nil else { throw DIMSEError(.malformed, "a command in the place of an identifier") }
        let field = Command.Field(rawValue: command.field)
        guard field == .cancelRequest || running == nil && !isAnswering else {
            throw DIMSEError(.malformed, "a second operation without asynchronous operations negotiated")
        }
        switch field {
        case .echoRequest where !command.hasDataSet: answerEcho(command, contextID, layer)
        case .cancelRequest where !command.hasDataSet: running?.responder.cancel(command.messageID)
        case .findRequest where command.hasDataSet: pendingFind = (command, contextID)
        default: throw DIMSEError(.malformed, "an operation that this provider does not have")
        }
    }

    private func answerEcho(_ command: Command, _ contextID: UInt8, _ layer: UpperLayer<ProviderSession>) {
        var response = Command(.echoResponse, messageID: command.messageID, sopClassUID: Verification.sopClassUID)
        response.status = Status.success
        var buffer = ByteBuffer()
        MessageWriter.write(response, dataSet: nil, contextID: contextID, bodyLimit: bodyLimit, to: &buffer)
        guard let calling = caller?.calling, let loop = layer.eventLoop else { return }
        let bound = NIOLoopBound((self, layer), eventLoop: loop)
        let answer = buffer
        isAnswering = true
        idle?.cancel()
        Task { [onEcho] in
            await onEcho(calling)
            loop.execute { bound.value.0.end(with: answer, bound.value.1) }
        }
    }

    private func received(
        _ identifier: [UInt8], _ contextID: UInt8, _ layer: UpperLayer<ProviderSession>
    ) throws(DIMSEError) {
        guard let find = pendingFind, find.contextID == contextID, let context = contexts[contextID],
            let model = context.model, let caller, let loop = layer.eventLoop
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
            return end(with: responder.ending(status), layer)
        }
        let query = FindRequest(
            caller: caller, association: number, model: model, options: options[model] ?? [],
            priority: find.command.priority.flatMap(Priority.init) ?? .medium,
            identifier: dataSet, rawIdentifier: identifier)
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

    private func findEnded(_ status: FindStatus, _ layer: UpperLayer<ProviderSession>) {
        guard let responder = running?.responder else { return }
        running = nil
        end(with: responder.ending(status), layer)
    }

    /// Sends the response that ends an operation. The next request may follow at once: where the socket takes the response,
    /// it does so in this turn of the event loop.
    private func end(with response: ByteBuffer, _ layer: UpperLayer<ProviderSession>) {
        guard let loop = layer.eventLoop else { return }
        isAnswering = true
        let bound = NIOLoopBound((self, layer), eventLoop: loop)
        let written = loop.makePromise(of: Void.self)
        written.futureResult.whenSuccess {
            let (session, layer) = bound.value
            session.isAnswering = false
            if session.caller != nil { session.startIdleTimer(layer, session.configuration.idle) }
        }
        layer.send(response, promise: written)
    }

    func readCompleted(_ layer: UpperLayer<ProviderSession>) { layer.acknowledgeAtOnce() }

    func releaseIndicated(_ layer: UpperLayer<ProviderSession>) { layer.answerRelease() }

    func ended(_ error: DIMSEError?, _ layer: UpperLayer<ProviderSession>) {
        idle?.cancel()
        running?.task.cancel()
        running = nil
        associations.ended(channel)
        if let caller {
            configuration.onAssociation?(.closed(calling: caller.calling))
        } else if let error, [.tlsFailed, .malformed, .limitExceeded].contains(error.code) {
            configuration.onAssociation?(.failed(address: channel.remoteAddress?.ipAddress ?? "", error))
        }
        caller = nil
    }

    /// Until then the next message has to be there as a whole: bytes alone do not keep an association.
    private func startIdleTimer(_ layer: UpperLayer<ProviderSession>, _ time: Duration) {
        idle?.cancel()
        guard let loop = layer.eventLoop else { return }
        let bound = NIOLoopBound(layer, eventLoop: loop)
        idle = loop.scheduleTask(in: TimeAmount(time)) {
            bound.value.abort(DIMSEError(.timedOut, "nothing asked for a while"))
        }
    }
}
