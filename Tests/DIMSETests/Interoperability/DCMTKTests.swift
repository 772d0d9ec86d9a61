import DICOM
import NIOConcurrencyHelpers
import Testing

@testable import DIMSE

@Suite(.enabled(if: DCMTK.isInstalled, "needs Debian's dcmtk"))
struct DCMTKTests {
    private static func server(
        _ packing: PDUPacking = .one, matches: Int = 250, wasCancelled: NIOLockedValueBox<Bool> = .init(false)
    ) async throws -> SCPServer {
        var configuration = SCPConfiguration()
        configuration.pduPacking = packing
        configuration.aeTitles = [try AETitle("CONCORD")]
        return try await SCPServer.start(configuration) { request, responder in
            for number in 0..<matches {
                var match = DataSet(characterSet: .utf8)
                match.set(.queryRetrieveLevel, "STUDY")
                match.set(.studyInstanceUID, "1.2.\(number)")
                match.set(.patientName, "MÜLLER^NUMMER\(number)")
                try await responder.send(match)
                if number % 10 == 9 { try await responder.flush() }
                if responder.isCancelled {
                    wasCancelled.withLockedValue { $0 = true }
                    return .cancelled
                }
            }
            return .success
        }
    }

    private static let keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName"]

    @Test func echoscuIsAnswered() async throws {
        let server = try await Self.server()
        let outcome = try await Tool.run(
            "echoscu", ["-aec", "CONCORD", "--repeat", "3", "127.0.0.1", "\(server.port)"])
        #expect(outcome.status == 0, "\(outcome.output)")
        await server.stop()
    }

    @Test func echoscuLearnsThatItCalledAnother() async throws {
        let server = try await Self.server()
        let outcome = try await Tool.run("echoscu", ["-aec", "OTHER", "127.0.0.1", "\(server.port)"])
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("Called AE Title Not Recognized"))
        await server.stop()
    }

    @Test(arguments: [PDUPacking.one, .several], ["-xi", "-xe"])
    func findscuGetsEveryMatch(_ packing: PDUPacking, _ syntax: String) async throws {
        let server = try await Self.server(packing)
        let outcome = try await Tool.run(
            "findscu", ["-v", syntax, "-pdu", "4096", "-aec", "CONCORD"] + Self.keys + ["127.0.0.1", "\(server.port)"])
        #expect(outcome.status == 0)
        let uids = outcome.output.matches(of: /0020,000d\) UI \[(1\.2\.\d+)/).map { String($0.1) }
        #expect(uids == (0..<250).map { "1.2.\($0)" })
        #expect(outcome.output.contains("Received Final Find Response (Success)"))
        await server.stop()
    }

    @Test func findscusCancellationIsHonoured() async throws {
        let wasCancelled = NIOLockedValueBox(false)
        let server = try await Self.server(matches: 1_000_000, wasCancelled: wasCancelled)
        let outcome = try await Tool.run(
            "findscu", ["-v", "--cancel", "5", "-aec", "CONCORD"] + Self.keys + ["127.0.0.1", "\(server.port)"])
        #expect(wasCancelled.withLockedValue { $0 })
        #expect(outcome.output.contains("Cancel"))
        await server.stop()
    }

    @Test func dcmqrscpAnswersEchoAndFind() async throws {
        let archive = try await Archive.start(studies: 5)
        defer { archive.stop() }
        let association = try await Association.open(to: archive.peer)
        #expect(association.acceptedModels == [.studyRoot, .patientRoot, .patientStudyOnly])
        try await association.echo()
        var asked = DataSet()
        asked.set(.queryRetrieveLevel, "STUDY")
        asked.set(.studyDate, "20240102-20240104")
        for tag in [Tag.studyInstanceUID, .patientName, .patientID, .accessionNumber] { asked.setEmpty(tag) }
        for _ in 0..<3 {
            var records: [StudyRecord] = []
            for try await response in association.find(asked) { records.append(try response.record()) }
            #expect(records.map(\.studyInstanceUID).sorted() == ["1.2.3.2", "1.2.3.3", "1.2.3.4"])
            #expect(Set(records.compactMap { $0.patientName?.alphabetic }) == Set((2...4).map { "MÜLLER^NUMMER\($0)" }))
        }
        await association.release()
    }

    @Test func dcmqrscpRejectsATitleThatItDoesNotHave() async throws {
        let archive = try await Archive.start(studies: 1)
        defer { archive.stop() }
        var peer = archive.peer
        peer.called = try AETitle("NOBODY")
        do {
            _ = try await Association.open(to: peer)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .associationRejected)
            #expect(!error.isTransient)
        }
    }

    @Test func dcmqrscpRefusesAnIdentifierWithoutALevel() async throws {
        // F31
        let archive = try await Archive.start(studies: 1)
        defer { archive.stop() }
        let association = try await Association.open(to: archive.peer)
        var asked = DataSet()
        asked.setEmpty(.studyInstanceUID)
        let (uids, error) = await collect(association.find(asked))
        #expect(uids == [])
        #expect(error?.code == .findFailed)
        #expect(error?.status != 0)
        await association.release()
    }
}
