import HTTPTypes
import Hummingbird
import StudyIndex
import Synchronization

/// `Authorization: Api-Key …` on everything but health.
///
/// Keys that were good are remembered for a moment: a revoked one is refused within five seconds.
struct Authentication: RouterMiddleware {
    typealias Context = ServerContext
    let index: StudyIndex
    private let remembered = RememberedKeys()

    init(index: StudyIndex) { self.index = index }

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
        context.note.set {
            $0.actor = key.id
            $0.name = key.name
        }
        return try await next(request, context)
    }

    private func authenticate(_ header: String?) async throws -> APIKey? {
        guard let header, header.count <= 512 else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "api-key" else { return nil }
        let text = String(parts[1])
        if let key = remembered.key(text, at: .now) { return key }
        let key = try await index.apiKey(presented: text)
        if let key { remembered.remember(key, text, at: .now) }
        return key
    }
}

/// Keys by their text, in this process's memory only.
final class RememberedKeys: Sendable {
    static let age = Duration.seconds(4)
    private static let most = 1_000
    private let keys = Mutex<[String: (key: APIKey, since: ContinuousClock.Instant)]>([:])

    func key(_ text: String, at now: ContinuousClock.Instant) -> APIKey? {
        keys.withLock { keys in
            guard let known = keys[text] else { return nil }
            if now - known.since < Self.age { return known.key }
            keys[text] = nil
            return nil
        }
    }

    func remember(_ key: APIKey, _ text: String, at now: ContinuousClock.Instant) {
        keys.withLock { keys in
            if keys.count >= Self.most { keys.removeAll() }
            keys[text] = (key, now)
        }
    }
}
