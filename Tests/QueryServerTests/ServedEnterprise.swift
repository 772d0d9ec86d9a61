import DICOM
import DIMSE
import Foundation
import Logging
import PACSSimulator
import PostgresClient
import Spanning
import StudyIndex
import Sweep
import TestCluster
import Testing

@testable import QueryServer

/// Two simulated PACS, an index that has swept them, and a server before both.
struct ServedEnterprise: Sendable {
    let index: StudyIndex
    let enterprise: Enterprise
    /// By name.
    let pacs: [String: SimulatedPACS]
    let catalog: SpanningCatalog
    let find: SCPServer
    let metrics: ServerMetrics
    let audit: AuditSpool

    static let today = DICOMDate(year: 2026, month: 11, day: 24) ?? .latest
    static let names = ["pacs-a", "pacs-g"]

    /// - Parameters:
    ///   - sweeps: whether the index has seen the sources before.
    ///   - names: the sources; what a probe would find of relational questions is known.
    ///   - temper: what the sources are like, by name.
    static func with(
        sweeps: Bool = true, names: [String] = names, freshness: Freshness = Freshness(maximumAge: .seconds(3_600)),
        temper: [String: @Sendable (inout Temper) -> Void] = [:],
        _ adjust: (inout FindService.Settings) throws -> Void = { _ in },
        _ body: @Sendable (ServedEnterprise) async throws -> Void
    ) async throws {
        let enterprise = Enterprise(seed: 21, studies: 1_500)
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID())").path
        let pool = PostgresPool(connectionString: try await TestCluster.shared.database(), size: 8)
        var pacs: [String: SimulatedPACS] = [:]
        for (position, profile) in enterprise.sources.enumerated() where names.contains(profile.name) {
            let tempered = temper[profile.name].map { profile.tempered($0) } ?? profile
            pacs[profile.name] = try await SimulatedPACS.start(tempered, copies: enterprise.copies(at: position))
        }
        let running = pacs
        var settings = FindService.Settings(aeTitle: try AETitle("CONCORD"))
        settings.port = 0
        settings.deadline = .seconds(20)
        settings.peers = [FindPeer(aeTitle: try AETitle("WS1"))]
        try adjust(&settings)
        let adjusted = settings
        func end() async {
            for each in running.values { await each.stop() }
            await pool.close()
            try? FileManager.default.removeItem(atPath: directory)
        }
        do {
            let index = StudyIndex(pool: pool)
            try await index.migrate()
            let sources = try await sources(running, in: index)
            try await AssociationPool.with(index: index) { associations in
                let logger = Logger(label: "test")
                if sweeps {
                    let sweep = SweepRun(
                        job: "test", sources: sources.map(\.source), scope: .dates(DateRange(lower: nil, upper: nil)),
                        pool: associations, today: today, logger: logger)
                    _ = try await sweep.run { _ in }
                }
                let metrics = ServerMetrics()
                let spanner = Spanner(sources: sources, pool: associations, logger: logger)
                let catalog = SpanningCatalog(
                    catalog: index, spanner: spanner, freshness: freshness, today: { today })
                let audit = try AuditSpool(directory: directory + "/audit")
                let find = try await FindService(
                    adjusted, catalog: catalog, metrics: metrics, audit: audit, tokens: LogTokens(key: [1]),
                    logger: logger
                ).start()
                do {
                    try await body(
                        ServedEnterprise(
                            index: index, enterprise: enterprise, pacs: running, catalog: catalog, find: find,
                            metrics: metrics, audit: audit))
                } catch {
                    await find.stop()
                    throw error
                }
                await find.stop()
            }
        } catch {
            await end()
            throw error
        }
        await end()
    }

    private static func sources(
        _ pacs: [String: SimulatedPACS], in index: StudyIndex
    ) async throws -> [SpanningSource] {
        let running = pacs.values.sorted { $0.profile.name < $1.profile.name }
        let ids = try await index.register(
            running.map {
                SourceDefinition(
                    name: $0.profile.name, aeTitle: $0.profile.aeTitle, host: "127.0.0.1", port: $0.port,
                    issuer: $0.profile.issuer, priority: $0.profile.priority,
                    limits: SourceLimits(queriesPerSecond: 500, associations: 4))
            })
        return try running.map { pacs in
            var peer = Peer(
                host: "127.0.0.1", port: pacs.port, called: try AETitle(pacs.profile.aeTitle),
                calling: try AETitle("CONCORD"), defaultCharacterSet: .latin1)
            peer.timeouts.connect = .seconds(2)
            var source = SweepSource(
                id: try #require(ids[pacs.profile.name]), name: pacs.profile.name, peer: peer, associations: 4,
                maximumResults: nil)
            source.capabilities.relationalSeries = pacs.profile.temper.takesRelationalQuestions ? .works : .refused
            return SpanningSource(source: source, issuer: pacs.profile.issuer)
        }
    }

    func ask(
        _ level: QueryLevel, _ keys: [DICOM.Tag: String], model: FindModel = .studyRoot, calling: String = "WS1",
        asking options: QueryOptions = .relational, cancelAfter: Int? = nil
    ) async throws -> Workstation.Answer {
        try await Workstation(port: find.port, calling: calling).ask(
            level, keys, model: model, asking: options, cancelAfter: cancelAfter)
    }
}

/// Asks a server of this machine by C-FIND.
struct Workstation {
    var port: Int
    var calling: String

    struct Answer {
        var matches: [DataSet] = []
        var keysUnsupported = false
        /// 0: Success.
        var status: UInt16 = 0
    }

    func ask(
        _ level: QueryLevel, _ keys: [DICOM.Tag: String], model: FindModel = .studyRoot,
        asking options: QueryOptions = .relational, cancelAfter: Int? = nil
    ) async throws -> Answer {
        let association = try await Association.open(
            to: Peer(host: "127.0.0.1", port: port, called: try AETitle("CONCORD"), calling: try AETitle(calling)),
            asking: options)
        var identifier = DataSet()
        identifier.set(.specificCharacterSet, "ISO_IR 192")
        identifier.set(.queryRetrieveLevel, level.rawValue)
        for attribute in AttributeDictionary.all where attribute.isReturnKey(at: level) {
            identifier.setEmpty(attribute.tag)
        }
        for (tag, value) in keys { identifier.set(tag, value) }
        var answer = Answer()
        do {
            let responses = association.find(identifier, model: model)
            for try await response in responses {
                answer.matches.append(try response.dataSet())
                answer.keysUnsupported = answer.keysUnsupported || response.keysUnsupported
                if answer.matches.count == cancelAfter { responses.cancel() }
            }
        } catch let error as DIMSEError {
            answer.status = error.status ?? 0xFFFF
        }
        await association.release()
        return answer
    }
}
