import DICOM
import Foundation
import PostgresClient

/// A configuration as it is stored; times are UTC, ISO 8601.
package struct StoredSpanner: Sendable {
    package let id: Int64
    package let configuration: SpannerConfiguration
    package let created: String
    package let updated: String
}

package struct StoredMapping: Sendable {
    package let id: Int64
    package let mapping: SourceMapping
}

extension StudyIndex {
    package static let mostSpanners = 1_000
    package static let mostMappings = 100

    // MARK: Configurations

    /// All of them, or the one with this id, in the order of their making.
    package func spanners(id: Int64? = nil) async throws -> [StoredSpanner] {
        try await pool.withConnection { connection in
            try connection.query(SQL.spannerConfigs, [id.map { .int($0) } ?? .null]).map(Self.spanner)
        }
    }

    /// - Throws: `IndexError.exists`: another has this name; `.tooMany`.
    package func insert(_ configuration: SpannerConfiguration) async throws -> Int64 {
        let id = try await unique("another configuration has this name") { connection in
            try connection.query(
                SQL.insertSpannerConfig, Self.values(configuration) + [.int(Int64(Self.mostSpanners))]
            ).first?.int(0)
        }
        guard let id else { throw IndexError(.tooMany, "there are \(Self.mostSpanners) configurations already") }
        return Int64(id)
    }

    /// False: there is none with this id.
    package func update(_ configuration: SpannerConfiguration, id: Int64) async throws -> Bool {
        try await unique("another configuration has this name") { connection in
            try connection.query(SQL.updateSpannerConfig, Self.values(configuration) + [.int(id)]).affectedRows == 1
        }
    }

    package func deleteSpanner(id: Int64) async throws -> Bool {
        try await pool.withConnection { try $0.query(SQL.deleteSpannerConfig, [.int(id)]).affectedRows == 1 }
    }

    private static func values(_ configuration: SpannerConfiguration) -> [PostgresValue] {
        [
            .text(configuration.name), .text(configuration.description),
            .int(Int64(configuration.maximumConcurrentSources)), .int(configuration.timeout.components.seconds),
            .int(Int64(configuration.retries)), .text(configuration.failureStrategy.word),
            configuration.failureStrategy.minimumSuccesses.map { .int(Int64($0)) } ?? .null,
            .bool(configuration.deduplicates), .text(configuration.consolidation.rawValue),
            .text(configuration.policy.rawValue), .bool(configuration.enterpriseMode),
        ]
    }

    private static func spanner(_ row: PostgresRow) -> StoredSpanner {
        var configuration = SpannerConfiguration()
        configuration.name = row.string(1) ?? ""
        configuration.description = row.string(2) ?? ""
        configuration.maximumConcurrentSources = row.int(3) ?? configuration.maximumConcurrentSources
        configuration.timeout = row.int(4).map { .seconds($0) } ?? configuration.timeout
        configuration.retries = row.int(5) ?? configuration.retries
        switch row.string(6) {
        case FailureStrategy.failFast.word: configuration.failureStrategy = .failFast
        case FailureStrategy.bestEffort.word: configuration.failureStrategy = .bestEffort
        default: configuration.failureStrategy = .minimumThreshold(row.int(7) ?? 1)
        }
        configuration.deduplicates = row.bool(8) ?? true
        configuration.consolidation = row.string(9).flatMap(ConsolidationStrategy.init(rawValue:)) ?? .priority
        configuration.policy = row.string(10).flatMap(SpannerPolicy.init(rawValue:)) ?? .supplement
        configuration.enterpriseMode = row.bool(11) ?? false
        return StoredSpanner(
            id: Int64(row.int(0) ?? 0), configuration: configuration, created: row.string(12) ?? "",
            updated: row.string(13) ?? "")
    }

    // MARK: Their sources

    /// The sources of a configuration, the best first, or the one with this id.
    package func mappings(of spanner: Int64, id: Int64? = nil) async throws -> [StoredMapping] {
        try await pool.withConnection { connection in
            try connection.query(SQL.spannerSources, [.int(spanner), id.map { .int($0) } ?? .null]).map { row in
                var mapping = SourceMapping(source: row.string(2) ?? "")
                mapping.sourceType = row.string(1) ?? mapping.sourceType
                mapping.priority = row.int(3) ?? mapping.priority
                mapping.timeout = row.int(4).map { .seconds($0) }
                mapping.filters = try JSONDecoder().decode(
                    [String: String].self, from: Data((row.string(5) ?? "{}").utf8))
                mapping.isEnabled = row.bool(6) ?? false
                return StoredMapping(id: Int64(row.int(0) ?? 0), mapping: mapping)
            }
        }
    }

    /// - Throws: `IndexError.exists`: the configuration has this source already; `.unknownSource`; `.tooMany`.
    package func insert(_ mapping: SourceMapping, into spanner: Int64) async throws -> Int64 {
        try await require(mapping.source)
        let values = try Self.values(mapping, spanner)
        let id = try await unique("the configuration has this source already") { connection in
            try connection.query(SQL.insertSpannerSource, values + [.int(Int64(Self.mostMappings))]).first?.int(0)
        }
        guard let id else { throw IndexError(.tooMany, "a configuration has \(Self.mostMappings) sources at most") }
        return Int64(id)
    }

    /// False: there is none with this id.
    package func update(_ mapping: SourceMapping, of spanner: Int64, id: Int64) async throws -> Bool {
        try await require(mapping.source)
        let values = try Self.values(mapping, spanner)
        return try await unique("the configuration has this source already") { connection in
            try connection.query(SQL.updateSpannerSource, values + [.int(id)]).affectedRows == 1
        }
    }

    package func deleteMapping(of spanner: Int64, id: Int64) async throws -> Bool {
        try await pool.withConnection {
            try $0.query(SQL.deleteSpannerSource, [.int(spanner), .int(id)]).affectedRows == 1
        }
    }

    private static func values(_ mapping: SourceMapping, _ spanner: Int64) throws -> [PostgresValue] {
        [
            .int(spanner), .text(mapping.sourceType), .text(mapping.source), .int(Int64(mapping.priority)),
            mapping.timeout.map { .int($0.components.seconds) } ?? .null,
            .text(String(decoding: try JSONEncoder().encode(mapping.filters), as: UTF8.self)),
            .bool(mapping.isEnabled),
        ]
    }

    /// The names of all sources that were ever registered, the best first.
    package func sourceNames() async throws -> [String] {
        try await pool.withConnection { try $0.query(SQL.sourceNames).compactMap { $0.string(0) } }
    }

    private func require(_ source: String) async throws {
        guard try await sourceNames().contains(source) else {
            throw IndexError(.unknownSource, "no source of this name is configured")
        }
    }

    /// Says in our words what a unique constraint refuses.
    private func unique<T: Sendable>(
        _ refusal: String, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        do { return try await pool.withConnection(body) } catch let error as PostgresError
            where error.sqlState == "23505"
        {
            throw IndexError(.exists, refusal)
        }
    }
}
