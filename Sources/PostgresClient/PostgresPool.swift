import Dispatch
import Foundation

/// A fixed number of connections, each on a thread of its own, so that libpq's blocking calls never hold a thread of
/// Swift's pool. Work is taken in order of arrival, by turns of those on whose behalf it is done; a broken connection is
/// replaced when it is next needed.
package final class PostgresPool: Sendable {
    /// On whose behalf the task works: whoever asks a thousand things at once does not keep others waiting.
    @TaskLocal package static var client = ""

    private let queue: WorkQueue
    /// Of the connections that are kept for lookups; where there are few connections, `queue`.
    private let lookups: WorkQueue
    private let threads = DispatchGroup()
    private let turns = Turns(most: mostInTurn)

    /// As many as share a round trip: enough to keep all connections busy.
    private static let mostInTurn = Lookup.mostTogether

    /// - Parameter size: connections at most; they are opened when first used.
    package init(connectionString: String, size: Int = 4) {
        queue = WorkQueue()
        // Always the same ones: none of them waits behind a slow search, and their settings never change.
        let kept = size > 4 * WorkQueue.mostBundles ? WorkQueue.mostBundles : 0
        lookups = kept > 0 ? WorkQueue() : queue
        for number in 0..<max(1, size) {
            let queue = number < kept ? lookups : queue
            threads.enter()
            Thread.detachNewThread { [threads] in
                // From within: before it runs it has no name that the kernel would see. 15 characters at most.
                Thread.current.name = "postgres"
                Self.work(connectionString, queue)
                threads.leave()
            }
        }
    }

    private static func work(_ connectionString: String, _ queue: WorkQueue) {
        var connection: PostgresConnection?
        while let work = queue.next() {
            let result = Result {
                if let connection, connection.isUsable { return connection }
                let opened = try PostgresConnection(connectionString: connectionString)
                connection = opened
                return opened
            }
            switch (work, result) {
            case (.job(let job), _), (.search(let job, _), _): job(result)
            case (.lookups(let lookups), .success(let connection)): connection.answer(lookups)
            case (.lookups(let lookups), .failure(let error)): for lookup in lookups { lookup.answer(.failure(error)) }
            }
            queue.ended(work)
        }
    }

    /// Runs `body` on a connection's thread. The connection must not leave the closure.
    ///
    /// - Parameter settings: of the session while `body` runs, names and values of the program's own, never a client's.
    package func withConnection<T: Sendable>(
        settings: [String: String] = [:], _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        try await run(settings, body) { queue.add(Self.client, $0) }
    }

    /// As `withConnection`, for what takes milliseconds and is waited for: a few at a time, because more at once only make
    /// each other slow. What may take seconds would keep the others waiting, and is no search.
    package func search<T: Sendable>(
        settings: [String: String] = [:], _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        try await run(settings, body) { queue.addSearch(Self.client, $0) }
    }

    private func run<T: Sendable>(
        _ settings: [String: String], _ body: @escaping @Sendable (PostgresConnection) throws -> T,
        _ add: (@escaping Job) -> Bool
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let isQueued = add { result in
                continuation.resume(
                    with: result.flatMap { connection in
                        Result {
                            try connection.use(settings)
                            return try body(connection)
                        }
                    })
            }
            if !isQueued {
                continuation.resume(throwing: PostgresError(.poolClosed, "the connection pool was closed"))
            }
        }
    }

    /// Runs what readers wait for, some at a time and by turns of those on whose behalf it is done; it uses connections as it
    /// needs them.
    package func inTurn<T>(_ body: () async throws -> T) async rethrows -> T {
        await turns.enter(Self.client)
        defer { turns.leave() }
        return try await body()
    }

    /// Runs one statement that only reads and finds few rows by an index: many that wait at the same moment share a round
    /// trip, and their fates are their own. A slow one would keep the others waiting; it belongs on a connection of its own.
    ///
    /// - Parameter settings: as for `withConnection`.
    package func lookup(
        _ sql: String, _ parameters: [PostgresValue], settings: [String: String] = [:]
    ) async throws -> PostgresResult {
        try await withCheckedThrowingContinuation { continuation in
            let lookup = Lookup(sql: sql, parameters: parameters, settings: settings) { continuation.resume(with: $0) }
            if !(lookup.isShort ? lookups : queue).add(Self.client, lookup) {
                continuation.resume(throwing: PostgresError(.poolClosed, "the connection pool was closed"))
            }
        }
    }

    /// Runs `body` in a transaction, which is rolled back when it throws. After a deadlock, a serialization failure or a
    /// lock that was not to be had, the whole of it runs again, up to `retries` times.
    package func transaction<T: Sendable>(
        retries: Int = 5, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        var attempt = 0
        while true {
            do {
                return try await withConnection { connection in
                    try connection.query("BEGIN")
                    do {
                        let value = try body(connection)
                        try connection.query("COMMIT")
                        return value
                    } catch {
                        _ = try? connection.query("ROLLBACK")
                        throw error
                    }
                }
            } catch let error as PostgresError where error.isRetryable && attempt < retries {
                attempt += 1
            }
        }
    }

    /// Lets the work under way end, and closes the connections.
    package func close() async {
        queue.close()
        lookups.close()
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
    }
}
