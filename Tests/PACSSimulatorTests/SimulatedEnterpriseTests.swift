import DICOM
import DIMSE
import Foundation
import Testing

@testable import PACSSimulator

@Suite struct SimulatedEnterpriseTests {
    @Test func startsEightSourcesWithTheirFiles() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("concord-sim-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        let running = try await SimulatedEnterprise.start(studies: 60, seed: 2, directory: directory.path)
        #expect(Set(running.ports).count == 8)
        for source in running.sources {
            let association = try await Association.open(to: SimulatedPACSTests.peer(source))
            try await association.echo()
            await association.release()
        }
        try running.writeRequests()
        await running.stop()

        let truth = try Data(contentsOf: directory.appendingPathComponent("truth.json"))
        #expect(try JSONDecoder().decode(Truth.self, from: truth) == running.enterprise.truth)
        let yaml = try String(contentsOf: directory.appendingPathComponent("concord.yaml"), encoding: .utf8)
        for port in running.ports { #expect(yaml.contains("port: \(port)\n")) }
        let requests = try String(contentsOf: directory.appendingPathComponent("requests.csv"), encoding: .utf8)
        #expect(requests.split(separator: "\n").count { $0.contains(",c-echo,CONCORD,1") } == 8)
    }

    @Test func replaysSoManyResponses() async throws {
        let replay = try await ReplaySCP.start(responses: 2500, distinct: 100)
        let peer = Peer(
            host: "127.0.0.1", port: replay.port, called: try AETitle("REPLAY"), calling: try AETitle("CONCORD"))
        let association = try await Association.open(to: peer)
        var identifier = DataSet(characterSet: .utf8)
        identifier.set(Tag(0x0008, 0x0052), "STUDY")
        identifier.setEmpty(Attribute.studyInstanceUID.dicomTag)
        var uids: Set<String> = []
        var count = 0
        for try await response in association.find(identifier) {
            uids.insert(try response.dataSet().text(Attribute.studyInstanceUID.dicomTag) ?? "")
            count += 1
        }
        #expect(count == 2500 && uids.count == 100)
        await association.release()
        await replay.stop()
    }
}
