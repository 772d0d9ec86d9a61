import DICOM
import DIMSE
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Spanning
import StudyIndex
import Synchronization

/// The HTTP server: metadata lookups from the index, over QIDO-RS and a JSON API.
///
/// Stateless; any number may run on one database. Everything but health and its own description needs an API key.
package struct QueryServer: Sendable {
    package var host: String
    /// 0: any free port; `onListening` says which.
    package var port: Int
    /// How long sources are waited for.
    package var deadline = Duration.seconds(5)
    /// Roots of DICOMweb services to which retrieval is redirected, by AE title.
    package var retrieveRoots: [String: String] = [:]
    /// Web origins that may ask, as `https://viewer.example`.
    package var origins: Set<String> = []
    /// Where Prometheus finds `/metrics`; nil: nowhere.
    package var metricsAddress: (host: String, port: Int)?
    /// nil: not encrypted.
    package var tls: ServerTLS?
    /// How long a client may take for the head of its request.
    package var headTime = Duration.seconds(5)
    private let index: StudyIndex
    private let metrics: ServerMetrics
    private let catalog: SpanningCatalog
    private let audit: AuditSpool
    private let admission: Admission
    private let tokens: LogTokens
    private let logger: Logger

    package init(
        host: String, port: Int, index: StudyIndex, catalog: SpanningCatalog, metrics: ServerMetrics, audit: AuditSpool,
        admission: Admission = Admission(), tokens: LogTokens, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.index = index
        self.catalog = catalog
        self.metrics = metrics
        self.audit = audit
        self.admission = admission
        self.tokens = tokens
        self.logger = logger
    }

    /// Serves until the task is cancelled or the process is asked to stop.
    package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        // Built here, so that a certificate which cannot be used is an error and not a trap.
        let server = try HTTPBounds(headTime: headTime).server(tls)
        let search = ConfiguredSearch(index: index, catalog: catalog, metrics: metrics, deadline: deadline)
        let runner = QueryRunner(index: index, search: search, logger: logger)
        var application = Application(
            router: makeRouter(SpannerRoutes(index: index, search: search, runner: runner)),
            server: server,
            configuration: HTTPBounds.configuration(host, port),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        if let metricsAddress {
            application.addServices(
                Application(
                    router: makeMetricsRouter(),
                    server: try HTTPBounds(headTime: headTime).server(nil),
                    configuration: HTTPBounds.configuration(metricsAddress.host, metricsAddress.port),
                    logger: logger))
        }
        try await withThrowingTaskGroup(of: Void.self) { [application] group in
            group.addTask { await runner.run() }
            try await application.runService()
            group.cancelAll()
        }
    }

    private func makeMetricsRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        MetricsRoutes(metrics: metrics, index: index).add(to: protected(router))
        return router
    }

    private func makeRouter(_ spanner: SpannerRoutes) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMetrics(metrics: metrics))
        router.add(middleware: CrossOrigin(origins: origins))
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        router.add(middleware: AllowedMethods())
        HealthRoutes(index: index).add(to: router)
        let routes = protected(router)
        let web = routes.group("/dicom-web")
        SearchRoutes(catalog: catalog, metrics: metrics, deadline: deadline).add(to: web)
        RetrieveRoutes(catalog: catalog, roots: retrieveRoots, deadline: deadline).add(to: web)
        let api = routes.group("/api/v1")
        APIRoutes(index: index, catalog: catalog, deadline: deadline).add(to: api)
        SpannerConfigurationRoutes(index: index).add(to: api)
        spanner.add(to: api)
        return router
    }

    private func protected(_ router: Router<ServerContext>) -> ProtectedRoutes {
        ProtectedRoutes(
            router, audit: audit, authentication: Authentication(index: index), admission: admission)
    }
}

/// What a request carries from its authentication to its handler, and back to the audit trail.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let address: String
    let note = AuditNote()
    var key: APIKey?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? ""
    }

    /// Without a key, nothing.
    var visibility: Visibility { key?.visibility ?? .facilities([]) }
}

/// What becomes known of a request while it is answered.
final class AuditNote: Sendable {
    private let noted = Mutex(AuditRecord(.operation, means: "HTTP"))

    func set(_ change: (inout AuditRecord) -> Void) { noted.withLock { change(&$0) } }
    var record: AuditRecord { noted.withLock { $0 } }
}
