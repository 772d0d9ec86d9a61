import DICOM
import DIMSE
import EdgeShard
import Foundation
import Logging
import Spanning
import Sweep
import Synchronization
import Testing

@testable import QueryServer

/// Two sources in a shard, of which one is the site's own PACS.
struct Site: Sendable {
    let centre: PublishingCentre
    let replica: ReplicaCatalog
    let pacs: OwnPACS
    let catalog: SpanningCatalog

    static func with(queriesPerSecond: Double = 1_000, _ body: @Sendable (Site) async throws -> Void) async throws {
        let pacs = try await OwnPACS.start()
        let centre = try PublishingCentre()
        try await centre.publish(studies: 1...3)
        let replica = ReplicaCatalog(root: centre.replica, trust: centre.trust, threads: 2)
        let peer = Peer(
            host: "127.0.0.1", port: pacs.port, called: try AETitle("OWN"), calling: try AETitle("CONCORD"))
        let source = SweepSource(id: 0, name: "own", peer: peer, associations: 1, maximumResults: nil)
        let access = SiteAccess(
            replica: replica, shares: ["own": BudgetShare(of: source, queriesPerSecond: queriesPerSecond)])
        let spanner = Spanner(
            sources: [SpanningSource(source: source, issuer: "HOSP")], access: access, logger: Logger(label: "test"))
        let catalog = EdgeServer.catalog(of: replica, spanner: spanner, today: { .latest })
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(Site(centre: centre, replica: replica, pacs: pacs, catalog: catalog)))
        } catch { result = .failure(error) }
        await pacs.stop()
        await replica.stop()
        centre.remove()
        try result.get()
    }
}

/// Publishes one shard, and brings the site's replica to it.
struct PublishingCentre: Sendable {
    let directory: String
    private let signingKey: SigningKey
    private let siteKey: SiteKey

    static let secret = String(repeating: "ab", count: 32)
    static let key = "ck_0011_\(secret)_00"

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "concord-site-\(UUID())").path
        signingKey = try SigningKey()
        siteKey = try SiteKey()
    }

    var replica: String { directory + "/replica" }
    var trust: [VerifyingKey] { [signingKey.publicKey] }
    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// The next generation.
    func publish(studies: ClosedRange<Int>, keys: [String] = ["0011"]) async throws {
        let now = Int(Date().timeIntervalSince1970)
        let output = try PublishedDirectory(directory + "/out", now: now)
        let publisher = try ShardPublisher(
            ShardScope(name: "all", sources: ["own", "other"]), state: directory + "/state", output: output,
            signingKey: signingKey, sites: [siteKey.publicKey], freshFor: .seconds(86_400), now: now)
        let sources = ["own", "other"].enumerated().map { position, name in
            ShardSource(
                id: position + 1, name: name, aeTitle: name.uppercased(), issuer: "HOSP", priority: position + 1)
        }
        let cut = ShardCut(
            sources: sources, basis: sources.map { Manifest.Basis(source: $0.name, verified: now - 8 * 3_600) },
            keys: keys.map { Manifest.Key(id: $0, hash: Digest.of(Array(Self.secret.utf8)), scopes: ["query"]) },
            horizon: "", origin: "test", isWhole: true)
        let draft = try publisher.draft(cut) { write in
            for number in studies {
                let record = StudyRecord.named("1.\(number)", patient: "P\(number)", description: "OLD")
                try write(
                    ShardStudy(
                        uid: "1.\(number)",
                        copies: [1, 2].map { ShardStudy.Copy(source: $0, issuer: "HOSP", record: record) }))
            }
        }
        _ = try publisher.publish(draft)
        try output.publish(
            Subscription(site: "site", shards: ["all"], created: now, expires: now + 86_400), signedBy: signingKey)
        let sync = ReplicaSync(
            site: SiteIdentity(name: "site", key: siteKey, trust: trust), replica: replica,
            origin: DirectoryOrigin(directory + "/out"), bytesPerSecond: nil, clock: now, report: { _ in })
        #expect(try await sync.run())
    }
}

extension StudyRecord {
    static func named(_ uid: String, patient: String, description: String) -> StudyRecord {
        var record = StudyRecord()
        let values: [DICOM.Tag: String] = [
            .studyInstanceUID: uid, .patientID: patient, .patientName: "MUELLER^ANNA", .studyDate: "20200315",
            .studyDescription: description,
        ]
        for (tag, value) in values { record[tag] = value }
        return record
    }
}

/// A PACS that finds studies by UID, and notes when it was asked.
final class OwnPACS: Sendable {
    private struct State {
        var records: [StudyRecord] = []
        var moments: [ContinuousClock.Instant] = []
    }
    private let state = Mutex(State())
    private let server = Mutex<SCPServer?>(nil)

    static func start() async throws -> OwnPACS {
        let pacs = OwnPACS()
        let server = try await SCPServer.start(SCPConfiguration()) { request, responder in
            let records = pacs.state.withLock { state in
                state.moments.append(.now)
                return state.records
            }
            let wanted = request.identifier.text(.studyInstanceUID) ?? ""
            for record in records where wanted.isEmpty || record.studyInstanceUID == wanted {
                var dataSet = DataSet()
                dataSet.set(.queryRetrieveLevel, "STUDY")
                for attribute in AttributeDictionary.observation {
                    if let text = record[attribute.tag] { dataSet.set(attribute.tag, text) }
                }
                try await responder.send(dataSet)
            }
            return .success
        }
        pacs.server.withLock { $0 = server }
        return pacs
    }

    var port: Int { server.withLock { $0?.port ?? 0 } }
    var asked: Int { moments.count }
    var moments: [ContinuousClock.Instant] { state.withLock { $0.moments } }
    func holds(_ records: [StudyRecord]) { state.withLock { $0.records = records } }
    func stop() async { await server.withLock { $0 }?.stop() }
}
