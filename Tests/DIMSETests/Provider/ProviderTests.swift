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
        _ configuration: SCPConfiguration = SCPConfiguration(),
        onFind: @escaping @Sendable (FindRequest, FindResponder) async throws -> FindStatus = { _, _ in .success }
    ) async throws {
        let channel = user.channel
        let associations = OpenAssociations(maximum: 8, perTitle: 8, perAddress: 8)
        try await channel.testingEventLoop.executeInContext {
            let session = ProviderSession(
                configuration: configuration, channel: channel, associations: associations, onEcho: { _ in },
                onFind: onFind)
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
        configuration.grantsRelationalQuestions = isAnswered
        let end = try await ProviderEnd(configuration) { _, _ in .success }
        let reply = try await end.associate { request in
            request.user.extendedNegotiations = [
                ExtendedNegotiation(sopClassUID: request.contexts[1].abstractSyntax, options: [1, 1, 1]),
                ExtendedNegotiation(sopClassUID: "1.2.3", options: [1]),
            ]
        }
        guard case .associateAccept(let accept) = reply else {
            Issue.record("another PDU")
            return
        }
        #expect(accept.user.extendedNegotiations.map(\.options) == [[isAnswered ? 1 : 0]])
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
        configuration.callingAETitles = [try AETitle("OTHER")]
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
        #expect(request?.calling.value == "CONCORD")
        #expect(request?.called.value == "PACSA")
        #expect(request?.peerAddress == "127.0.0.1")
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
        await end.user.pass(.seconds(15))
        #expect(!end.user.channel.isActive)
        var endings = 0
        for await _ in ended { endings += 1 }
        #expect(endings == 1)
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
        for limit in [\SCPConfiguration.maximumAssociations, \.associationsPerTitle, \.associationsPerAddress] {
            var configuration = SCPConfiguration()
            configuration[keyPath: limit] = 2
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
