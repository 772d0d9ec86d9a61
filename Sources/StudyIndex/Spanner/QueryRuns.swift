import DICOM
import Foundation
import PostgresClient

/// A query that is answered later, and that this server has taken upon itself.
package struct ClaimedQuery: Sendable {
    package let id: String
    /// Its fence: whatever is written about it is written only while this holds.
    package let claim: UUID
    package let key: String
    /// nil: all sources.
    package let spanner: Int64?
    package let request: QueryRequest
}

/// What was asked, as it was asked.
package struct QueryRequest: Sendable, Hashable {
    package var level: QueryLevel
    /// Of the URL.
    package var query: String
    package var cacheControl: String

    package init(level: QueryLevel, query: String, cacheControl: String) {
        self.level = level
        self.query = query
        self.cacheControl = cacheControl
    }
}

/// How a query stands that is answered later. Times are UTC, ISO 8601.
package struct QueryProgress: Sendable, Hashable {
    package enum State: String, Sendable { case pending, running, completed, failed }

    /// What one source has contributed.
    package struct Source: Sendable, Hashable {
        /// `indexed`: it was not asked, because the index vouches for it, or because the client said so.
        package enum State: String, Sendable { case pending, indexed, answered, failed }

        package var source: String
        package var state: State
        /// Its copies in the answer; nil: not known yet.
        package var matches: Int?
        package var reason: String?
        package var started: String?
        package var ended: String?
        package var seconds: Double?

        package init(
            source: String, state: State, matches: Int? = nil, reason: String? = nil, started: String? = nil,
            ended: String? = nil, seconds: Double? = nil
        ) {
            self.source = source
            self.state = state
            self.matches = matches
            self.reason = reason
            self.started = started
            self.ended = ended
            self.seconds = seconds
        }
    }

    package var state: State
    package var level: QueryLevel
    package var spanner: Int64?
    package var created: String
    package var ended: String?
    /// Servers that have begun it.
    package var attempts: Int
    package var reason: String?
    package var matches: Int?
    package var warnings: [String]
    /// Seconds; nil: nothing proven stands behind the answer.
    package var age: Int?
    package var sources: [Source]
}

extension StudyIndex {
    /// A server that was not heard of for so long is believed dead, and its runs are anybody's.
    package static let queryLease = Duration.seconds(15)
    /// Servers that may begin a run before it is given up.
    package static let queryAttempts: Int64 = 3
    /// Unfinished ones of one key.
    package static let queriesUnfinished: Int64 = 10
    /// Finished ones of one key.
    package static let queriesKept: Int64 = 50
    package static let queryRetention = Duration.seconds(3_600)

    /// Keeps a query for whichever server is the first to take it; returns its id.
    ///
    /// - Throws: `IndexError.tooMany`: the key has as many unfinished.
    package func enqueue(_ request: QueryRequest, spanner: Int64?, key: String) async throws -> String {
        guard let id = randomBytes(16).map(hex) else {
            throw IndexError(.corrupt, "the system's libcrypto has no random bytes to give")
        }
        let isEntered = try await pool.withConnection { connection in
            try connection.query(
                SQL.insertQueryRun,
                [
                    .text(id), .text(key), spanner.map { .int($0) } ?? .null, .text(request.level.rawValue),
                    .text(request.query), .text(request.cacheControl), .int(Self.queriesUnfinished),
                ]
            ).first != nil
        }
        guard isEntered else {
            throw IndexError(.tooMany, "this key has \(Self.queriesUnfinished) unfinished queries")
        }
        return id
    }

    // MARK: Running

