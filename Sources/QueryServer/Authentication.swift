import HTTPTypes
import Hummingbird
import StudyIndex

/// `Authorization: Api-Key …` on everything but health.
struct Authentication: RouterMiddleware {
    typealias Context = ServerContext
    let index: StudyIndex

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        guard let key = try await authenticate(request.headers[.authorization]) else {
            throw RequestError(
                status: .unauthorized,
                message:
                    "an API key is needed: `concord keys create --name NAME --scope query` makes one; send it as Authorization: Api-Key KEY",
                headers: [.wwwAuthenticate: "Api-Key"])
        }
        context.key = key
        return try await next(request, context)
    }

    private func authenticate(_ header: String?) async throws -> APIKey? {
        guard let header, header.count <= 512 else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "api-key" else { return nil }
        return try await index.apiKey(presented: String(parts[1]))
    }
}
