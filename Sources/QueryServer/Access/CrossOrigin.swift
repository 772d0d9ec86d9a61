import HTTPTypes
import Hummingbird

/// Lets viewers in browsers ask from the origins that are configured, and from no others (F142).
struct CrossOrigin: RouterMiddleware {
    typealias Context = ServerContext
    let origins: Set<String>

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin], origins.contains(origin) else {
            return try await next(request, context)
        }
        var response =
            request.method == .options ? Response(status: .noContent) : try await next(request, context)
        // Never `*`: an answer to one origin must not be kept for another.
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowCredentials] = "true"
        response.headers.append(HTTPField(name: .vary, value: "Origin"))
        if request.method == .options {
            response.headers[.accessControlAllowMethods] = "GET, HEAD, OPTIONS"
            response.headers[.accessControlAllowHeaders] = "accept, authorization, content-type, cache-control"
            response.headers[.accessControlMaxAge] = "600"
        } else {
            // What a page may read beside the usual: the warnings above all.
            response.headers[.accessControlExposeHeaders] = "Warning, Content-Location"
        }
        return response
    }
}
