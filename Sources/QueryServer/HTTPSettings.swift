import Hummingbird
import HummingbirdCore
import Logging

/// How an HTTP server listens and answers, in the centre and at an edge site alike.
package struct HTTPSettings: Sendable {
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

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

extension HTTPSettings {
    /// What every answer goes through.
    func router(counting metrics: ServerMetrics, _ tokens: LogTokens, _ logger: Logger) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMetrics(metrics: metrics))
        router.add(middleware: CrossOrigin(origins: origins))
        router.add(middleware: ErrorResponses(logger: logger, tokens: tokens))
        router.add(middleware: AllowedMethods())
        return router
    }

    /// Serves until the task is cancelled or the process is asked to stop. Throws at once where the certificate cannot be used.
    func serve(
        _ router: Router<ServerContext>, metrics metricsRouter: Router<ServerContext>, _ logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void
    ) async throws {
        let bounds = HTTPBounds(headTime: headTime)
        var application = Application(
            router: router, server: try bounds.server(tls), configuration: HTTPBounds.configuration(host, port),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) }, logger: logger)
        if let metricsAddress {
            application.addServices(
                Application(
                    router: metricsRouter, server: try bounds.server(nil),
                    configuration: HTTPBounds.configuration(metricsAddress.host, metricsAddress.port), logger: logger))
        }
        try await application.runService()
    }
}
