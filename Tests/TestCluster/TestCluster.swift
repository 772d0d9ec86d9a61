import Foundation
import PostgresClient
import Synchronization

/// Starts PostgreSQL once for all suites of this process, and stops it when the process exits.
package actor TestCluster {
    package static let shared = TestCluster()
    /// What `atexit`, which takes no captures, has to stop.
    private static let running = Mutex<(cluster: EmbeddedCluster, directory: String)?>(nil)
    private var starting: Task<EmbeddedCluster, any Error>?
    private var databases = 0

    /// The connection string of a new database.
    package func database() async throws -> String {
        let cluster = try await cluster()
        databases += 1
        let name = "test_\(databases)"
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 1)
        try await pool.withConnection { try $0.execute(script: "CREATE DATABASE \(name)") }
        await pool.close()
        return cluster.connectionString.replacing("dbname=concord", with: "dbname=\(name)")
    }

    private func cluster() async throws -> EmbeddedCluster {
        if let starting { return try await starting.value }
        let task = Task {
            let directory = FileManager.default.temporaryDirectory.appending(path: "concord-tests-\(getpid())")
                .path
            let cluster = try await EmbeddedCluster.start(
                dataDirectory: directory, settings: ["fsync": "off", "max_connections": "200"])
            Self.running.withLock { $0 = (cluster, directory) }
            atexit { TestCluster.stop() }
            return cluster
        }
        starting = task
        return try await task.value
    }

    private static func stop() {
        guard let (cluster, directory) = running.withLock({ $0 }) else { return }
        let stopped = DispatchSemaphore(value: 0)
        Task.detached {
            await cluster.stop()
            stopped.signal()
        }
        stopped.wait()
        try? FileManager.default.removeItem(atPath: directory)
    }
}
