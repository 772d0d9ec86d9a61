import NIOCore
import NIOEmbedded
import Testing

@testable import DIMSE

/// A user's association on a scripted channel.
struct UserEnd {
    let archive = ScriptedPeer()
    let opening: OpeningAssociation

    init(
        timeouts: Timeouts = Timeouts(), asking options: QueryOptions = .relational, user: UserIdentity? = nil
    ) async throws {
        var peer = Peer(host: "-", port: 104, called: try AETitle("PACSA"), calling: try AETitle("CONCORD"))
        peer.timeouts = timeouts
        peer.user = user
        let (channel, configured) = (archive.channel, peer)
        opening = try await channel.testingEventLoop.executeInContext {
            try OpeningAssociation(on: channel, peer: configured, asking: options)
        }
        try await archive.connect()
    }

    func accept(syntaxes: [UInt8: String] = [:], results: [UInt8: UInt8] = [:]) -> PDU {
        .associateAccept(
            AssociateAccept(
                called: [UInt8](repeating: 0x20, count: 16), calling: [UInt8](repeating: 0x20, count: 16),
                contexts: UserContexts.proposed.map {
                    ContextResult(
                        result: results[$0.id] ?? 0, id: $0.id,
                        transferSyntax: syntaxes[$0.id] ?? "1.2.840.10008.1.2")
                }))
    }

    /// Past the negotiation.
    static func established(
        timeouts: Timeouts = Timeouts(), results: [UInt8: UInt8] = [:]
    ) async throws -> (ScriptedPeer, Association) {
        let end = try await UserEnd(timeouts: timeouts)
        _ = try await end.archive.sent()
        try await end.archive.send(end.accept(results: results))
        return (end.archive, try await end.opening.established())
    }

    func failure() async -> DIMSEError? {
        do {
            _ = try await opening.established()
            return nil
        } catch { return error }
    }
}

