import DICOM
import Foundation
import SearchSuite
import Synchronization

@testable import EdgeShard

/// A publisher, its directory, and one site, below a temporary directory; time is the test's.
final class Published {
    static let sources = [
        ShardSource(id: 1, name: "a", aeTitle: "PACSA", issuer: "HOSP", priority: 1),
        ShardSource(id: 2, name: "b", aeTitle: "PACSB", issuer: "HOSP", priority: 2),
        ShardSource(id: 3, name: "c", aeTitle: "PACSC", issuer: "OTHER", priority: 3),
    ]
    /// 2026-11-25, 12:00.
    static let noon = 1_795_608_000

    let root: String
    var now = noon
    var signingKey: SigningKey
    let siteKey: SiteKey
    var sites: [SitePublicKey]
    var trust: [VerifyingKey]
    var cutoff: DICOMDate?
    var cutSources = sources
    private(set) var digests: [Int: Digest] = [:]

    var output: String { root + "/out" }
    var replica: String { root + "/replica" }

    init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "concord-shard-\(UUID().uuidString)").path
        signingKey = try SigningKey()
        siteKey = try SiteKey()
        sites = [siteKey.publicKey]
        trust = [signingKey.publicKey]
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Publishes what has changed; or, with `whole`, all that there is.
    @discardableResult
    func publish(
        _ studies: [ShardStudy], whole: Bool? = nil, accepting: Set<String> = [], origin: String = "db"
    ) throws -> ShardPublisher.Report {
        let directory = try PublishedDirectory(output, now: now)
        let publisher = try ShardPublisher(
            ShardScope(name: "north", sources: cutSources.map(\.name), cutoff: cutoff), state: root + "/state/north",
            output: directory, signingKey: signingKey, sites: sites, acceptedDeletes: accepting,
            freshFor: .seconds(3 * 86_400), now: now)
        let horizon = try publisher.horizon(of: origin)
        let cut = ShardCut(
            sources: cutSources, basis: cutSources.map { Manifest.Basis(source: $0.name, run: 1, verified: now) },
            horizon: "\(now)", origin: origin, isWhole: whole ?? (horizon == nil))
        let report = try publisher.publish(
            try publisher.draft(cut) { write in for study in studies { try write(study) } })
        try directory.publish(
            Subscription(site: "north-1", shards: ["north"], created: now, expires: now + 3 * 86_400),
            signedBy: signingKey)
        return report
    }

    func night() { now += 86_400 }

    var identity: SiteIdentity { SiteIdentity(name: "north-1", key: siteKey, trust: trust) }
    var installed: ReplicaDirectory { ReplicaDirectory(root: replica, shard: "north") }

    /// What a sync said; it throws what ended it for the shard.
    @discardableResult
    func sync(
        from origin: (any ShardOrigin)? = nil, to replica: String? = nil, as identity: SiteIdentity? = nil
    ) async throws -> [ReplicaSync.Event] {
        let events = Mutex<[ReplicaSync.Event]>([])
        var sync = ReplicaSync(
            site: identity ?? self.identity, replica: replica ?? self.replica,
            origin: origin ?? DirectoryOrigin(output), bytesPerSecond: nil, clock: now,
            report: { event in events.withLock { $0.append(event) } })
        sync.retry.clock = NoWaiting()
        _ = try await sync.run()
        let all = events.withLock { $0 }
        for case .failed(_, let error) in all { throw error }
        return all
    }

    /// Whether what is served is this generation, whole.
    func serves(_ generation: Int) throws -> Bool {
        guard installed.currentGeneration == generation, let bytes = installed.manifestBytes(generation) else {
            return false
        }
        let manifest = try SignedDocument(.manifest, bytes: bytes).body(Manifest.self, trusting: trust)
        try ShardFile.check(installed.shardFile(generation), against: manifest)
        return true
    }

    func edit(_ relative: String, _ change: (inout [UInt8]) throws -> Void) throws {
        let path = "\(output)/\(relative)"
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        try change(&bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    func manifest(_ generation: Int) throws -> Manifest {
        let bytes = Array(
            try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(Layout.manifest("north", generation))")))
        return try SignedDocument(.manifest, bytes: bytes).uncheckedBody(Manifest.self)
    }
}

/// Every pause is over at once.
struct NoWaiting: Clock {
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
    var now: ContinuousClock.Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }
}

extension ShardStudy {
    static func sample(
        _ uid: String, at sources: [Int] = [1], _ changes: [DICOM.Tag: String?] = [:], series: Int = 0
    ) -> ShardStudy {
        ShardStudy(
            uid: uid,
            copies: sources.map { source in
                Copy(source: source, issuer: source == 3 ? "OTHER" : "HOSP", record: .sample(uid, changes))
            },
            series: (0..<series).map { number in
                Series(
                    source: sources[0],
                    record: SeriesRecord(texts: [
                        "\(uid).\(number)", uid, "CT", "\(number)", "AXIAL", nil, "", nil, "7",
                    ]))
            })
    }

    /// Studies of some years, of patients that come again.
    static func samples(_ numbers: Range<Int>) -> [ShardStudy] {
        numbers.map { number in
            let names = ["MUELLER^ANNA", "Müller^Jörg", "YAMADA^TARO=山田^太郎", "SCHMIDT^KARL", "O'NEIL^MARY"]
            let day = DICOMDate(year: 2020, month: 1, day: 1)?.adding(days: number % 2_000).da ?? ""
            return sample(
                "1.2.840.\(number)", at: number % 3 == 0 ? [1, 2] : [1 + number % 2],
                [
                    .patientID: "P\(number % 97)", .patientName: names[number % names.count], .studyDate: day,
                    .accessionNumber: "A\(number)",
                ], series: number % 3)
        }
    }
}

extension [ShardStudy] {
    func changing(_ tag: DICOM.Tag, to text: String) -> [ShardStudy] {
        map { study in
            var study = study
            for position in study.copies.indices { study.copies[position].record[tag] = text }
            return study
        }
    }
}
