import DICOM
import Foundation
import SearchSuite
import Testing

@testable import EdgeShard

@Suite struct ReplicaViewTests {
    private func view(_ change: (inout Manifest) -> Void) throws -> ReplicaView {
        let published = try Published()
        try published.publish([.sample("1.1")])
        var manifest = try published.manifest(1)
        change(&manifest)
        let file = "\(published.root)/state/north/1/shard.sqlite"
        return ReplicaView(shards: [try OpenShard(path: file, manifest: manifest, expires: published.now + 60)])
    }

    private let now = Date(timeIntervalSince1970: Double(Published.noon))

    private func query(_ keyword: String, _ text: String) throws -> StudyQuery {
        var query = StudyQuery()
        query.keys = [try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text)]
        return query
    }

    /// Promise 1: what the generation rests on is said where it does not reach.
    @Test func sourcesWithHolesWhereItIsAskedAreNotVouchedFor() throws {
        let view = try view { manifest in
            manifest.basis = [
                Manifest.Basis(source: "a", holes: [Manifest.Basis.Range(from: "20200101", to: "20200131")]),
                Manifest.Basis(source: "b", holes: [Manifest.Basis.Range(to: "20011231")]),
                Manifest.Basis(source: "c"),
            ]
        }
        #expect(view.unproven(for: try query("StudyDate", "20200131"), now: now) == ["a"])
        #expect(view.unproven(for: try query("StudyDate", "20200201-"), now: now) == [])
        #expect(view.unproven(for: try query("StudyDate", "-20200101"), now: now) == ["a", "b"])
        #expect(view.unproven(for: try query("PatientID", "P1"), now: now) == ["a", "b"])
    }

    @Test func daysBeforeTheScopeAreNotVouchedFor() throws {
        let view = try view { $0.since = "20200101" }
        #expect(view.unproven(for: try query("StudyDate", "20191231-20200102"), now: now) == ["a", "b", "c"])
        #expect(view.unproven(for: try query("StudyDate", "20200101-"), now: now) == [])
    }

    @Test func aStaleReplicaVouchesForNothing() throws {
        let view = try view { _ in }
        #expect(view.unproven(for: StudyQuery(), now: now.addingTimeInterval(59)) == [])
        #expect(view.unproven(for: StudyQuery(), now: now.addingTimeInterval(60)) == ["a", "b", "c"])
        #expect(view.age(at: now.addingTimeInterval(60)) == 60)
        #expect(view.comment(at: now.addingTimeInterval(120)) == "Replica north 1, 2 min old")
    }

    @Test func keysAreGoodThatThePublisherNamed() throws {
        let secret = String(repeating: "ab", count: 32)
        let view = try view { manifest in
            manifest.keys = [
                Manifest.Key(id: "0011", hash: Digest.of(Array(secret.utf8)), scopes: ["query"])
            ]
        }
        #expect(view.key(presented: "ck_0011_\(secret)_00")?.scopes == ["query"])
        #expect(view.key(presented: "ck_0012_\(secret)_00") == nil)
        #expect(view.key(presented: "ck_0011_\(secret.dropLast())c_00") == nil)
        #expect(view.key(presented: "ck_0011") == nil)
    }

    @Test func devicesAreNamedAsTheKernelNamesThem() {
        #expect(AtRest.name(of: 0x801) == "8:1")
        #expect(AtRest.name(of: 0xFD00) == "253:0")
    }
}
