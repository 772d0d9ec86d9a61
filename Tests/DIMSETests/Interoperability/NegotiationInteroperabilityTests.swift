import DICOM
import Testing

@testable import DIMSE

@Suite(.enabled(if: Pynetdicom.isInstalled, "needs scripts/lib/install.sh test"))
struct NegotiationInteroperabilityTests {
    @Test func whatPynetdicomGrantsIsWhatWeRead() async throws {
        let archive = try await Pynetdicom.start()
        defer { archive.stop() }
        let association = try await Association.open(
            to: archive.peer, asking: [.relational, .fuzzyNames, .emptyValue, .multipleValue])
        #expect(association.acceptedModels == [.studyRoot, .repository])
        #expect(
            association.granted == [.studyRoot: [.relational, .emptyValue], .repository: [.relational, .emptyValue]])
        await association.release()
    }

    @Test func pynetdicomLetsInWhoNamesTheUserThatItKnows() async throws {
        let archive = try await Pynetdicom.start()
        defer { archive.stop() }
        for (passcode, isLetIn) in [("open sesame", true), ("close sesame", false), (nil, false)] as [(String?, Bool)] {
            var peer = archive.peer
            peer.user = try UserIdentity(name: "concord", passcode: passcode)
            do {
                let association = try await Association.open(to: peer)
                #expect(isLetIn, "\(passcode ?? "no passcode")")
                await association.release()
            } catch {
                #expect(!isLetIn, "\(error)")
                #expect(error.code == .associationRejected)
            }
        }
    }

    @Test func aRepositoryQueryGetsAllOfPynetdicomsRecordsThreeAtATime() async throws {
        let archive = try await Pynetdicom.start()
        defer { archive.stop() }
        let association = try await Association.open(to: archive.peer)
        var query = RecordQuery(question())
        var (uids, permits) = ([String](), 0)
        try await query.run(on: association, permit: { permits += 1 }) { response in
            uids.append(try response.record().studyInstanceUID)
        }
        #expect(uids == (0..<7).map { "1.2.\($0)" })
        #expect(permits == 3)
        await association.release()
    }
}
