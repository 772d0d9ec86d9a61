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
