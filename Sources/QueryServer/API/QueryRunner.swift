import DICOM
import Foundation
import HTTPTypes
import Logging
import Spanning
import StudyIndex
import Synchronization

/// Runs the queries that are answered later: whichever server is the first to take one. What a server that died has begun is
/// begun again by another.
final class QueryRunner: Sendable {
    private let index: StudyIndex
    private let search: ConfiguredSearch
    private let logger: Logger
    private let clock: any Clock<Duration>
    /// Under way on this server.
    private let claims = Mutex<Set<UUID>>([])
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// At once, on one server.
    private static let most = 8
    /// How often is looked for what other servers were asked for, and left.
    private static let pause = Duration.seconds(1)
    private static let renewal = StudyIndex.queryLease / 3
    private static let tidying = Duration.seconds(30)

    init(index: StudyIndex, search: ConfiguredSearch, logger: Logger, clock: any Clock<Duration> = ContinuousClock()) {
        self.index = index
        self.search = search
        self.logger = logger
        self.clock = clock
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// There is something to do.
    func wake() { waker.yield() }

    /// Until the task is cancelled: what is under way then is anybody's.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.every(Self.pause) { self.wake() } }
            group.addTask {
                await self.every(Self.renewal) {
                    let claims = self.claims.withLock { Array($0) }
                    if !claims.isEmpty { try await self.index.renewQueries(claims) }
                }
            }
            group.addTask { await self.every(Self.tidying) { try await self.index.tidyQueries() } }
            for await _ in wakes {
                while let claimed = await claim() {
                    group.addTask { await self.carryOut(claimed) }
                }
            }
            group.cancelAll()
        }
    }

    /// Does something now and then; where the database is away, it is tried again.
    private func every(_ pause: Duration, _ body: () async throws -> Void) async {
        while !Task.isCancelled {
            do { try await body() } catch {
                logger.error("queries that are answered later wait", metadata: ["error": "\(error)"])
            }
            try? await clock.sleep(for: pause)
        }
    }

    private func claim() async -> ClaimedQuery? {
        guard !Task.isCancelled, claims.withLock({ $0.count < Self.most }) else { return nil }
        do {
            guard let claimed = try await index.claimQuery() else { return nil }
            claims.withLock { _ = $0.insert(claimed.claim) }
            return claimed
        } catch {
            logger.error("no query could be taken", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func carryOut(_ claimed: ClaimedQuery) async {
        do { try await answer(claimed) } catch {
            // Its lease runs out, and whoever sees that begins it again.
            logger.error("a query was not ended", metadata: ["error": "\(error)"])
        }
        claims.withLock { _ = $0.remove(claimed.claim) }
        wake()
    }

    private func answer(_ claimed: ClaimedQuery) async throws {
        let (events, event) = AsyncStream.makeStream(of: QueryProgress.Source.self)
        let notes = Task {
            for await source in events { try? await index.note(source, of: claimed.claim) }
        }
        let result = await Result.of { () async throws -> ConfiguredSearch.Outcome in
            // What the key may see now: it may have ended since it asked.
            guard let key = try await index.apiKey(id: claimed.key) else {
                throw RequestError(status: .forbidden, message: "the key that asked is not good any more")
            }
            return try await search.answer(
                to: try ConfiguredSearch.Request(claimed.request), requester: claimed.key, within: key.visibility
            ) {
                event.yield(QueryProgress.Source(source: $0, state: .init($1), reason: $1.reason))
            }
        }
        event.finish()
        await notes.value
        // The server ends: what its sources have not answered is no answer. Where this is not cancelled it cannot be written.
        if Task.isCancelled {
            return try await Task { try await index.releaseQueries([claimed.claim]) }.value
        }
        switch result {
        case .success(let outcome): try await complete(claimed.claim, outcome)
        case .failure(let error): try await index.fail(claimed.claim, reason: reason(error))
        }
    }

    private func complete(_ claim: UUID, _ outcome: ConfiguredSearch.Outcome) async throws {
        let absent = Dictionary(
            outcome.gaps.absences.map { ($0.source, $0.reason) }, uniquingKeysWith: { first, _ in first })
        let known = try await index.sources(ofClaim: claim)
        for source in outcome.sources {
            var note = QueryProgress.Source(source: source, state: known.contains(source) ? .answered : .indexed)
            note.matches = outcome.copies[source] ?? 0
            if let reason = absent[source] {
                note.state = .failed
                note.reason = reason
            } else if outcome.gaps.unproven.contains(source) {
                note.reason = "what it holds was not proven lately, and it was not asked"
            }
            try await index.note(note, of: claim)
        }
        try await index.complete(
            claim, answer: outcome.answer.json(), matches: outcome.answer.count,
            warnings: outcome.answer.warnings.texts, age: outcome.answer.seconds)
    }

    /// What the client is told; of an inner error nothing of its inside.
    private func reason(_ error: any Error) -> String {
        switch error {
        case let error as SpanFailure: return error.description
        case let error as SearchRequest.Refused: return error.reason
        case let error as RequestError: return error.message
        case let error as IndexError where error.code == .tooBroad:
            return "too many studies to look through: add a patient, a date or a UID"
        default:
            logger.error("a query failed", metadata: ["error": "\(error)"])
            return "the server failed to answer; its log says why"
        }
    }
}

extension QueryProgress.Source.State {
    fileprivate init(_ progress: SpanRules.SourceProgress) {
        switch progress {
        case .pending: self = .pending
        case .answered: self = .answered
        case .failed: self = .failed
        }
    }
}

extension SpanRules.SourceProgress {
    fileprivate var reason: String? {
        if case .failed(let reason) = self { return reason }
        return nil
    }
}

extension Result where Failure == any Error {
    fileprivate static func of(_ body: () async throws -> Success) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
