import HTTPTypes
import Hummingbird
import Logging
import Spanning

extension Response {
    static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// A refusal that the client can do something about.
struct RequestError: Error {
    var status: HTTPResponse.Status
    /// What to do about it; no patient data.
    var message: String
    var headers: HTTPFields = [:]
}

extension RequestError {
    /// A study that the index does not have and no source has shown: absent only if all have answered.
    static func notFound(_ gaps: SpanningCatalog.Gaps) -> RequestError {
        guard gaps.isIncomplete else {
            return RequestError(status: .notFound, message: "no source is known to hold it")
        }
        return RequestError(
            status: .serviceUnavailable,
            message: "not in the index, and these sources were not heard: \(gaps.sources.joined(separator: ", "))",
            headers: [.retryAfter: "30"])
    }
}

/// What may be done where: spanner configurations are changed, everything else is read. Other methods are refused before a
/// route is looked for.
struct AllowedMethods: RouterMiddleware {
    typealias Context = ServerContext

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let allowed = Self.methods(at: request.uri.path)
        guard allowed.contains(request.method) else {
            throw RequestError(
                status: .methodNotAllowed, message: "this method is not served here",
                headers: [.allow: allowed.map(\.rawValue).joined(separator: ", ")])
        }
        let hasBody = request.headers[.transferEncoding] != nil || Int(request.headers[.contentLength] ?? "0") != 0
        guard !hasBody || ![.get, .head].contains(request.method) else {
            throw RequestError(status: .contentTooLarge, message: "\(request.method.rawValue) takes no body")
        }
        return try await next(request, context)
    }

    private static let configuration = ["api", "v1", "config", "spanner"]

    static func methods(at path: String) -> [HTTPRequest.Method] {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"))
        guard parts.starts(with: configuration, by: { $0.elementsEqual($1.utf8) }) else { return readOnly }
        switch parts.count - configuration.count {
        // A collection: of configurations, or of the sources of one.
        case 0, 2: return [.get, .head, .post]
        // One of them.
        case 1, 3: return [.get, .head, .put, .patch, .delete]
        default: return readOnly
        }
    }

    private static let readOnly: [HTTPRequest.Method] = [.get, .head]
}

extension HTTPResponse.Status {
    /// How an error is answered.
    init(refusing error: any Error) {
        switch error {
        case let error as RequestError: self = error.status
        case let error as HTTPError: self = error.status
        default: self = .internalServerError
        }
    }
}

/// Turns errors into answers: refusals with their reason, anything else as a 500 that tells nothing of its inside.
struct ErrorResponses: RouterMiddleware {
    typealias Context = ServerContext
    let logger: Logger
    let tokens: LogTokens

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as RequestError {
            var response = Response.text(error.status, error.message + "\n")
            for field in error.headers { response.headers.append(field) }
            return response
        } catch let error as HTTPError {
            return Response.text(error.status, (error.body ?? error.status.reasonPhrase) + "\n")
        } catch {
            logger.error(
                "request failed",
                metadata: [
                    "error": "\(error)", "route": "\(context.endpointPath ?? "none")",
                    "asked": "\(tokens.token(request.uri.string))",
                ])
            return Response.text(.internalServerError, "the server failed to answer; its log says why\n")
        }
    }
}
