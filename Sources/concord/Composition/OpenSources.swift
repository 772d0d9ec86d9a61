import StudyIndex
import Sweep

/// The index, the sources that were chosen as it knows them, and the associations to them.
struct OpenSources: Sendable {
    let index: StudyIndex
    let connectionString: String
    let pool: AssociationPool
    let chosen: [SweepSource]
    /// Of all configured sources, by name.
    let ids: [String: Int32]

    /// Opens the index, registers all configured sources, and runs `body` with those of the given names, or with all.
    static func with<T: Sendable>(
        _ configuration: Configuration, named names: [String] = [], connections: Int = 4,
        _ body: @Sendable (OpenSources) async throws -> T
    ) async throws -> T {
        let chosen = try configuration.sources(named: names)
        return try await OpenIndex.with(configuration, connections: connections) { open in
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            var sources: [SweepSource] = []
            for source in chosen {
                guard let id = ids[source.name] else { continue }
                sources.append(try await source.sweepSource(id: id).informed(by: open.index))
            }
            let informed = sources
            return try await AssociationPool.with(index: open.index) { pool in
                try await body(
                    OpenSources(
                        index: open.index, connectionString: open.connectionString, pool: pool, chosen: informed,
                        ids: ids))
            }
        }
    }

    /// Of those that were chosen the named ones, or all.
    func sources(named names: [String]) throws -> [SweepSource] {
        guard !names.isEmpty else { return chosen }
        return try names.map { name in
            guard let source = chosen.first(where: { $0.name == name }) else {
                throw ConfigurationError(
                    file: "jobs", line: nil, key: "sources", message: "no source is called \(name)")
            }
            return source
        }
    }
}
