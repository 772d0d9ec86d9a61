import DICOM
import Foundation
import Testing

@testable import EdgeShard

@Suite struct PublishAndSyncTests {
    private func count(_ published: Published, _ sql: String) throws -> Int {
        let generation = published.installed.currentGeneration ?? 0
        return try SQLiteDatabase(path: published.installed.shardFile(generation), .immutable).integer(sql)
    }

    @Test func aNewSiteHasAllOfIt() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<500))
        try await published.sync()
        #expect(try published.serves(1))
        #expect(try count(published, "SELECT count(*) FROM study") == 500)
        #expect(try count(published, "SELECT count(*) FROM series_observation") == 499)
    }

    @Test func aNightIsAFewBytesForEachChangedRow() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<2_000))
        try await published.sync()
        published.night()
        let changed = ShardStudy.samples(0..<100).changing(.numberOfStudyRelatedInstances, to: "400")
        let report = try published.publish(ShardStudy.samples(2_000..<2_010) + changed)
        let snapshot = try published.manifest(1).snapshot.object.length
        #expect(try #require(report.deltaBytes) < snapshot / 10)
        let events = try await published.sync()
        #expect(
            events.contains { if case .installed(_, 2, let bytes) = $0 { bytes == report.deltaBytes } else { false } })
        #expect(try published.serves(2))
        #expect(try count(published, "SELECT count(*) FROM observation WHERE instance_count = 400") == 134)
    }

    @Test func anEmptyNightIsAGenerationToo() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<50))
        try await published.sync()
        published.night()
        try published.publish([])
        try await published.sync()
        #expect(try published.serves(2))
        #expect(try published.manifest(1).content == published.manifest(2).content)
    }

    @Test(arguments: [1, 2, 6, 7, 8, 12, 29, 31]) func aSiteThatWasAwayCatchesUp(nights: Int) async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<300))
        try await published.sync()
        for night in 0..<nights {
            published.night()
            let first = 300 + night * 3
            try published.publish(
                ShardStudy.samples(first..<first + 3)
                    + ShardStudy.samples(night..<night + 1).changing(.studyDescription, to: "N\(night)"))
        }
        try await published.sync()
        #expect(try published.serves(nights + 1))
        #expect(try count(published, "SELECT count(*) FROM study") == 300 + nights * 3)
    }

    @Test func threeGenerationsAreKept() async throws {
        let published = try Published()
        for generation in 1...5 {
            try published.publish(ShardStudy.samples(generation * 10..<generation * 10 + 10))
            try await published.sync()
            published.night()
        }
        #expect(published.installed.generations == [3, 4, 5])
    }

    @Test func keysOfRowsAreNeverUsedAgain() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<30))
        published.night()
        let gone = ShardStudy(uid: "1.2.840.29", copies: [], goneFrom: [1, 2])
        try published.publish([gone])
        published.night()
        try published.publish(ShardStudy.samples(29..<31))
        try await published.sync()
        #expect(try published.serves(3))
        #expect(try count(published, "SELECT min(study_id) FROM study WHERE study_uid = '1.2.840.29'") == 31)
        #expect(try count(published, "SELECT count(*) FROM tombstone") == 1)
        // After ninety days nobody asks for it.
        published.now += 91 * 86_400
        try published.publish([])
        try await published.sync()
        #expect(try count(published, "SELECT count(*) FROM tombstone") == 0)
    }

    @Test func studiesOutsideOfTheScopeStayOutAndLeaveWithAge() async throws {
        let published = try Published()
        published.cutoff = DICOMDate("20210101")
        try published.publish([
            .sample("1.1", [.studyDate: "20201231"]), .sample("1.2", [.studyDate: "20210101"]),
            .sample("1.3", [.studyDate: ""]), .sample("1.4", at: [9], [.studyDate: "20220101"]),
        ])
        try await published.sync()
        #expect(try count(published, "SELECT count(*) FROM study") == 2)
        published.night()
        published.cutoff = DICOMDate("20210102")
        try published.publish([])
        try await published.sync()
        #expect(try count(published, "SELECT count(*) FROM study") == 1)
        #expect(try count(published, "SELECT count(*) FROM tombstone") == 0)
    }

    @Test func aMassDisappearanceWaitsForAPerson() async throws {
        let published = try Published()
        try published.publish((0..<1_000).map { .sample("1.\($0)") })
        published.night()
        let gone = (0..<21).map { ShardStudy(uid: "1.\($0)", copies: [], goneFrom: [1]) }
        #expect(throws: ShardError(.massDelete, "")) { try published.publish(gone) }
        #expect(try published.publish(Array(gone.dropLast())).deleted > 0)
        published.night()
        let more = (30..<60).map { ShardStudy(uid: "1.\($0)", copies: [], goneFrom: [1]) }
        try published.publish(more, accepting: ["a"])
        try await published.sync()
        #expect(try published.serves(3))
    }

    /// A database that was restored has another history: all of it is compared.
    @Test func aWholeReadingRemovesWhatItDoesNotShow() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<200))
        published.night()
        let report = try published.publish(ShardStudy.samples(5..<202), whole: true, origin: "restored")
        #expect(report.manifest.epoch == 1)
        try await published.sync()
        #expect(try published.serves(2))
        #expect(try count(published, "SELECT count(*) FROM study") == 197)
    }

    @Test func aPublisherThatLostItsStateBeginsANewEpochAboveTheOld() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<50))
        published.night()
        try published.publish(ShardStudy.samples(50..<60))
        try await published.sync()
        try FileManager.default.removeItem(atPath: published.root + "/state")
        published.night()
        let report = try published.publish(ShardStudy.samples(0..<70))
        #expect(report.manifest.epoch == 2 && report.manifest.generation == 3)
        try await published.sync()
        #expect(try published.serves(3))
    }

    @Test func aPublisherWhoseShardHasAnotherSchemaBeginsANewEpoch() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<50))
        try await published.sync()
        // As another version of Concord has left it.
        let file = published.root + "/state/north/1/manifest"
        var manifest = try published.manifest(1)
        manifest.schema = Digest.of([])
        let document = try SignedDocument(.manifest, manifest, signedBy: published.signingKey)
        try Data(document.bytes).write(to: URL(fileURLWithPath: file))
        try published.edit("north/manifest-1") { $0 = document.bytes }
        published.night()
        let report = try published.publish(ShardStudy.samples(0..<70))
        #expect(report.manifest.epoch == 2 && report.manifest.generation == 2)
        try await published.sync()
        #expect(try published.serves(2))
    }

    @Test func whatNoUnexpiredManifestNamesIsRemovedAndNothingElse() async throws {
        let published = try Published()
        for _ in 0..<40 {
            try published.publish(ShardStudy.samples(0..<20))
            published.night()
        }
        let removed = try PublishedDirectory(published.output, now: published.now).removeExpired()
        #expect(removed > 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: published.output + "/objects")
        var named: Set<String> = []
        for generation in 1...40 {
            guard let manifest = try? published.manifest(generation) else { continue }
            #expect(manifest.expires >= published.now)
            named.formUnion(manifest.objects.map(\.hex))
        }
        #expect(Set(names) == named)
        try await published.sync()
        #expect(try published.serves(40))
    }

    @Test func aSiteThatComesLaterOpensTheSnapshotAndOneThatLeftNoNewNight() async throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<300))
        try await published.sync()
        published.night()
        let newcomer = try SiteKey()
        published.sites = [newcomer.publicKey]
        try published.publish(ShardStudy.samples(300..<310))
        await #expect(throws: ShardError(.notForThisSite, "")) { try await published.sync() }
        #expect(try published.serves(1))
        let identity = SiteIdentity(name: "north-1", key: newcomer, trust: published.trust)
        try await published.sync(to: published.root + "/other", as: identity)
        #expect(ReplicaDirectory(root: published.root + "/other", shard: "north").currentGeneration == 2)
    }
}
