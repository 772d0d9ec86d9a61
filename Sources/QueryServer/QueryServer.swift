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
    private let settings: HTTPSettings
    private let index: StudyIndex
    private let metrics: ServerMetrics
    private let catalog: SpanningCatalog
    private let audit: AuditSpool
    private let admission: Admission
    private let tokens: LogTokens
    private let logger: Logger

    package init(
        _ settings: HTTPSettings, index: StudyIndex, catalog: SpanningCatalog, metrics: ServerMetrics,
        audit: AuditSpool, admission: Admission = Admission(), tokens: LogTokens, logger: Logger
    ) {
        self.settings = settings
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
        let search = ConfiguredSearch(index: index, catalog: catalog, metrics: metrics, deadline: settings.deadline)
        let runner = QueryRunner(index: index, search: search, logger: logger)
        let router = makeRouter(SpannerRoutes(index: index, search: search, runner: runner))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run() }
            try await settings.serve(router, metrics: makeMetricsRouter(), logger, onListening: onListening)
            group.cancelAll()
        }
    }

    private func makeMetricsRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        MetricsRoutes(metrics: metrics, gauges: SourceGauges(index: index).exposition).add(to: protected(router))
        return router
    }

    private func makeRouter(_ spanner: SpannerRoutes) -> Router<ServerContext> {
        let router = settings.router(counting: metrics, tokens, logger)
        HealthRoutes(index: index).add(to: router)
        let routes = protected(router)
        let web = routes.group("/dicom-web")
        SearchRoutes(catalog: catalog, metrics: metrics, deadline: settings.deadline).add(to: web)
        RetrieveRoutes(catalog: catalog, roots: settings.retrieveRoots, deadline: settings.deadline).add(to: web)
        let api = routes.group("/api/v1")
        APIRoutes(index: index, catalog: catalog, deadline: settings.deadline).add(to: api)
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
