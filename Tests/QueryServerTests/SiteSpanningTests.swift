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

/// An edge site that asks its own PACS beside its replica.
@Suite struct SiteSpanningTests {
    private func search(
        _ site: Site, _ keyword: String, _ text: String, _ policy: SpanningPolicy = .auto
    ) async throws -> (answer: StudyAnswer, gaps: SpanningCatalog.Gaps) {
        var query = StudyQuery()
        query.keys = [try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text)]
        var terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
        terms.policy = policy
        return try await site.catalog.search(query, terms)
    }

    /// What has come since the night is shown, and is in the answers to other questions, too.
    @Test func whatTheReplicaDoesNotHaveIsAskedOfTheSitesPACS() async throws {
        try await Site.with { site in
            site.pacs.holds([.named("1.9", patient: "P9", description: "NEW")])
            let (answer, gaps) = try await search(site, "StudyInstanceUID", "1.9")
            #expect(answer.studies.map(\.record[.studyDescription]) == ["NEW"])
            #expect(answer.studies.map(\.holders) == [["OWN"]])
            #expect(gaps.isSpanned && gaps.absences.isEmpty)
            let (patients, _) = try await search(site, "StudyDescription", "NEW")
            #expect(patients.studies.map(\.record.studyInstanceUID) == ["1.9"])
            #expect(site.pacs.asked == 1)
        }
    }

    /// The other sources' copies are the replica's, and the live one is consolidated with them.
    @Test func aLiveCopyTakesThePlaceOfTheReplicas() async throws {
        try await Site.with { site in
            site.pacs.holds([.named("1.1", patient: "P1", description: "CORRECTED")])
            let (answer, _) = try await search(site, "StudyInstanceUID", "1.1", .always)
            #expect(answer.total == 1)
            #expect(answer.studies.map(\.record[.studyDescription]) == ["CORRECTED"])
            #expect(answer.studies.map(\.holders) == [["OWN", "OTHER"]])
        }
    }

    /// Promise 1: the replica goes on answering, and says who is missing.
    @Test func aPACSThatIsAwayIsNamedAndTheReplicaAnswers() async throws {
        try await Site.with { site in
            await site.pacs.stop()
            let (answer, gaps) = try await search(site, "StudyInstanceUID", "1.1", .always)
            #expect(answer.studies.map(\.record[.studyDescription]) == ["OLD"])
            #expect(gaps.absences.map(\.source) == ["own"])
            // It is left alone for a while.
            let (_, again) = try await search(site, "StudyInstanceUID", "1.2", .always)
            #expect(again.absences.map(\.reason) == ["resting after failures"])
        }
    }

    /// Broad questions are not asked live; what the generation rests on vouches for them.
    @Test func broadQuestionsAreTheReplicasAlone() async throws {
        try await Site.with { site in
            let (answer, gaps) = try await search(site, "PatientName", "MUELLER*")
            #expect(answer.total == 3)
            #expect(!gaps.isSpanned && gaps.unproven.isEmpty)
            #expect(site.pacs.asked == 0)
        }
    }

    /// No more than its share, counted at the door, whatever is asked at once.
    @Test func theShareOfTheBudgetIsKept() async throws {
        let rate = 25.0
        try await Site.with(queriesPerSecond: rate) { site in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { _ = try await search(site, "StudyInstanceUID", "1.7.\(number)") }
                }
                try await group.waitForAll()
            }
            let moments = site.pacs.moments
            #expect(moments.count == 10)
            #expect((moments.last ?? start) - start >= .seconds(9.5 / rate))
            for (first, second) in zip(moments, moments.dropFirst()) {
                #expect(second - first >= .seconds(0.5 / rate))
            }
        }
    }

    /// Their budget is one.
    @Test func onlyOneProcessAsks() async throws {
        try await Site.with { site in
            try site.replica.claimLiveQuestions()
            let other = ReplicaCatalog(root: site.directory + "/replica", trust: site.trust, threads: 1)
            #expect(throws: ShardError(.busy, "")) { try other.claimLiveQuestions() }
            await other.stop()
        }
    }
}

/// Two sources in a shard, of which one is the site's own PACS.
private struct Site: Sendable {
    let directory: String
    let trust: [VerifyingKey]
    let replica: ReplicaCatalog
    let pacs: OwnPACS
    let catalog: SpanningCatalog

    static func with(queriesPerSecond: Double = 1_000, _ body: @Sendable (Site) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-site-\(UUID())").path
        let pacs = try await OwnPACS.start()
        let trust = try await publish(directory)
        let replica = ReplicaCatalog(root: directory + "/replica", trust: trust, threads: 2)
        let peer = Peer(
            host: "127.0.0.1", port: pacs.port, called: try AETitle("OWN"), calling: try AETitle("CONCORD"))
        let source = SweepSource(id: 0, name: "own", peer: peer, associations: 1, maximumResults: nil)
        let access = SiteAccess(
            replica: replica, shares: ["own": BudgetShare(of: source, queriesPerSecond: queriesPerSecond)])
        let spanner = Spanner(
            sources: [SpanningSource(source: source, issuer: "HOSP")], access: access, logger: Logger(label: "test"))
        let catalog = EdgeServer.catalog(of: replica, spanner: spanner, today: { .latest })
        let site = Site(directory: directory, trust: trust, replica: replica, pacs: pacs, catalog: catalog)
        let result: Result<Void, any Error>
        do { result = .success(try await body(site)) } catch { result = .failure(error) }
        await pacs.stop()
        await replica.stop()
        try? FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    private static func publish(_ directory: String) async throws -> [VerifyingKey] {
        let now = Int(Date().timeIntervalSince1970)
        let (signingKey, siteKey) = (try SigningKey(), try SiteKey())
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
            horizon: "", origin: "test", isWhole: true)
        let draft = try publisher.draft(cut) { write in
            for number in 1...3 {
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
            site: SiteIdentity(name: "site", key: siteKey, trust: [signingKey.publicKey]),
            replica: directory + "/replica", origin: DirectoryOrigin(directory + "/out"), bytesPerSecond: nil,
            clock: now,
            report: { _ in })
        #expect(try await sync.run())
        return [signingKey.publicKey]
    }
}

extension StudyRecord {
    fileprivate static func named(_ uid: String, patient: String, description: String) -> StudyRecord {
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
private final class OwnPACS: Sendable {
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
