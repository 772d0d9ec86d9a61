import DICOM
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import Testing

@testable import DIMSE

/// A provider's association on a scripted channel: the test is the user.
struct ProviderEnd {
    let user = ScriptedPeer()

    init(
        _ configuration: SCPConfiguration = SCPConfiguration(), among associations: OpenAssociations? = nil,
        onFind: @escaping @Sendable (FindRequest, FindResponder) async throws -> FindStatus = { _, _ in .success }
    ) async throws {
        let channel = user.channel
        let associations = associations ?? OpenAssociations(AssociationLimits())
        try await channel.testingEventLoop.executeInContext {
            let session = ProviderSession(
                configuration: configuration, channel: channel, associations: associations, onEcho: { _ in },
                onFind: onFind)
            #expect(associations.connected(channel))
            try channel.pipeline.syncOperations.addHandler(
                UpperLayer(role: .acceptor, user: session, limits: .provider))
        }
        try await user.connect()
    }

    func associate(_ configure: (inout AssociateRequest) -> Void = { _ in }) async throws -> PDU {
        var request = try sampleRequest()
        configure(&request)
        try await user.send(.associateRequest(request))
        let (kind, body) = try await user.sent()
        return try PDU(kind, body: body)
    }
}

private func findRequest(_ messageID: UInt16 = 1) -> Command {
    Command(.findRequest, messageID: messageID, sopClassUID: FindModel.studyRoot.rawValue, hasDataSet: true)
}

