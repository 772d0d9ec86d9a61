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
        guard let header, header.utf8.count <= 512 else { return nil }
        let now = ContinuousClock.now
        if let key = remembered.key(header, at: now) { return key }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "api-key" else { return nil }
        let key = try await index.apiKey(presented: String(parts[1]))
        remembered.remember(key, header, at: now)
        return key
    }
}

/// Keys by the header that presents them, in this process's memory only.
final class RememberedKeys: Sendable {
    static let age = Duration.seconds(4)
    /// Then it is looked up again, by one of those who present it; the others do not wait for that.
    static let renewal = Duration.seconds(2)
    private static let most = 1_000

    private struct Remembered {
        var key: APIKey
        var since: ContinuousClock.Instant
        var isLookedUp = false
    }
    private let keys = Mutex<[String: Remembered]>([:])

    /// nil: whoever asks looks it up.
    func key(_ header: String, at now: ContinuousClock.Instant) -> APIKey? {
        keys.withLock { keys in
            guard let known = keys[header] else { return nil }
            let age = now - known.since
            guard age < Self.renewal || (known.isLookedUp && age < Self.age) else {
                keys[header]?.isLookedUp = true
                return nil
            }
            return known.key
        }
    }

    /// - Parameter key: nil: it is not good.
    func remember(_ key: APIKey?, _ header: String, at now: ContinuousClock.Instant) {
        keys.withLock { keys in
            // Nobody makes others' keys be forgotten by presenting bad ones.
            if key != nil, keys.count >= Self.most { keys.removeAll() }
            keys[header] = key.map { Remembered(key: $0, since: now) }
        }
    }
}
