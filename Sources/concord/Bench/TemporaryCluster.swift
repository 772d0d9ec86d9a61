import Foundation
import PostgresClient

extension EmbeddedCluster {
    /// One with a directory of its own, which is gone afterwards.
    static func temporary(
        connections: Int, settings: [String: String] = [:],
        _ body: (PostgresPool, _ connectionString: String, _ directory: String) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cluster = try await start(dataDirectory: directory + "/postgres", settings: settings)
        let pool = PostgresPool(connectionString: cluster.connectionString, size: connections)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(pool, cluster.connectionString, directory))
        } catch {
            outcome = .failure(error)
        }
        await pool.close()
        await cluster.stop()
        try outcome.get()
    }
}

extension PostgresPool {
    /// Hint bits set, dirty pages written: what a night leaves to the next, and no measurement should pay for.
    func settle() async throws {
        try await withConnection { connection in
            // Each by itself: a script of several is a transaction.
            for statement in ["VACUUM ANALYZE", "CHECKPOINT"] { try connection.execute(script: statement) }
        }
    }
}