@Suite struct ProviderNegotiationTests {
    @Test(arguments: [true, false])
    func relationalQuestionsAreGrantedWhereTheyAreAnswered(_ isAnswered: Bool) async throws {
        var configuration = SCPConfiguration()
        configuration.grants = isAnswered ? [.relational, .emptyValue] : []
        let end = try await ProviderEnd(configuration) { _, _ in .success }
        let reply = try await end.associate { request in
            request.user.extendedNegotiations = [
                ExtendedNegotiation(sopClassUID: request.contexts[1].abstractSyntax, options: [1, 1, 1, 0, 0, 1]),
                ExtendedNegotiation(sopClassUID: "1.2.3", options: [1]),
            ]
        }
        guard case .associateAccept(let accept) = reply else {
            Issue.record("another PDU")
            return
        }
        #expect(
            accept.user.extendedNegotiations.map(\.options) == [isAnswered ? [1, 0, 0, 0, 0, 1] : [0, 0, 0, 0, 0, 0]])
    }

    @Test func theHandlerIsToldWhatWasGranted() async throws {
        var configuration = SCPConfiguration()
        configuration.grants = [.relational, .fuzzyNames]
        let seen = NIOLockedValueBox<QueryOptions?>(nil)
        let end = try await ProviderEnd(configuration) { request, _ in
            seen.withLockedValue { $0 = request.options }
            return .success
        }
        _ = try await end.associate { request in
            request.user.extendedNegotiations = [
                ExtendedNegotiation(sopClassUID: FindModel.studyRoot.rawValue, options: [0, 1, 1]),
                ExtendedNegotiation(sopClassUID: FindModel.studyRoot.rawValue, options: [1, 1, 1]),
            ]
        }
        try await end.user.send(findRequest(), try identifier("1.2"))
        _ = try await end.user.sentMessage()
        #expect(seen.withLockedValue { $0 } == .fuzzyNames)
    }

    /// F97, F86: user identities of every type, known or not, an asynchronous window, and items that nobody knows.
    @Test(
        arguments: [
            [0x58, 0, 0, 9, 1, 1, 0, 3, 0x4A, 0x6F, 0x65, 0, 0],
            [0x58, 0, 0, 11, 2, 1, 0, 3, 0x4A, 0x6F, 0x65, 0, 2, 0x70, 0x77],
            [0x58, 0, 0, 7, 3, 0, 0, 1, 0x4B, 0, 0], [0x58, 0, 0, 7, 4, 0, 0, 1, 0x53, 0, 0],
            [0x58, 0, 0, 7, 5, 0, 0, 1, 0x4A, 0, 0], [0x58, 0, 0, 7, 99, 0, 0, 1, 0x4A, 0, 0], [0x58, 0, 0, 1, 2],
            [0x53, 0, 0, 4, 0, 0, 0, 0], [0x53, 0, 0, 4, 0, 9, 0, 9], [0x57, 0, 0, 2, 1, 2], [0xFE, 0, 0, 0],
        ] as [[UInt8]])
    func noItemOfTheUserInformationIsAReasonToReject(_ item: [UInt8]) async throws {
        let end = try await ProviderEnd()
        var bytes = Array(encoded(.associateRequest(try sampleRequest())).readableBytesView)
        let information = try #require(bytes.lastIndex(of: 0x50))
        bytes += item
        bytes[information + 3] += UInt8(item.count)
        let length = bytes.count - 6
        bytes[4] = UInt8(length >> 8)
        bytes[5] = UInt8(length & 0xFF)
        try await end.user.send(ByteBuffer(bytes: bytes))
        let (kind, body) = try await end.user.sent()
        #expect(kind == .associateAccept)
        // Neither a response to the identity nor a window: one operation at a time.
        let answered = Array(body.readableBytesView)
        let user = try #require(answered.lastIndex(of: 0x50))
        #expect(!answered[(user + 4)...].contains { [0x53, 0x59].contains($0) })
    }

    @Test func eachContextIsAnsweredOnItsOwn() async throws {
        let end = try await ProviderEnd()
        let answer = try await end.associate {
            $0.contexts = [
                ProposedContext(id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: ["1.2.840.10008.1.2"]),
                ProposedContext(
                    id: 3, abstractSyntax: FindModel.studyRoot.rawValue,
                    transferSyntaxes: ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]),
                ProposedContext(
                    id: 5, abstractSyntax: FindModel.patientStudyOnly.rawValue,
                    transferSyntaxes: ["1.2.840.10008.1.2.2"]),
                ProposedContext(
                    id: 7, abstractSyntax: "1.2.840.10008.5.1.4.1.1.2", transferSyntaxes: ["1.2.840.10008.1.2"]),
            ]
        }
        guard case .associateAccept(let accept) = answer else {
            Issue.record("another PDU")
            return
        }
        #expect(accept.contexts.map(\.id) == [1, 3, 5, 7])
        #expect(accept.contexts.map(\.result) == [0, 0, 4, 3])
        #expect(accept.contexts[1].transferSyntax == "1.2.840.10008.1.2.1")
    }

    @Test func anotherProtocolVersionIsRejected() async throws {
        let end = try await ProviderEnd()
        var bytes = encoded(.associateRequest(try sampleRequest()))
        bytes.setInteger(UInt16(2), at: 6)
        try await end.user.send(bytes)
        let (kind, body) = try await end.user.sent()
        #expect(try PDU(kind, body: body) == .associateReject(Rejection(result: 1, source: 2, reason: 2)))
    }

    @Test func callersThatAreNotListedAreRejected() async throws {
        var configuration = SCPConfiguration()
        configuration.admits = { $0.calling.value == "OTHER" }
        let end = try await ProviderEnd(configuration)
        #expect(try await end.associate() == .associateReject(Rejection(result: 1, source: 1, reason: 3)))
    }

    @Test func whoConnectsAndSaysNothingIsClosedAfterARTIM() async throws {
        let end = try await ProviderEnd()
        await end.user.pass(.milliseconds(9_999))
        #expect(end.user.channel.isActive)
        await end.user.pass(.milliseconds(1))
        #expect(!end.user.channel.isActive)
    }

    @Test(arguments: [-1, 0, 1])
    func anAssociateRequestMayReachItsLimitAndNoMore(_ excess: Int) async throws {
        let end = try await ProviderEnd()
        try await end.user.send(ByteBuffer(bytes: [1, 0]))
        var length = ByteBuffer()
        length.writeInteger(UInt32(65_536 + excess))
        try await end.user.send(length)
        if excess <= 0 {
            #expect(try await end.user.hasSentNothingElse())
        } else {
            #expect(try await end.user.sent().kind == .abort)
        }
    }

    @Test(
        arguments: [
            [9, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], Array("GET / HTTP/1.1\r\n".utf8), [4, 0, 0, 0, 0, 0],
            [6, 0, 0, 0, 0, 4, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]])
    func anythingButAnAssociateRequestIsAborted(_ bytes: [UInt8]) async throws {
        let end = try await ProviderEnd()
        try await end.user.send(ByteBuffer(bytes: bytes))
        #expect(try await end.user.sent().kind == .abort)
        await end.user.pass(.seconds(10))
        #expect(!end.user.channel.isActive)
    }
}

