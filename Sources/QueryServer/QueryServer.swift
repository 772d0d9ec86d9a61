import DICOM
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Spanning
import StudyIndex

/// The HTTP server: metadata lookups from the index, over QIDO-RS and a JSON API.
///
/// Stateless; any number may run on one database. Everything but health needs an API key.
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
    private let index: StudyIndex
    private let metrics: ServerMetrics
    private let catalog: SpanningCatalog
    private let logger: Logger

    package init(
        host: String, port: Int, index: StudyIndex, catalog: SpanningCatalog, metrics: ServerMetrics, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.index = index
        self.catalog = catalog
        self.metrics = metrics
        self.logger = logger
    }

    /// Serves until the task is cancelled or the process is asked to stop.
    package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        let search = ConfiguredSearch(index: index, catalog: catalog, metrics: metrics, deadline: deadline)
        let runner = QueryRunner(index: index, search: search, logger: logger)
        var application = Application(
            router: makeRouter(SpannerRoutes(index: index, search: search, runner: runner)),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "concord"),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        if let metricsAddress {
            application.addServices(
                Application(
                    router: makeMetricsRouter(),
                    configuration: ApplicationConfiguration(
                        address: .hostname(metricsAddress.host, port: metricsAddress.port), serverName: "concord"),
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
        router.add(middleware: ErrorResponses(logger: logger))
        MetricsRoutes(metrics: metrics, index: index)
            .add(to: router.group().add(middleware: Authentication(index: index)))
        return router
    }

    private func makeRouter(_ spanner: SpannerRoutes) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMetrics(metrics: metrics))
        router.add(middleware: CrossOrigin(origins: origins))
        router.add(middleware: ErrorResponses(logger: logger))
        router.add(middleware: AllowedMethods())
        HealthRoutes(index: index).add(to: router)
        let authenticated = router.group().add(middleware: Authentication(index: index))
        let web = authenticated.group("/dicom-web")
        SearchRoutes(catalog: catalog, metrics: metrics, deadline: deadline).add(to: web)
        RetrieveRoutes(catalog: catalog, roots: retrieveRoots, deadline: deadline).add(to: web)
        let api = authenticated.group("/api/v1")
        APIRoutes(index: index, catalog: catalog, deadline: deadline).add(to: api)
        SpannerConfigurationRoutes(index: index).add(to: api)
        spanner.add(to: api)
        return router
    }
}

/// What a request carries from its authentication to its handler.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    var key: APIKey?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}
