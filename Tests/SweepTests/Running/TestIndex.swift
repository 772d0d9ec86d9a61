import Foundation
import PostgresClient
import StudyIndex

/// A migrated index in a cluster of its own, gone when `body` ends.
func withIndex(_ body: (StudyIndex) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID())").path
    let cluster = try await EmbeddedCluster.start(dataDirectory: directory, settings: ["fsync": "off"])
    let pool = PostgresPool(connectionString: cluster.connectionString, size: 8)
    let index = StudyIndex(pool: pool)
    func end() async {
        await pool.close()
        await cluster.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }
    do {
        try await index.migrate()
        try await body(index)
    } catch {
        await end()
        throw error
    }
    await end()
}

/// Migrated databases of one cluster, each with a pool of one connection, gone when `body` ends.
func withDatabases(_ count: Int, _ body: ([PostgresPool]) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID())").path
    let cluster = try await EmbeddedCluster.start(dataDirectory: directory, settings: ["fsync": "off"])
    let maker = PostgresPool(connectionString: cluster.connectionString, size: 1)
    var pools: [PostgresPool] = []
    var failure: (any Error)?
    do {
        for number in 0..<count {
            try await maker.withConnection { try $0.execute(script: "CREATE DATABASE lane\(number)") }
            let connection = cluster.connectionString.replacing("dbname=concord", with: "dbname=lane\(number)")
            pools.append(PostgresPool(connectionString: connection, size: 1))
            try await StudyIndex(pool: pools[number]).migrate()
        }
        try await body(pools)
    } catch { failure = error }
    for pool in pools + [maker] { await pool.close() }
    await cluster.stop()
    try? FileManager.default.removeItem(atPath: directory)
    if let failure { throw failure }
}
