import DICOM
import Foundation
import SearchSuite
import Synchronization
import Testing

@testable import EdgeShard

@Suite struct AttackTests {
    private func sync(_ forge: Forge, clock: Int? = nil, trust: [VerifyingKey]? = nil) async throws {
        let events = Mutex<[ReplicaSync.Event]>([])
        var sync = ReplicaSync(
            site: SiteIdentity(name: "north-1", key: forge.siteKey, trust: trust ?? [forge.key.publicKey]),
            replica: forge.root + "/replica", origin: DirectoryOrigin(forge.output), bytesPerSecond: nil,
            clock: clock ?? forge.now, report: { event in events.withLock { $0.append(event) } })
        sync.retry.clock = NoWaiting()
        sync.retry.attempts = 3
        _ = try await sync.run()
        for case .failed(_, let error) in events.withLock({ $0 }) { throw error }
    }

    /// A replica at a generation of the genuine shard: its timestamp is signed again for it.
    private func replica(at generation: Int, _ forge: Forge) async throws {
        let genuine = try forge.bytes(forge.timestamp)
        let digest = Digest.of(try forge.bytes(Layout.manifest("north", generation)))
        try forge.signTimestamp {
            $0.generation = generation
            $0.manifest = digest
        }
        try await sync(forge)
        try forge.write(genuine, to: forge.timestamp)
    }

    private func installed(_ forge: Forge) -> (generation: Int?, shard: Digest?) {
        let directory = ReplicaDirectory(root: forge.root + "/replica", shard: "north")
        let generation = directory.currentGeneration
        let file = directory.shardFile(generation ?? 0)
        return (generation, (try? Data(contentsOf: URL(fileURLWithPath: file))).map { Digest.of(Array($0)) })
    }

    /// L6: nothing corrupt, forged or older is installed; the old generation goes on being served; and afterwards the genuine
    /// one is still accepted.
    @Test(arguments: Attack.all) func itIsRefused(attack: Attack) async throws {
        let base = try AttackedShard.made.get()
        let forge = try Forge(base)
        try await replica(at: attack.site, forge)
        let before = installed(forge)
        #expect(before.generation == attack.site)
        try attack.change(forge)
        do {
            try await sync(forge)
            Issue.record("it was not refused")
        } catch let error as ShardError {
            #expect(attack.codes.contains(error.code), "\(error.code): \(error)")
        }
        #expect(installed(forge) == before)
        guard !attack.isByKeyHolder else { return }
        try FileManager.default.removeItem(atPath: forge.output)
        try FileManager.default.copyItem(atPath: base.root + "/out", toPath: forge.output)
        try await sync(forge)
        #expect(installed(forge).generation == 3)
    }

    @Test func thereAreMoreThanForty() { #expect(Attack.all.count >= 40) }

    @Test func whileKeysChangeASiteTrustsBothAndThenTheNewOne() async throws {
        let forge = try Forge(try AttackedShard.made.get())
        try await replica(at: 2, forge)
        try forge.signManifest(by: forge.stranger) { _ in }
        try forge.signTimestamp(by: forge.stranger) { _ in }
        await #expect(throws: ShardError(.unknownKey, "")) { try await sync(forge) }
        #expect(installed(forge).generation == 2)
        try await sync(forge, trust: [forge.key.publicKey, forge.stranger.publicKey])
        #expect(installed(forge).generation == 3)
    }

    /// A clock that was set back thaws nothing.
    @Test func timeDoesNotGoBehindTheNewestSignedMoment() async throws {
        let forge = try Forge(try AttackedShard.made.get())
        try await replica(at: 2, forge)
        let now = forge.now
        try forge.signTimestamp {
            $0.created = now - 40 * 86_400
            $0.expires = now - 30 * 86_400
        }
        await #expect(throws: ShardError(.expired, "")) { try await sync(forge, clock: now - 35 * 86_400) }
    }

    @Test func aDamagedOrOlderRecordOfWhatWasAcceptedIsNoWayBack() async throws {
        let forge = try Forge(try AttackedShard.made.get())
        let record = URL(fileURLWithPath: forge.root + "/replica/north/accepted")
        try await replica(at: 1, forge)
        let old = try Data(contentsOf: record)
        try await sync(forge)
        for damaged in [old, Data("nonsense".utf8), Data()] {
            try damaged.write(to: record)
            let genuine = try forge.bytes(forge.timestamp)
            let digest = Digest.of(try forge.bytes(Layout.manifest("north", 2)))
            try forge.signTimestamp {
                $0.generation = 2
                $0.manifest = digest
            }
            await #expect(throws: ShardError(.rollback, "")) { try await sync(forge) }
            try forge.write(genuine, to: forge.timestamp)
            try await sync(forge)
        }
        try FileManager.default.removeItem(at: record)
        try await sync(forge)
        #expect(installed(forge).generation == 3)
    }

    /// Mutations of every published file, from a seed. CONCORD_MUTATIONS plays more of them (`scripts/attack-shards`).
    @Test func noMutatedManifestOrObjectIsInstalled() async throws {
        let forge = try Forge(try AttackedShard.made.get())
        try await replica(at: 2, forge)
        let before = installed(forge)
        let envelope = try forge.delta().envelope
        let paths = [
            forge.timestamp, forge.manifest, forge.subscription, Layout.object(envelope),
            Layout.object(try forge.delta().digest),
        ]
        let genuine = Dictionary(uniqueKeysWithValues: try paths.map { ($0, try forge.bytes($0)) })
        let count = ProcessInfo.processInfo.environment["CONCORD_MUTATIONS"].flatMap { Int($0) } ?? 2_000
        var mutator = Mutator(seed: UInt64(count))
        for number in 0..<count {
            let path = paths[number % paths.count]
            guard let bytes = genuine[path] else { continue }
            let mutated = mutator.mutate(bytes)
            try forge.write(mutated, to: path)
            do {
                try await sync(forge)
                Issue.record("mutation \(number) of \(path) was installed")
            } catch is ShardError {}
            #expect(installed(forge) == before)
            try forge.write(bytes, to: path)
        }
        try await sync(forge)
        #expect(installed(forge).generation == 3)
    }
}

/// Changes bytes as broken disks, links and attackers do; never into the same bytes.
struct Mutator {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    mutating func mutate(_ genuine: [UInt8]) -> [UInt8] {
        var bytes = genuine
        repeat {
            for _ in 0...Int.random(in: 0...2, using: &random) { change(&bytes) }
        } while bytes == genuine
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes.append(0) }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 3: bytes.removeLast(bytes.count - at)
        case 4: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        case 5: bytes.remove(at: at)
        case 6: bytes += bytes.prefix(Int.random(in: 1...64, using: &random))
        default:
            let other = Int.random(in: 0..<bytes.count, using: &random)
            bytes.swapAt(at, other)
            if bytes[at] == bytes[other] { bytes[at] &+= 1 }
        }
    }
}
