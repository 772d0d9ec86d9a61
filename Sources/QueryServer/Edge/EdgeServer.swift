import DICOM
import EdgeShard
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Spanning
import StudyIndex

/// The HTTP server of an edge site: QIDO-RS from a replica, without a database. Every answer comes from one generation of
/// each shard, and names it.
package struct EdgeServer: Sendable {
    package var host: String
    /// 0: any free port; `onListening` says which.
    package var port: Int
    /// Web origins that may ask, as `https://viewer.example`.
    package var origins: Set<String> = []
    /// Where Prometheus finds `/metrics`; nil: nowhere.
    package var metricsAddress: (host: String, port: Int)?
    /// Roots of DICOMweb services to which retrieval is redirected, by AE title.
    package var retrieveRoots: [String: String] = [:]
    /// nil: not encrypted.
    package var tls: ServerTLS?
    private let replica: ReplicaCatalog
    private let atRest: AtRest
    private let metrics: ServerMetrics
    private let audit: AuditSpool
    private let admission: Admission
    private let tokens: LogTokens
    private let logger: Logger

    package init(
        host: String, port: Int, replica: ReplicaCatalog, atRest: AtRest, metrics: ServerMetrics, audit: AuditSpool,
        admission: Admission = Admission(), tokens: LogTokens, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.replica = replica
        self.atRest = atRest
        self.metrics = metrics
        self.audit = audit
        self.admission = admission
        self.tokens = tokens
        self.logger = logger
    }

    /// Serves until the task is cancelled or the process is asked to stop.
    package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        var application = Application(
            router: makeRouter(),
            server: try HTTPBounds().server(tls),
            configuration: HTTPBounds.configuration(host, port),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        if let metricsAddress {
            application.addServices(
                Application(
                    router: makeMetricsRouter(),
                    server: try HTTPBounds().server(nil),
                    configuration: HTTPBounds.configuration(metricsAddress.host, metricsAddress.port),
                    logger: logger))
        }
        try await application.runService()
    }

    /// What a replica vouches for, with nobody to be asked beside it.
    package static func catalog(of replica: ReplicaCatalog) -> SpanningCatalog {
        SpanningCatalog(
            catalog: replica, spanner: nil, unproven: { query in try replica.view().unproven(for: query, now: .now) },
            today: { .latest })
    }

    private func makeRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMetrics(metrics: metrics))
        router.add(middleware: CrossOrigin(origins: origins))
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        router.add(middleware: AllowedMethods())
        router.get("/healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("/readyz") { _, _ in readiness() }
        let web = protected(router).group("/dicom-web")
        let catalog = Self.catalog(of: replica)
        SearchRoutes(catalog: catalog, metrics: metrics, deadline: .zero).add(to: web)
        RetrieveRoutes(catalog: catalog, roots: retrieveRoots, deadline: .zero).add(to: web)
        return router
    }

    private func makeMetricsRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        protected(router).get("/metrics", needs: .metrics) { _, _ in
            var response = Response.text(.ok, metrics.exposition() + (try gauges()))
            response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        }
        return router
    }

    private func protected(_ router: Router<ServerContext>) -> ProtectedRoutes {
        ProtectedRoutes(
            router, around: PinnedGenerations(replica: replica), audit: audit,
            authentication: ReplicaAuthentication(replica: replica), admission: admission)
    }

    // MARK: How it is

    /// Stale shards are served, so that it is ready with them; what is wrong is said.
    private func readiness() -> Response {
        do {
            let view = try replica.view()
            var lines = view.shards.map { shard in
                "\(shard.summary)\(shard.isFresh(at: .now) ? "" : ": stale, nothing newer has been published or fetched")"
            }
            if let warning = atRest.warning { lines.append(warning) }
            return Response.text(.ok, lines.joined(separator: "\n") + "\n")
        } catch {
            return Response.text(.serviceUnavailable, "\(error)\n")
        }
    }

    private func gauges() throws -> String {
        let shards = try replica.view().shards
        func gauge(_ name: String, _ help: String, _ value: (OpenShard) -> Int) -> String {
            ServerMetrics.header(name, type: "gauge", help: help)
                + shards.map { shard in
                    let label = ServerMetrics.Label(name: "shard", value: shard.manifest.shard)
                    return "\(name)\(ServerMetrics.braces([label])) \(value(shard))\n"
                }.joined()
        }
        return gauge("concord_edge_generation", "The generation of the shard that is served.") {
            $0.manifest.generation
        }
            + gauge("concord_edge_created_timestamp_seconds", "When it was made.") { $0.manifest.created }
            + gauge("concord_edge_expires_timestamp_seconds", "Until when it counts as fresh.") { $0.expires }
            + gauge("concord_edge_studies", "Studies in it.") { $0.manifest.rows.studies }
    }
}

/// All that a request asks of the catalog is answered by the same generations, which the answer names.
struct PinnedGenerations: RouterMiddleware {
    typealias Context = ServerContext
    let replica: ReplicaCatalog

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await replica.pinned { view in
                var response = try await next(request, context)
                let now = Date.now
                for shard in view.shards {
                    response.headers.append(
                        HTTPField(name: .warning, value: "299 concord: Answered from a replica: \(shard.summary)"))
                    if !shard.isFresh(at: now) {
                        response.headers.append(
                            HTTPField(
                                name: .warning,
                                value: "299 concord: This replica is stale: shard \(shard.manifest.shard)"))
                    }
                }
                response.headers[.age] = "\(view.age(at: now))"
                return response
            }
        } catch let error as ShardError where error.code == .tooBroad {
            throw RequestError(
                status: .contentTooLarge, message: "too many studies to look through: add a patient, a date or a UID")
        } catch let error as ShardError where error.code == .notReplicated {
            throw RequestError(status: .serviceUnavailable, message: error.detail)
        }
    }
}

/// `Authorization: Api-Key …`, with the keys that came with the shards.
struct ReplicaAuthentication: RouterMiddleware {
    typealias Context = ServerContext
    let replica: ReplicaCatalog

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let words = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "api-key", words[1].utf8.count <= 512,
            let key = try replica.view().key(presented: String(words[1]))
        else {
            throw RequestError(
                status: .unauthorized,
                message:
                    "an API key is needed that the centre has published to this site; send it as Authorization: Api-Key KEY",
                headers: [.wwwAuthenticate: "Api-Key"])
        }
        context.key = APIKey(
            id: key.id, name: key.id, terms: KeyTerms(scopes: Set(key.scopes.compactMap(KeyScope.init))))
        context.note.set { $0.actor = key.id }
        return try await next(request, context)
    }
}