@Suite struct ProviderFindTests {
    @Test(arguments: [-1, 0, 1])
    func aPDUMayReachTheLimitAndNoMore(_ excess: Int) async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        var header = ByteBuffer()
        MessageWriter.writeHeader(length: 131_072 + excess, to: &header)
        try await end.user.send(header)
        if excess <= 0 {
            #expect(try await end.user.hasSentNothingElse())
        } else {
            #expect(try await end.user.sent().kind == .abort)
        }
    }

    @Test(arguments: [-2, 0, 2])
    func anIdentifierMayReachTheLimitAndNoMore(_ excess: Int) async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        var large = DataSet()
        large.setBytes(Tag(0x0010, 0x4000), vr: .LT, [UInt8](repeating: 0x20, count: 65_536 + excess - 8))
        let bytes = try large.encoded(as: .implicitVRLittleEndian)
        #expect(bytes.count == 65_536 + excess)
        try await end.user.send(findRequest(), bytes)
        if excess <= 0 {
            #expect(try await end.user.sentMessage().command.status == 0)
        } else {
            #expect(try await end.user.sent().kind == .abort)
        }
    }

    @Test func anIdentifierThatCannotBeReadIsAFailureAndTheAssociationLives() async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        try await end.user.send(findRequest(1), [0x08, 0x00, 0x20])
        #expect(try await end.user.sentMessage().command.status == 0xC000)
        try await end.user.send(findRequest(2), try identifier("1.2"))
        let (command, _) = try await end.user.sentMessage()
        #expect(command.status == 0)
        #expect(command.messageID == 2)
    }

    @Test func theNextRequestMayFollowTheFinalResponseAtOnce() async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        for number in 1...200 {
            try await end.user.send(findRequest(UInt16(number)), try identifier("1.2"))
            let (command, _) = try await end.user.sentMessage()
            #expect(command.messageID == UInt16(number))
            #expect(command.status == 0)
        }
    }

    @Test func aPendingStatusIsNoEnd() async throws {
        let end = try await ProviderEnd { _, _ in FindStatus(0xFF00) }
        _ = try await end.associate()
        try await end.user.send(findRequest(), try identifier("1.2"))
        #expect(try await end.user.sentMessage().command.status == 0xC001)
    }

    @Test func theHandlerIsToldWhoAsksAndWhat() async throws {
        let seen = NIOLockedValueBox<FindRequest?>(nil)
        let end = try await ProviderEnd { request, _ in
            seen.withLockedValue { $0 = request }
            return .success
        }
        _ = try await end.associate()
        let bytes = try identifier("1.2")
        try await end.user.send(findRequest(), bytes)
        _ = try await end.user.sentMessage()
        let request = seen.withLockedValue { $0 }
        #expect(request?.caller.calling.value == "CONCORD")
        #expect(request?.caller.called.value == "PACSA")
        #expect(request?.caller.address == "127.0.0.1")
        #expect(request?.model == .studyRoot)
        #expect(request?.rawIdentifier == bytes)
        #expect(request?.identifier.text(.studyInstanceUID) == "1.2")
    }

    @Test func aCancellationOfTheRunningRequestReachesItsHandler() async throws {
        let end = try await ProviderEnd { _, responder in
            var match = DataSet()
            match.set(.studyInstanceUID, "1.2")
            while !responder.isCancelled {
                try await responder.send(match)
                try await responder.flush()
            }
            return .cancelled
        }
        _ = try await end.associate()
        try await end.user.send(findRequest(4), try identifier("1.2"))
        _ = try await end.user.sentMessage()
        try await end.user.send(Command(.cancelRequest, messageID: 3))
        _ = try await end.user.sentMessage()
        try await end.user.send(Command(.cancelRequest, messageID: 4))
        while true {
            let status = try await end.user.sentMessage().command.status
            if status == 0xFF00 { continue }
            #expect(status == 0xFE00)
            break
        }
    }

    @Test(arguments: ["abort", "release", "close"])
    func aUserThatLeavesCancelsTheHandler(_ way: String) async throws {
        // F95
        let (left, leaves) = AsyncStream.makeStream(of: Bool.self)
        let end = try await ProviderEnd { _, responder in
            try await responder.flush()
            do { try await Task.sleep(for: .seconds(3_600)) } catch { leaves.yield(Task.isCancelled) }
            leaves.finish()
            return .success
        }
        _ = try await end.associate()
        try await end.user.send(findRequest(), try identifier("1.2"))
        switch way {
        case "abort": try await end.user.send(.abort(source: 0, reason: 0))
        case "release": try await end.user.send(.releaseRequest)
        default: try await end.user.close()
        }
        var cancelled: [Bool] = []
        for await wasCancelled in left { cancelled.append(wasCancelled) }
        #expect(cancelled == [true])
    }

    @Test func aUserThatDoesNotReadIsAbortedAndItsHandlerLearnsIt() async throws {
        let (ended, ends) = AsyncStream.makeStream(of: DIMSEError.Code?.self)
        let end = try await ProviderEnd { _, responder in
            do {
                var match = DataSet()
                match.set(.studyInstanceUID, "1.2")
                while true { try await responder.send(match) }
            } catch {
                ends.yield((error as? DIMSEError)?.code)
                ends.finish()
            }
            return .success
        }
        _ = try await end.associate()
        try await end.user.holdWrites()
        try await end.user.send(findRequest(), try identifier("1.2"))
        try await end.user.untilHeld()
        await end.user.pass(.milliseconds(14_999))
        #expect(end.user.channel.isActive)
        await end.user.pass(.milliseconds(1))
        #expect(!end.user.channel.isActive)
        var endings = 0
        for await _ in ended { endings += 1 }
        #expect(endings == 1)
    }

    @Test func theFirstMessageHasHalfTheTime() async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        await end.user.pass(.milliseconds(29_999))
        #expect(end.user.channel.isActive)
        await end.user.pass(.milliseconds(1))
        #expect(try await end.user.sent().kind == .abort)
    }

    @Test func anIdleAssociationIsAborted() async throws {
        let end = try await ProviderEnd()
        _ = try await end.associate()
        await end.user.pass(.milliseconds(29_999))
        #expect(end.user.channel.isActive)
        try await end.user.send(findRequest(), try identifier("1.2"))
        _ = try await end.user.sentMessage()
        await end.user.pass(.milliseconds(59_999))
        #expect(end.user.channel.isActive)
        await end.user.pass(.milliseconds(1))
        #expect(try await end.user.sent().kind == .abort)
    }

    @Test(arguments: [7, 8, 127, 128, 400, 65_536] as [UInt32], [PDUPacking.one, .several, .mixed])
    func noPDUExceedsWhatTheUserReads(_ limit: UInt32, _ packing: PDUPacking) async throws {
        var configuration = SCPConfiguration()
        configuration.pduPacking = packing
        let end = try await ProviderEnd(configuration) { _, responder in
            for number in 0..<50 {
                var match = DataSet()
                match.set(.studyInstanceUID, "1.2.\(number)")
                try await responder.send(match, keysUnsupported: number % 2 == 1)
            }
            return .success
        }
        _ = try await end.associate { $0.user.maximumLength = limit }
        try await end.user.send(findRequest(), try identifier("1.2"))
        var assembler = MessageAssembler(limit: 1 << 20)
        var (matches, final, largest) = (0, UInt16?.none, 0)
        while final == nil {
            var (kind, body) = try await end.user.sent()
            #expect(kind == .data)
            largest = max(largest, body.readableBytes)
            try assembler.take(&body) { (part) throws(DIMSEError) in
                switch part {
                case .dataSet: matches += 1
                case .command(let command, _): if !command.hasDataSet { final = command.status }
                }
            }
        }
        #expect(matches == 50)
        #expect(final == 0)
        #expect(largest <= max(8, limit))
        if packing == .mixed, limit == 65_536 { #expect(largest > 2_000) }
    }
}

