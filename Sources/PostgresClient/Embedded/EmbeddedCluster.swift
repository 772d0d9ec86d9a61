import CPostgres
import Foundation

/// A private PostgreSQL cluster on a Unix socket, made from the server that is installed: `database: embedded`.
///
/// It is started by the first process of a data directory, shared by all of them, stopped by the last, and found again
/// after any of them, or the server itself, was killed. Who uses it is known by a shared `flock`, which a killed process
/// cannot leave behind.
package final class EmbeddedCluster: Sendable {
    /// For libpq and psql alike.
    package let connectionString: String
    private let layout: ClusterLayout
    private let usage: FileLock

    private init(layout: ClusterLayout, usage: FileLock) {
        self.layout = layout
        self.usage = usage
        connectionString = "host=\(layout.socketDirectory) port=\(ClusterLayout.port) user=concord dbname=concord"
    }

    /// Starts the cluster of `dataDirectory`, or joins it where another process has; makes it at the first time.
    ///
    /// - Parameter settings: server settings in addition to ours, for the process that starts it.
    package static func start(
        dataDirectory: String, settings: [String: String] = [:]
    ) async throws -> EmbeddedCluster {
        try await onOwnThread {
            try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
            let layout = try ClusterLayout(dataDirectory: dataDirectory)
            // Waits while the last user is stopping the server.
            let usage = try FileLock(dataDirectory + "/postgres.users")
            try usage.lock(.shared)
            let starting = try FileLock(dataDirectory + "/postgres.starting")
            try starting.lock(.exclusive)
            defer { starting.unlock() }
            let cluster = EmbeddedCluster(layout: layout, usage: usage)
            if PQping(cluster.connectionString) != PQPING_OK {
                try layout.initializeIfNeeded()
                try layout.startServer(settings)
            }
            // Each time: whoever started the server may have been killed before it came to this.
            try cluster.createDatabase()
            return cluster
        }
    }

    /// Leaves the cluster, and stops the server where nobody else uses it.
    package func stop() async {
        try? await Self.onOwnThread { [self] in
            if usage.becomesExclusive() {
                waitWhileItRecovers()
                layout.stopServer()
            }
            usage.unlock()
        }
    }

    /// A server that is told to stop while it recovers, because one of its processes has died, may wait for its checkpointer for
    /// ever (seen with PostgreSQL 15). A minute at most.
    private func waitWhileItRecovers() {
        for _ in 0..<1_200 where PQping(connectionString) == PQPING_REJECT { Thread.sleep(forTimeInterval: 0.05) }
    }

    private func createDatabase() throws {
        let connection = try PostgresConnection(
            connectionString: connectionString.replacing("dbname=concord", with: "dbname=postgres"))
        guard try connection.query("SELECT 1 FROM pg_database WHERE datname = 'concord'").isEmpty else { return }
        do {
            try connection.execute(script: "CREATE DATABASE concord")
        } catch  where ["42P04", "23505"].contains(error.sqlState) {
            // A process that was killed while it made the database: the server went on with it, and has ended.
        }
    }

    /// Locks and child processes block; they must not hold a thread of Swift's pool.
    private static func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// Why the embedded cluster does not run, and what to do about it.
package struct EmbeddedClusterError: Error, CustomStringConvertible {
    package let description: String
}

/// A lock that the kernel drops when its process dies.
private final class FileLock: Sendable {
    enum Kind { case shared, exclusive }
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EmbeddedClusterError(description: "\(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func lock(_ kind: Kind) throws {
        while flock(descriptor, kind == .shared ? LOCK_SH : LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw EmbeddedClusterError(
                    description: "the data directory cannot be locked: \(String(cString: strerror(errno)))")
            }
        }
    }

    func becomesExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
    func unlock() { flock(descriptor, LOCK_UN) }
}
