import HTTPTypes
import Hummingbird
import Logging
import PostgresClient
import StudyIndex

/// Routes that take an API key. None can be added without saying which scope it needs, and every use of one is in the audit
/// trail before it is answered.
struct ProtectedRoutes: Sendable {
    private let group: RouterGroup<ServerContext>

    /// - Parameter around: what an answer needs before it is known who asks.
    init(
        _ router: Router<ServerContext>, around: (any MiddlewareProtocol<Request, Response, ServerContext>)? = nil,
        audit: AuditSpool, authentication: any MiddlewareProtocol<Request, Response, ServerContext>,
        admission: Admission
    ) {
        group = router.group().add(middleware: Audited(audit: audit))
        if let around { group.add(middleware: around) }
        group.add(middleware: authentication).add(middleware: Admitted(admission: admission))
    }

    private init(_ group: RouterGroup<ServerContext>) { self.group = group }

    func group(_ path: RouterPath) -> ProtectedRoutes { ProtectedRoutes(group.group(path)) }

    func get(
        _ path: RouterPath, needs scope: KeyScope, event: AuditRecord.Event = .operation,
        _ answer: @escaping @Sendable (Request, ServerContext) async throws -> Response
    ) {
        on(path, .get, needs: scope, event: event, answer)
    }

    func on(
        _ path: RouterPath, _ method: HTTPRequest.Method, needs scope: KeyScope, event: AuditRecord.Event = .operation,
        _ answer: @escaping @Sendable (Request, ServerContext) async throws -> Response
    ) {
        group.on(path, method: method) { request, context in
            context.note.set { $0.event = event }
            guard context.key?.scopes.contains(scope) == true else {
                throw RequestError(status: .forbidden, message: "this key lacks the scope \(scope.rawValue)")
            }
            return try await answer(request, context)
        }
    }
}

/// Writes each use of a key to the audit trail, whatever came of it; without its record nothing is answered.
private struct Audited: RouterMiddleware {
    typealias Context = ServerContext
    let audit: AuditSpool

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let result: Result<Response, any Error>
        do { result = .success(try await next(request, context)) } catch { result = .failure(error) }
        var record = context.note.record
        record.address = context.address
        record.object = "\(request.method.rawValue) \(context.endpointPath ?? "")"
        record.query = request.uri.string
        switch result {
        case .success(let response): record.status = response.status.code
        case .failure(let error):
            let status = HTTPResponse.Status(refusing: error)
            record.status = status.code
            record.outcome = status.kind == .clientError ? .denied : .failed
        }
        do { try await audit.append(record) } catch {
            context.logger.critical("an answer was withheld: it could not be audited", metadata: ["error": "\(error)"])
            throw RequestError(
                status: .serviceUnavailable,
                message: "the audit trail cannot be written, and nothing is answered without it",
                headers: [.retryAfter: "30"])
        }
        return try result.get()
    }
}

/// Holds each key to its limits, and divides the database fairly among those that ask.
private struct Admitted: RouterMiddleware {
    typealias Context = ServerContext
    let admission: Admission

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard let key = context.key else { return try await next(request, context) }
        if let refusal = admission.enter(key.id, key.limits, at: .now) {
            throw RequestError(
                status: refusal.isOwn ? .tooManyRequests : .serviceUnavailable, message: refusal.reason,
                headers: [.retryAfter: "\(refusal.seconds)"])
        }
        defer { admission.leave(key.id) }
        return try await PostgresPool.$client.withValue(key.id) { try await next(request, context) }
    }
}

extension APIKey {
    fileprivate var limits: Admission.Limits {
        Admission.Limits(requestsPerSecond: requestsPerSecond, concurrentRequests: concurrentRequests)
    }
}