    package func claimQuery() async throws -> ClaimedQuery? {
        try await pool.withConnection { connection in
            guard
                let row = try connection.query(
                    SQL.claimQueryRun, [.double(Self.queryLease / .seconds(1)), .int(Self.queryAttempts)]
                ).first, let claim = row.uuid(1), let level = row.string(4).flatMap(QueryLevel.init(rawValue:))
            else { return nil }
            return ClaimedQuery(
                id: row.string(0) ?? "", claim: claim, key: row.string(2) ?? "", spanner: row.int(3).map(Int64.init),
                request: QueryRequest(level: level, query: row.string(5) ?? "", cacheControl: row.string(6) ?? ""))
        }
    }

    package func renewQueries(_ claims: [UUID]) async throws {
        _ = try await pool.withConnection {
            try $0.query(SQL.renewQueryRuns, [.uuidArray(claims), .double(Self.queryLease / .seconds(1))])
        }
    }

    /// Gives them back to whoever comes next.
    package func releaseQueries(_ claims: [UUID]) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.releaseQueryRuns, [.uuidArray(claims)]) }
    }

    package func note(_ source: QueryProgress.Source, of claim: UUID) async throws {
        _ = try await pool.withConnection {
            try $0.query(
                SQL.noteQueryRunSource,
                [
                    .uuid(claim), .text(source.source), .text(source.state.rawValue),
                    source.matches.map { .int(Int64($0)) } ?? .null, source.reason.map { .text($0) } ?? .null,
                ])
        }
    }

    /// Sources that were asked for a run.
    package func sources(ofClaim claim: UUID) async throws -> Set<String> {
        try await pool.withConnection { connection in
            Set(try connection.query(SQL.queryRunAsked, [.uuid(claim)]).compactMap { $0.string(0) })
        }
    }

    package func complete(_ claim: UUID, answer: [UInt8], matches: Int, warnings: [String], age: Int?) async throws {
        _ = try await pool.withConnection {
            try $0.query(
                SQL.completeQueryRun,
                [
                    .uuid(claim), .int(Int64(matches)), .textArray(warnings), age.map { .int(Int64($0)) } ?? .null,
                    .bytes(answer),
                ])
        }
    }

    package func fail(_ claim: UUID, reason: String) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.failQueryRun, [.uuid(claim), .text(reason)]) }
    }

    /// Gives up what no server ends, and forgets what has been kept long enough.
    package func tidyQueries() async throws {
        _ = try await pool.withConnection {
            try $0.query(
                SQL.tidyQueryRuns,
                [.int(Self.queryAttempts), .double(Self.queryRetention / .seconds(1)), .int(Self.queriesKept)])
        }
    }

    // MARK: Reading

    /// nil: there is none, or it is another key's. `key` nil: whoever asked it.
    package func query(_ id: String, of key: String?) async throws -> QueryProgress? {
        try await pool.withConnection { connection in
            guard
                let row = try connection.query(SQL.queryRun, [.text(id.storable), key.map { .text($0) } ?? .null]).first
            else { return nil }
            return QueryProgress(
                state: row.string(0).flatMap(QueryProgress.State.init(rawValue:)) ?? .failed,
                level: row.string(1).flatMap(QueryLevel.init(rawValue:)) ?? .study, spanner: row.int(2).map(Int64.init),
                created: row.string(3) ?? "", ended: row.string(4), attempts: row.int(5) ?? 0, reason: row.string(6),
                matches: row.int(7), warnings: row.strings(8) ?? [], age: row.int(9),
                sources: try connection.query(SQL.queryRunSources, [.text(id.storable)]).map { row in
                    QueryProgress.Source(
                        source: row.string(0) ?? "",
                        state: row.string(1).flatMap(QueryProgress.Source.State.init(rawValue:)) ?? .failed,
                        matches: row.int(2), reason: row.string(3), started: row.string(4), ended: row.string(5),
                        seconds: row.double(6))
                })
        }
    }

    /// DICOM JSON; nil: it has not ended, or has found nothing out.
    package func answer(ofQuery id: String) async throws -> [UInt8]? {
        try await pool.withConnection { try $0.query(SQL.queryRunAnswer, [.text(id.storable)]).first?.bytes(0) }
    }
}