@Suite struct ProviderLimitTests {
    private func peer(_ server: SCPServer, _ calling: String = "CONCORD") throws -> Peer {
        Peer(host: "127.0.0.1", port: server.port, called: try AETitle("TEST"), calling: try AETitle(calling))
    }

    @Test func oneAssociationTooManyIsRejectedForNowAndOneLessIsAccepted() async throws {
        for limit in [\AssociationLimits.total, \.perTitle, \.perAddress] {
            var configuration = SCPConfiguration()
            configuration.limits[keyPath: limit] = 2
            let server = try await SCPServer.start(configuration) { _, _ in .success }
            let first = try await Association.open(to: try peer(server))
            let second = try await Association.open(to: try peer(server))
            do {
                _ = try await Association.open(to: try peer(server))
                Issue.record("accepted")
            } catch let error as DIMSEError {
                #expect(error.rejection == Rejection(result: 2, source: 3, reason: 2))
                #expect(error.isTransient)
            }
            await first.release()
            let third = try await Association.open(to: try peer(server))
            #expect(server.openAssociations == 2)
            await second.release()
            await third.release()
            await server.stop()
        }
    }

    /// Which of so many associations, by title and address, are let in.
    private func admitted(_ callers: [(title: String, address: String)]) async throws -> [Bool] {
        let associations = OpenAssociations(AssociationLimits())
        var admitted: [Bool] = []
        for caller in callers {
            let channel = EmbeddedChannel()
            try await channel.connect(to: SocketAddress(ipAddress: caller.address, port: 104)).get()
            let title = try AETitle(caller.title)
            admitted.append(associations.connected(channel) && associations.admit(channel, calling: title))
        }
        return admitted
    }

