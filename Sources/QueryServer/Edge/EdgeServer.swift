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
    private let settings: HTTPSettings
    private let replica: ReplicaCatalog
    private let catalog: SpanningCatalog
    private let readings = PinnedReadings()
    private let atRest: AtRest
    private let metrics: ServerMetrics
    private let audit: AuditSpool
    private let admission: Admission
    private let tokens: LogTokens
    private let logger: Logger

    package init(
        _ settings: HTTPSettings, replica: ReplicaCatalog, catalog: SpanningCatalog, atRest: AtRest,
        metrics: ServerMetrics, audit: AuditSpool, admission: Admission = Admission(), tokens: LogTokens, logger: Logger
    ) {
        self.settings = settings
        self.replica = replica
        self.catalog = catalog
        self.atRest = atRest
        self.metrics = metrics
        self.audit = audit
        self.admission = admission
        self.tokens = tokens
        self.logger = logger
    }

    /// Serves until the task is cancelled or the process is asked to stop.
    package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        try await settings.serve(makeRouter(), metrics: makeMetricsRouter(), logger, onListening: onListening)
    }

    /// What a replica vouches for; and beside it the site's own PACS, by `spanner`.
    package static func catalog(
        of replica: ReplicaCatalog, spanner: Spanner? = nil, freshness: Freshness = Freshness(),
        today: @escaping @Sendable () -> DICOMDate = { .latest }
    ) -> SpanningCatalog {
        SpanningCatalog(
            catalog: replica, spanner: spanner, freshness: freshness,
            unproven: { query in try replica.view().unproven(for: query, now: .now) }, today: today)
    }

    private func makeRouter() -> Router<ServerContext> {
        let router = settings.router(counting: metrics, tokens, logger)
        router.get("/healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("/readyz") { _, _ in readiness() }
        let web = protected(router).group("/dicom-web")
        SearchRoutes(catalog: catalog, metrics: metrics, deadline: settings.deadline).add(to: web)
        RetrieveRoutes(catalog: catalog, roots: settings.retrieveRoots, deadline: settings.deadline).add(to: web)
        return router
    }

    private func makeMetricsRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        MetricsRoutes(metrics: metrics, gauges: gauges).add(to: protected(router))
        return router
    }

    private func protected(_ router: Router<ServerContext>) -> ProtectedRoutes {
        ProtectedRoutes(
            router, around: PinnedGenerations(replica: replica, readings: readings), audit: audit,
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
            ServerMetrics.gauge(name, help, by: "shard", shards.map { ($0.manifest.shard, "\(value($0))") })
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
    let readings: PinnedReadings

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            let reading = PinnedReadings.Reading(request)
            let earlier = request.isLaterPage ? readings.view(for: reading) : nil
            return try await replica.pinned(to: earlier) { view in
                var response = try await next(request, context)
                if earlier == nil, response.status.kind == .successful { readings.begin(reading, with: view) }
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
            let key = try replica.newest().key(presented: String(words[1]))
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
