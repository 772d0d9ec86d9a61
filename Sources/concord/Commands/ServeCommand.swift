import ArgumentParser
import DIMSE
import QueryServer
import Spanning
import Sweep

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the index over QIDO-RS and C-FIND until stopped; ask the PACS for what it cannot vouch for.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Serve this replica of edge shards instead of the database.") var edge: String?

    func run() async throws {
        OpenFiles.raiseLimit()
        let configuration = try global.configuration()
        if let edge {
            return try await EdgeService(configuration: configuration, global: global, directory: edge).run()
        }
        let logger = global.logger("concord.serve")
        try await OpenSources.with(configuration, connections: 16) { open in
            let spanner = Spanner(sources: open.spanning(configuration), pool: open.pool, logger: logger)
            let catalog = SpanningCatalog(
                catalog: open.index, spanner: spanner, freshness: configuration.server.freshness, today: { .today() })
            let metrics = ServerMetrics()
            var server = QueryServer(
                host: configuration.server.http.host, port: configuration.server.http.port, index: open.index,
                catalog: catalog, metrics: metrics, logger: logger)
            server.metricsAddress = configuration.server.metrics.map { ($0.host, $0.port) }
            server.origins = Set(configuration.server.origins)
            server.deadline = configuration.server.deadline
            server.retrieveRoots = configuration.retrieveRoots
            let http = server
            guard let settings = configuration.server.dimse else { return try await serve(http, configuration) }
            let find = try await FindService(settings, catalog: catalog, metrics: metrics, logger: logger).start()
            Terminal.complain("answering C-FIND as \(settings.aeTitle.value) on \(settings.host):\(find.port)")
            do {
                try await serve(http, configuration)
            } catch {
                await find.stop()
                throw error
            }
            await find.stop()
        }
    }

    private func serve(_ server: QueryServer, _ configuration: Configuration) async throws {
        try await server.run { port in
            Terminal.complain("serving http://\(configuration.server.http.host):\(port)/dicom-web/studies")
        }
    }
}

extension OpenSources {
    fileprivate func spanning(_ configuration: Configuration) -> [SpanningSource] {
        chosen.map { source in
            let issuer = configuration.sources.first { $0.name == source.name }?.issuer ?? ""
            return SpanningSource(source: source, issuer: issuer)
        }
    }
}

extension Configuration {
    /// Of sources whose studies can be retrieved by DICOMweb, by AE title.
    var retrieveRoots: [String: String] {
        Dictionary(
            sources.compactMap { source in source.wadoRoot.map { (source.peer.called.value, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
