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
        var (uids, pages, after): ([String], Int, RecordKey?) = ([], 0, .start)
        while let key = after {
            var page = question()
            key.ask(in: &page)
            (after, pages) = (nil, pages + 1)
            var last: RecordKey?
            do {
                for try await response in association.find(page, model: .repository) {
                    uids.append(try response.record().studyInstanceUID)
                    last = try RecordKey(of: response.dataSet())
                }
            } catch let error as DIMSEError where error.status == 0xB001 {
                after = last
            }
        }
        #expect(uids == (0..<7).map { "1.2.\($0)" })
        #expect(pages == 3)
        await association.release()
    }
}
