import DICOM
import Foundation
import SearchSuite
import Testing

@testable import EdgeShard

/// Bit rot, bad sectors and other hands below a replica.
@Suite struct RepairTests {
    /// Five generations of which the first is a snapshot; rows have come, changed and gone since then.
    private func published(studies: Int = 400) async throws -> Published {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<studies))
        for night in 1...4 {
            published.night()
            let gone = ShardStudy(uid: "1.2.840.\(night)", copies: [], goneFrom: [1, 2])
            try published.publish(
                ShardStudy.samples(studies + night..<studies + 1 + night)
                    + ShardStudy.samples(night * 10..<night * 10 + 10).changing(.studyDescription, to: "N\(night)") + [
                        gone
                    ])
        }
        #expect(try published.manifest(5).snapshot.generation == 1)
        try await published.sync()
        return published
    }

    private func damage(_ published: Published, _ sql: String) throws {
        let file = published.installed.shardFile(published.installed.currentGeneration ?? 0)
        try SQLiteDatabase(path: file, .workingCopy(creating: false)).execute(sql)
    }

    private func repaired(_ events: [ReplicaSync.Event]) -> (buckets: Int, bytes: Int)? {
        for case .repaired(_, _, let buckets, let bytes) in events { return (buckets, bytes) }
        return nil
    }

    /// The rows are as published, the indexes fit them, and the next sync finds nothing to do.
    private func expectWhole(_ published: Published, _ generation: Int) async throws {
        #expect(try published.serves(generation))
        let file = published.installed.shardFile(generation)
        #expect(try SQLiteDatabase(path: file, .immutable).texts("PRAGMA integrity_check") == ["ok"])
        #expect(
            try await published.sync().contains { if case .current = $0 { true } else { false } })
    }

    @Test(arguments: [
        "UPDATE observation SET patient_id = 'X' WHERE observation_id = 300",
        "DELETE FROM study WHERE study_id = 300",
        "DELETE FROM observation WHERE study_id = 300",
        "DELETE FROM series_observation WHERE study_id = 302",
        "UPDATE study SET study_day = 1 WHERE study_id = 12",
        "INSERT INTO study (study_id, study_uid) VALUES (99999, '1.2.3')",
        "UPDATE study SET study_id = 77777 WHERE study_id = 300",
        "DELETE FROM tombstone",
        "UPDATE source SET priority = 9 WHERE source_id = 1",
        "DELETE FROM study WHERE study_id IN (11, 402, 403)",
        "UPDATE study SET study_uid = '1.2.840.6' WHERE study_uid = '1.2.840.5'",
    ]) func onlyBucketsThatDifferAreFetched(sql: String) async throws {
        let published = try await published()
        try damage(published, sql)
        let manifest = try published.manifest(5)
        let list = try #require(manifest.buckets?.length)
        let table = try #require(manifest.snapshot.rows?.table.length)
        let delta = try #require(manifest.deltas.first { $0.from == 1 }?.object?.length)
        let (buckets, bytes) = try #require(repaired(try await published.sync()))
        #expect((1...4).contains(buckets))
        #expect(bytes - list - table - delta < 4_096)
        try await expectWhole(published, 5)
    }

    @Test func aNightAndARepairGoTogether() async throws {
        let published = try await published()
        try damage(published, "UPDATE observation SET patient_name = 'X' WHERE study_id IN (12, 350)")
        published.night()
        try published.publish(ShardStudy.samples(349..<350).changing(.studyDescription, to: "N5"))
        let (buckets, _) = try #require(repaired(try await published.sync()))
        #expect(buckets == 2)
        try await expectWhole(published, 6)
    }

    /// Of indexes the content root says nothing: the file's own checksum does.
    @Test func aDamagedIndexIsMadeAnewAndNothingIsFetched() async throws {
        let published = try await published()
        let file = published.installed.shardFile(5)
        let page = try SQLiteDatabase(path: file, .immutable).integer(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'observation_patient'")
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        bytes.replaceSubrange((page - 1) * 4_096 + 8..<page * 4_096, with: [UInt8](repeating: 0, count: 4_088))
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        #expect(try published.serves(5))
        #expect(
            try ReplicaVerification.of(published.replica, trusting: published.trust).map(\.error?.code) == [
                .wrongContent
            ])
        let (buckets, fetched) = try #require(repaired(try await published.sync()))
        #expect(buckets == 0 && fetched == 0)
        try await expectWhole(published, 5)
    }

    /// Flipped bits, zeroed pages and a cut end, anywhere.
    @Test(arguments: 1...12 as ClosedRange<UInt64>) func whateverIsDamagedIsRepaired(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let published = try await published(studies: 300)
        let file = published.installed.shardFile(5)
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        switch seed % 4 {
        case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        case 1:
            let page = Int.random(in: 0..<bytes.count / 4_096, using: &random) * 4_096
            bytes.replaceSubrange(page..<page + 4_096, with: [UInt8](repeating: 0, count: 4_096))
        default:
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        try await published.sync()
        try await expectWhole(published, 5)
    }

    @Test func whatIsLostAltogetherIsFetchedAsTheSnapshot() async throws {
        let published = try await published()
        try damage(published, "UPDATE observation SET patient_id = 'X'")
        let events = try await published.sync()
        #expect(repaired(events) == nil)
        #expect(events.contains { if case .installed(_, 5, _) = $0 { true } else { false } })
        try await expectWhole(published, 5)
    }

    /// What cannot be believed is not taken; the snapshot is the last resort.
    @Test(arguments: ["list", "table", "rows"]) func aChangedObjectRepairsNothing(which: String) async throws {
        let published = try await published()
        let manifest = try published.manifest(5)
        let rows = try #require(manifest.snapshot.rows)
        let digest = try #require(
            ["list": manifest.buckets?.digest, "table": rows.table.digest, "rows": rows.digest][which] ?? nil)
        for seed in 1...3 as ClosedRange<UInt64> {
            var mutator = Mutator(seed: seed)
            let path = Layout.object(digest)
            let genuine = Array(try Data(contentsOf: URL(fileURLWithPath: "\(published.output)/\(path)")))
            try published.edit(path) { bytes in
                if which == "rows" { bytes = bytes.map { $0 ^ 1 } } else { bytes = mutator.mutate(bytes) }
            }
            try damage(published, "UPDATE observation SET patient_id = 'X' WHERE observation_id = 300")
            let events = (try? await published.sync()) ?? []
            #expect(repaired(events) == nil)
            try published.edit(path) { $0 = genuine }
            try await published.sync()
            try await expectWhole(published, 5)
        }
    }

    /// The same generation, another file.
    @Test func readersSeeTheRepairedFile() async throws {
        let published = try await published()
        let catalog = ReplicaCatalog(root: published.replica, trust: published.trust, threads: 1)
        let before = try catalog.view().shards.map(\.file)
        try damage(published, "UPDATE observation SET patient_id = 'X' WHERE observation_id = 300")
        try await published.sync()
        try await Task.sleep(for: .milliseconds(250))
        #expect(try catalog.view().shards.map(\.file) != before)
        var query = StudyQuery()
        let attribute = try #require(AttributeDictionary.attribute(keyword: "PatientID"))
        query.keys = [try QueryKey(attribute, parsing: "X")]
        #expect(try await catalog.search(query, within: .unrestricted).total == 0)
        await catalog.stop()
    }

    @Test(arguments: [FaultyServer.Fault.none, .noRanges]) func partsComeByHTTP(fault: FaultyServer.Fault) async throws
    {
        let published = try await published()
        try damage(published, "UPDATE observation SET patient_id = 'X' WHERE observation_id = 300")
        let server = try await FaultyServer.start(root: published.output, fault)
        let origin = try HTTPOrigin(url: server.url, silence: .milliseconds(300))
        let (buckets, _) = try #require(repaired(try await published.sync(from: origin)))
        #expect(buckets == 1)
        let rows = try #require(try published.manifest(5).snapshot.rows?.length)
        if fault == .none { #expect(server.bodyBytes < rows + 262_144) }
        await origin.close()
        await server.stop()
        try await expectWhole(published, 5)
    }
}