@Suite struct OpeningTests {
    @Test func verificationAndTheFindModelsAreProposedInBothLittleEndianSyntaxes() async throws {
        let end = try await UserEnd()
        let (kind, body) = try await end.archive.sent()
        guard case .associateRequest(let request) = try PDU(kind, body: body) else {
            Issue.record("another PDU")
            return
        }
        #expect(request.called.value == "PACSA")
        #expect(request.calling.value == "CONCORD")
        #expect(
            request.contexts.map(\.abstractSyntax) == [
                "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.1.1",
                "1.2.840.10008.5.1.4.1.2.3.1", "1.2.840.10008.5.1.4.1.1.201.6",
            ])
        #expect(request.contexts.allSatisfy { $0.transferSyntaxes == ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"] })
        #expect(request.user.maximumLength == 65_536)
        #expect(request.user.extendedNegotiations.map(\.options) == [[1], [1], [1], [1]])
    }

    @Test(
        arguments: [
            ([], []), ([1], [.relational]), ([0, 1, 1], [.combinedDateTime, .fuzzyNames]),
            ([1, 0, 0, 1, 1, 1, 0, 1], [.relational, .emptyValue]), ([2, 1, 255], [.combinedDateTime]),
            ([0, 0, 0, 0, 0, 0, 1], []),
        ] as [([UInt8], QueryOptions)])
    func whatTheArchiveGrantsOfWhatWasAskedCounts(_ answer: [UInt8], _ granted: QueryOptions) async throws {
        // F99: bytes may be missing, and count as 0.
        let asked: QueryOptions = [.relational, .combinedDateTime, .fuzzyNames, .emptyValue]
        let end = try await UserEnd(asking: asked)
        let (kind, body) = try await end.archive.sent()
        guard case .associateRequest(let request) = try PDU(kind, body: body),
            case .associateAccept(var accept) = end.accept(results: [5: 3, 9: 3])
        else {
            Issue.record("another PDU")
            return
        }
        #expect(request.user.extendedNegotiations.map(\.options) == Array(repeating: [1, 1, 1, 0, 0, 1], count: 4))
        accept.user.extendedNegotiations = [FindModel.studyRoot, .patientRoot].map {
            ExtendedNegotiation(sopClassUID: $0.rawValue, options: answer)
        }
        try await end.archive.send(.associateAccept(accept))
        let association = try await end.opening.established()
        // A context that was not accepted grants nothing; silence neither.
        #expect(association.granted == [.studyRoot: granted, .patientStudyOnly: []])
        association.abort()
    }

    @Test func nothingIsNegotiatedWhereNothingIsAsked() async throws {
        let end = try await UserEnd(asking: [])
        let (kind, body) = try await end.archive.sent()
        guard case .associateRequest(let request) = try PDU(kind, body: body) else {
            Issue.record("another PDU")
            return
        }
        #expect(request.user.extendedNegotiations.isEmpty)
    }

    @Test(
        arguments: [
            (nil, [0x58, 0, 0, 9, 1, 0, 0, 3, 0x4A, 0x6F, 0x65, 0, 0]),
            ("pw", [0x58, 0, 0, 11, 2, 0, 0, 3, 0x4A, 0x6F, 0x65, 0, 2, 0x70, 0x77]),
        ] as [(String?, [UInt8])])
    func theUserIsNamedAsTheStandardHasIt(_ passcode: String?, _ item: [UInt8]) async throws {
        // F97; PS3.7 Table D.3-14
        let user = try UserIdentity(name: "Joe", passcode: passcode)
        let end = try await UserEnd(user: user)
        let (_, body) = try await end.archive.sent()
        #expect(Array(body.readableBytesView.suffix(item.count)) == item)
        #expect(!"\(user) \(String(reflecting: user))".contains("Joe"))
    }

    @Test(arguments: [0, 1, 1_023, 1_024, 1_025])
    func aNameAndAPasscodeHaveTheirLimit(_ length: Int) {
        let text = String(repeating: "x", count: length)
        let isAllowed = (1...1_024).contains(length)
        #expect(((try? UserIdentity(name: text)) != nil) == isAllowed)
        #expect(((try? UserIdentity(name: "x", passcode: text)) != nil) == isAllowed)
    }

    @Test func anArchiveThatDoesNotAnswerIsAbortedAfterTheACSETime() async throws {
        let end = try await UserEnd()
        _ = try await end.archive.sent()
        await end.archive.pass(.milliseconds(29_999))
        #expect(try await end.archive.hasSentNothingElse())
        await end.archive.pass(.milliseconds(1))
        #expect(await end.failure()?.code == .timedOut)
        #expect(try await end.archive.sent().kind == .abort)
    }

    @Test func aRejectionSaysWhyAndWhetherToAskAgain() async throws {
        for (rejection, isTransient) in [
            (Rejection(result: 1, source: 1, reason: 7), false), (Rejection(result: 1, source: 1, reason: 3), false),
            (Rejection(result: 2, source: 3, reason: 2), true), (Rejection(result: 1, source: 3, reason: 56), true),
        ] {
            let end = try await UserEnd()
            try await end.archive.send(.associateReject(rejection))
            let failure = await end.failure()
            #expect(failure?.code == .associationRejected)
            #expect(failure?.rejection == rejection)
            #expect(failure?.isTransient == isTransient)
        }
    }

    @Test func aCloseBeforeTheAnswerHintsAtItsCauses() async throws {
        // F82
        let end = try await UserEnd()
        try await end.archive.close()
        let failure = await end.failure()
        #expect(failure?.code == .connectionClosed)
        #expect(failure?.description.contains("TLS") == true)
    }

    @Test func anHTTPServerIsNoArchive() async throws {
        let end = try await UserEnd()
        _ = try await end.archive.sent()
        try await end.archive.send(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        #expect(await end.failure()?.code == .malformed)
        #expect(try await end.archive.sent().kind == .abort)
        // Nothing that follows is kept or answered.
        try await end.archive.send(ByteBuffer(repeating: 0x41, count: 1 << 20))
        #expect(try await end.archive.hasSentNothingElse())
    }

    @Test func givingUpWhileOpeningAborts() async throws {
        let end = try await UserEnd()
        _ = try await end.archive.sent()
        let task = Task { await end.failure() }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        #expect(try await end.archive.sent().kind == .abort)
    }

    @Test func onlyModelsAcceptedWithASyntaxOfOursCount() async throws {
        // F92: result 3, and an acceptance with a syntax that we do not have.
        let end = try await UserEnd()
        try await end.archive.send(end.accept(syntaxes: [5: "1.2.840.10008.1.2.2"], results: [3: 3, 7: 4, 9: 3]))
        let association = try await end.opening.established()
        #expect(association.acceptedModels == [])
        let answer = await collect(association.find(question()))
        #expect(answer.error?.code == .noAcceptedContext)
        #expect(association.isOpen)
    }
}
