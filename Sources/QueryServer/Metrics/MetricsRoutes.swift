import HTTPTypes
import Hummingbird
import StudyIndex

/// `/metrics`, for Prometheus: what the server counts, and how what it serves is. Needs a key with the scope `metrics`.
struct MetricsRoutes: Sendable {
    let metrics: ServerMetrics
    let gauges: @Sendable () async throws -> String

    func add(to routes: ProtectedRoutes) {
        routes.get("/metrics", needs: .metrics) { _, _ in
            var response = Response.text(.ok, metrics.exposition() + (try await gauges()))
            response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        }
    }
}

/// How each source is.
struct SourceGauges: Sendable {
    let index: StudyIndex

    @Sendable func exposition() async throws -> String {
        let conditions = try await index.conditions().sorted { $0.key < $1.key }
        let proofs = try await index.proofs()
        func gauge(_ name: String, _ help: String, _ values: [(source: String, value: Double)]) -> String {
            ServerMetrics.gauge(name, help, by: "source", values.map { ($0.source, "\($0.value)") })
        }
        return gauge(
            "concord_source_paused", "1 where a person has paused the source.",
            conditions.map { ($0.key, $0.value.isPaused ? 1 : 0) })
            + gauge(
                "concord_source_rest_seconds", "How long the source rests after failures.",
                conditions.map { ($0.key, $0.value.restsFor / .seconds(1)) })
            + gauge(
                "concord_source_brake_ratio", "The part of its rate that is used; below 1 where it has become slow.",
                conditions.map { ($0.key, $0.value.brake) })
            + gauge(
                "concord_source_associations", "Open associations, of all processes.",
                conditions.map { ($0.key, Double($0.value.openAssociations)) })
            // Moments, not ages: whoever scrapes knows what time it is.
            + gauge(
                "concord_source_oldest_proof_timestamp_seconds", "When the longest unverified of its days were asked.",
                proofs.compactMap { proof in proof.oldest.map { (proof.source, $0) } })
            + gauge(
                "concord_source_holes", "Ranges of days that are not proven.",
                proofs.map { ($0.source, Double($0.holes)) })
            + gauge(
                "concord_source_open_slices", "Slices that runs under way have still to ask.",
                proofs.map { ($0.source, Double($0.openSlices)) })
    }
}

/// Counts every request, with the pattern of its route and never its path.
struct RequestMetrics: RouterMiddleware {
    typealias Context = ServerContext
    let metrics: ServerMetrics

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        metrics.answered(
            route: context.endpointPath ?? "none", status: response.status.code, in: ContinuousClock.now - start)
        return response
    }
}