    @Test func sixtyFourAssociationsOfATitleAreLetInAndNoMore() async throws {
        let admitted = try await admitted((1...65).map { ("WS1", "10.0.0.\($0)") })
        #expect(admitted == Array(repeating: true, count: 64) + [false])
    }

    @Test func thirtyTwoAssociationsOfAnAddressAreLetInAndNoMore() async throws {
        let admitted = try await admitted((1...33).map { ("WS\($0)", "10.0.0.1") })
        #expect(admitted == Array(repeating: true, count: 32) + [false])
    }

    @Test func twoThousandAssociationsAreLetInAndNoMore() async throws {
        let admitted = try await admitted((1...2_001).map { ("WS\($0)", "10.0.\($0 / 250).\($0 % 250 + 1)") })
        #expect(admitted == Array(repeating: true, count: 2_000) + [false])
    }

    @Test func connectionsOfAnAddressThatAskForNothingAreFewToo() async throws {
        let associations = OpenAssociations(AssociationLimits())
        var channels: [EmbeddedChannel] = []
        for _ in 1...65 {
            channels.append(EmbeddedChannel())
            try await channels[channels.count - 1].connect(to: SocketAddress(ipAddress: "10.0.0.1", port: 104)).get()
        }
        #expect(channels.map(associations.connected) == Array(repeating: true, count: 64) + [false])
        try await channels[0].close()
        channels[0].embeddedEventLoop.run()
        let next = EmbeddedChannel()
        try await next.connect(to: SocketAddress(ipAddress: "10.0.0.1", port: 104)).get()
        #expect(associations.connected(next))
    }

    @Test(
        arguments: [
            (PDU.Kind.associateReject, 64), (.releaseRequest, 64), (.releaseResponse, 64), (.abort, 64),
            (.associateRequest, 65_536), (.associateAccept, 65_536),
        ] as [(PDU.Kind, Int)], [PDULimits.user, .provider])
    func aPDUThatIsNoDataHasALimitOfItsOwn(_ limit: (kind: PDU.Kind, bytes: Int), _ limits: PDULimits) {
        for excess in [-1, 0, 1] {
            #expect(limits.allows(limit.kind, length: limit.bytes + excess) == (excess <= 0))
        }
    }

    @Test func weSayWhatWeRead() async throws {
        let end = try await ProviderEnd()
        guard case .associateAccept(let accept) = try await end.associate() else {
            Issue.record("another PDU")
            return
        }
        #expect(accept.user.maximumLength == 65_536)
    }

    @Test func associationsAreCountedAtTheDoor() async throws {
        let events = NIOLockedValueBox<[AssociationEvent]>([])
        var configuration = SCPConfiguration()
        configuration.onAssociation = { event in events.withLockedValue { $0.append(event) } }
        let server = try await SCPServer.start(configuration) { _, _ in .success }
        for name in ["A", "B"] {
            let association = try await Association.open(to: try peer(server, name))
            try await association.echo()
            await association.release()
        }
        let (a, b) = (try AETitle("A"), try AETitle("B"))
        #expect(
            events.withLockedValue { $0 } == [
                .opened(calling: a), .closed(calling: a), .opened(calling: b), .closed(calling: b),
            ])
        await server.stop()
    }
}
