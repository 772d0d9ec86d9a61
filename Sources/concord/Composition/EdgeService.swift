import DIMSE
import EdgeShard
import Foundation
import QueryServer

/// `concord serve --edge`: QIDO-RS and C-FIND from a replica.
struct EdgeService: Sendable {
    let configuration: Configuration
    let global: GlobalOptions
    let directory: String

    func run() async throws {
        let replica = try configuration.replicaOrError()
        let atRest = AtRest(of: directory, isAccepted: replica.isAtRestAccepted)
        if let warning = atRest.warning { Terminal.complain(warning) }
        let catalog = ReplicaCatalog(root: directory, trust: try replica.trustedKeys())
        // No database is here to forward it to: it stays on disk.
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
        let endpoint = configuration.server.http
        var server = EdgeServer(
            host: endpoint.host, port: endpoint.port, replica: replica, atRest: atRest, metrics: metrics, audit: audit,
            admission: admission, tokens: tokens, logger: logger)
        server.tls = configuration.server.tls
        server.metricsAddress = configuration.server.metrics.map { ($0.host, $0.port) }
        server.origins = Set(configuration.server.origins)
        server.retrieveRoots = configuration.retrieveRoots
        let http = server
        guard let settings = configuration.server.dimse else { return try await serve(http) }
        var service = FindService(
            settings, catalog: EdgeServer.catalog(of: replica), metrics: metrics, audit: audit, admission: admission,
            tokens: tokens, logger: logger)
        service.around = { answer in
            try await replica.pinned { view in
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

    private func serve(_ server: EdgeServer) async throws {
        try await server.run { port in
            Terminal.complain("serving http://\(server.host):\(port)/dicom-web/studies")
        }
    }
}
