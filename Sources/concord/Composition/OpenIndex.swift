import Foundation
import PostgresClient
import StudyIndex

/// The database that a configuration names, started where it is ours to start, with the index in it.
struct OpenIndex: Sendable {
    let index: StudyIndex
    let pool: PostgresPool
    let connectionString: String
    private let cluster: EmbeddedCluster?

    /// Opens the index, brings its schema up to date, registers the configured sources, runs `body`, and closes it all.
    static func with<T>(
        _ configuration: Configuration, connections: Int = 4, _ body: (OpenIndex) async throws -> T
    ) async throws -> T {
        let cluster: EmbeddedCluster? =
            configuration.databaseURL == nil
            ? try await EmbeddedCluster.start(dataDirectory: configuration.dataDirectory) : nil
        let connectionString = configuration.databaseURL ?? cluster?.connectionString ?? ""
        let pool = PostgresPool(connectionString: connectionString, size: connections)
        let open = OpenIndex(
            index: StudyIndex(pool: pool), pool: pool, connectionString: connectionString, cluster: cluster)
        do {
            try await open.index.migrate()
            let value = try await body(open)
            await open.close()
            return value
        } catch {
            await open.close()
            throw error
        }
    }

    private func close() async {
        await pool.close()
        await cluster?.stop()
    }
}
