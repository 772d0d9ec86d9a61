import DIMSE
import EdgeShard
import Foundation
import Logging
import QueryServer
import Spanning
import Sweep

/// `concord serve --edge`: QIDO-RS and C-FIND from a replica.
struct EdgeService: Sendable {
    let configuration: Configuration
    let global: GlobalOptions
    let directory: String

    func run() async throws {
        let replica = try configuration.replicaOrError()
        let atRest = AtRest(of: directory, isAccepted: replica.isAtRestAccepted)
        if let warning = atRest.warning { Terminal.complain(warning) }
        let catalog = ReplicaCatalog(
            root: directory, trust: try replica.trustedKeys(), ownSources: configuration.sources.map(\.shardSource))
        // No database is here to forward it to: `concord audit collect` does so in the centre.
        let audit = try AuditSpool(directory: configuration.dataDirectory + "/audit")
        func end() async {
            await catalog.stop()
            await audit.close()
        }
        do { try await serve(catalog, atRest, audit) } catch {
            await end()
            throw error
        }
        await end()
    }

    private func serve(_ replica: ReplicaCatalog, _ atRest: AtRest, _ audit: AuditSpool) async throws {
        for shard in try replica.view().shards { Terminal.complain(shard.summary) }
        let (logger, metrics) = (global.logger("concord.serve"), ServerMetrics())
        let (admission, tokens) = (Admission(), try LogTokens(keyFile: configuration.dataDirectory + "/log.key"))
        let catalog = EdgeServer.catalog(
            of: replica, spanner: spanner(beside: replica, logger), freshness: configuration.server.freshness,
            today: { .today() })
        let http = EdgeServer(
            configuration.httpSettings, replica: replica, catalog: catalog, atRest: atRest, metrics: metrics,
            audit: audit, admission: admission, tokens: tokens, logger: logger)
        guard let settings = configuration.server.dimse else { return try await serve(http) }
        var service = FindService(
            settings, catalog: catalog, metrics: metrics, audit: audit, admission: admission, tokens: tokens,
            logger: logger)
        let readings = PinnedReadings()
        service.around = { association, answer in
            let earlier = readings.view(for: .association(association))
            return try await replica.pinned(to: earlier) { view in
                if earlier == nil { readings.begin(.association(association), with: view) }
                var status = try await answer()
                // Success says what it rests on too.
                status.errorComment = status.errorComment ?? view.comment(at: .now)
                return status
            }
        }
        let find = try await service.start()
        Terminal.complain("answering C-FIND as \(settings.aeTitle.value) on \(settings.host):\(find.port)")
        do { try await serve(http) } catch {
            await find.stop()
            throw error
        }
        await find.stop()
    }

    /// Asks the site's own PACS of which it has a share; nil: there are none, or another process of this replica spends it.
    private func spanner(beside replica: ReplicaCatalog, _ logger: Logger) -> Spanner? {
        let own = configuration.sources.enumerated().compactMap { number, source in
            source.edgeShare.map { share in
                var asked = source.sweepSource(id: Int32(number))
                asked.associations = 1
                return (source: SpanningSource(source: asked, issuer: source.issuer), share: share)
            }
        }
        guard !own.isEmpty else { return nil }
        do { try replica.claimLiveQuestions() } catch {
            Terminal.complain("\(error); this one asks no PACS")
            return nil
        }
        let shares = own.map { own in
            (own.source.source.name, BudgetShare(of: own.source.source, queriesPerSecond: own.share))
        }
        return Spanner(
            sources: own.map(\.source),
            access: SiteAccess(replica: replica, shares: Dictionary(shares, uniquingKeysWith: { $1 })), logger: logger)
    }

    private func serve(_ server: EdgeServer) async throws {
        try await server.run { port in Terminal.complain("serving \(configuration.url(port: port))") }
    }
}

extension SourceConfiguration {
    /// As it is described where no shard has it.
    fileprivate var shardSource: ShardSource {
        ShardSource(id: 0, name: name, aeTitle: peer.called.value, issuer: issuer, priority: priority)
    }
}
