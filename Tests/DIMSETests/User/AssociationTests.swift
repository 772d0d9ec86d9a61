import DICOM
import Testing

@testable import DIMSE

private func startServer(
    _ configure: (inout SCPConfiguration) -> Void = { _ in }, matches: Int = 3, status: FindStatus = .success
) async throws -> SCPServer {
    var configuration = SCPConfiguration()
    configure(&configuration)
    return try await SCPServer.start(configuration) { _, responder in
        for number in 0..<matches {
            var match = DataSet()
            match.set(.studyInstanceUID, "1.2.\(number)")
            match.set(.patientName, "MÜLLER^ANNA")
            match.set(.specificCharacterSet, "ISO_IR 192")
            try await responder.send(match)
            if responder.isCancelled { return .cancelled }
        }
        return status
    }
}

private func peer(_ server: SCPServer, called: String = "TEST") throws -> Peer {
    Peer(host: "127.0.0.1", port: server.port, called: try AETitle(called), calling: try AETitle("CONCORD"))
}

@Suite struct AssociationTests {
    @Test func echoIsAnswered() async throws {
        let server = try await startServer()
        let association = try await Association.open(to: try peer(server))
        try await association.echo()
        try await association.echo()
        await association.release()
        #expect(!association.isOpen)
        await server.stop()
    }

    @Test(arguments: [PDUPacking.one, .several, .mixed], [0, 1, 3, 2_000])
    func everyMatchArrivesOnceAndInOrder(_ packing: PDUPacking, _ matches: Int) async throws {
        let server = try await startServer({ $0.pduPacking = packing }, matches: matches)
        let association = try await Association.open(to: try peer(server))
        for _ in 0..<2 {
            var uids: [String] = []
            for try await response in association.find(question()) {
                uids.append(try response.record().studyInstanceUID)
            }
            #expect(uids == (0..<matches).map { "1.2.\($0)" })
        }
        await association.release()
        await server.stop()
    }

    @Test(arguments: [
        FindStatus.cancelled, .outOfResources, .unableToProcess("too many"),
        FindStatus(0xA900, offendingElements: [.studyDate]),
    ])
    func anEndOtherThanSuccessThrowsAfterTheMatches(_ status: FindStatus) async throws {
        let server = try await startServer(matches: 2, status: status)
        let association = try await Association.open(to: try peer(server))
        var matches = 0
        do {
            for try await _ in association.find(question()) { matches += 1 }
            Issue.record("ended normally")
        } catch let error as DIMSEError {
            #expect(error.code == .findFailed)
            #expect(error.status == status.status)
            #expect(error.errorComment == status.errorComment)
            #expect(error.offendingElements == status.offendingElements)
        }
        #expect(matches == 2)
        #expect(association.isOpen)
        await association.release()
        await server.stop()
    }

    @Test func anInnerErrorOfTheProviderIsAFailureNeverSuccess() async throws {
        struct Broken: Error {}
        let server = try await SCPServer.start(SCPConfiguration()) { _, _ in throw Broken() }
        let association = try await Association.open(to: try peer(server))
        await #expect(throws: DIMSEError.self) { for try await _ in association.find(question()) {} }
        await association.release()
        await server.stop()
    }

    @Test func anUnknownCalledTitleIsRejectedForGood() async throws {
        let title = try AETitle("OTHER")
        let server = try await startServer({ $0.aeTitles = [title] })
        do {
            _ = try await Association.open(to: try peer(server))
            Issue.record("accepted")
        } catch let error as DIMSEError {
            #expect(error.code == .associationRejected)
            #expect(error.rejection == Rejection(result: 1, source: 1, reason: 7))
            #expect(!error.isTransient)
        }
        await server.stop()
    }

    @Test func aSecondQueryOnAOneQueryAssociationFindsTheConnectionClosed() async throws {
        let server = try await startServer({ $0.queriesPerAssociation = 1 })
        let association = try await Association.open(to: try peer(server))
        for try await _ in association.find(question()) {}
        do {
            for try await _ in association.find(question()) {}
            Issue.record("answered")
        } catch let error as DIMSEError {
            #expect(error.code == .connectionClosed)
        }
        #expect(!association.isOpen)
        await server.stop()
    }

    @Test func nobodyListeningIsAFailureToConnect() async throws {
        // Not a port that was free a moment ago: another test may have it by now.
        let gone = Peer(host: "127.0.0.1", port: 1, called: try AETitle("TEST"), calling: try AETitle("CONCORD"))
        do {
            _ = try await Association.open(to: gone)
            Issue.record("connected")
        } catch { #expect(error.code == .connectFailed) }
    }

    @Test func lettingGoOfAnAnswerAbortsItsAssociation() async throws {
        let server = try await startServer(matches: 100_000)
        let association = try await Association.open(to: try peer(server))
        for try await _ in association.find(question()) { break }
        await association.release()
        #expect(!association.isOpen)
        await server.stop()
    }
}
