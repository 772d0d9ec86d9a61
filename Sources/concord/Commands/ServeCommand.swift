import ArgumentParser
import DIMSE
import Foundation
import Logging
import QueryServer
import Spanning
import StudyIndex
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
            try await OpenAudit.with(configuration, open.index, logger) { audit in
                try await serve(configuration, open, audit, logger)
            }
        }
    }

    private func serve(
        _ configuration: Configuration, _ open: OpenSources, _ audit: AuditSpool, _ logger: Logger
    ) async throws {
        try await audit.append(AuditRecord(.start, command: "serve", try configuration.fingerprint))
        let spanner = Spanner(sources: open.spanning(configuration), pool: open.pool, logger: logger)
        let catalog = SpanningCatalog(
            catalog: open.index, spanner: spanner, freshness: configuration.server.freshness, today: { .today() })
        let metrics = ServerMetrics()
        let admission = Admission()
        let tokens = try LogTokens(keyFile: configuration.dataDirectory + "/log.key")
        let server = QueryServer(
            configuration.httpSettings, index: open.index, catalog: catalog, metrics: metrics, audit: audit,
            admission: admission, tokens: tokens, logger: logger)
        guard let settings = configuration.server.dimse else { return try await serve(server, configuration) }
        let find = try await FindService(
            settings, catalog: catalog, metrics: metrics, audit: audit, admission: admission, tokens: tokens,
            logger: logger
        ).start()
        Terminal.complain("answering C-FIND as \(settings.aeTitle.value) on \(settings.host):\(find.port)")
        do {
            try await serve(server, configuration)
        } catch {
            await find.stop()
            throw error
        }
        await find.stop()
    }

    private func serve(_ server: QueryServer, _ configuration: Configuration) async throws {
        try await server.run { port in Terminal.complain("serving \(configuration.url(port: port))") }
    }
}

extension OpenSources {
    fileprivate func spanning(_ configuration: Configuration) -> [SpanningSource] {
        chosen.map { source in
            let configured = configuration.sources.first { $0.name == source.name }
            return SpanningSource(
                source: source, issuer: configured?.issuer ?? "",
                facilities: Set((configured?.facilities ?? []).map(\.facility)))
        }
    }
}

extension Configuration {
    /// Which configuration a server has started with: SHA-256 of the file.
    fileprivate var fingerprint: String {
        get throws { "configuration " + hex(SHA256.hash([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))) }
    }

    /// How HTTP is served, by a centre and by an edge site.
    var httpSettings: HTTPSettings {
        var settings = HTTPSettings(host: server.http.host, port: server.http.port)
        settings.metricsAddress = server.metrics.map { ($0.host, $0.port) }
        settings.origins = Set(server.origins)
        settings.tls = server.tls
        settings.deadline = server.deadline
        settings.retrieveRoots = Dictionary(
            sources.compactMap { source in source.wadoRoot.map { (source.peer.called.value, $0) } },
            uniquingKeysWith: { first, _ in first })
        return settings
    }

    /// Where studies are found.
    func url(port: Int) -> String {
        "\(server.tls == nil ? "http" : "https")://\(server.http.host):\(port)/dicom-web/studies"
    }
}
