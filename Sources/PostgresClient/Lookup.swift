import CPostgres

/// One statement that only reads, finds few rows by an index, and shares a connection with others of its kind.
struct Lookup: Sendable {
    let sql: String
    let parameters: [PostgresValue]
    let settings: [String: String]
    let answer: @Sendable (Result<PostgresResult, any Error>) -> Void

    /// So many share a round trip at most: beyond it nothing is gained, and the first waits for the last.
    static let mostTogether = 32
    /// A longer one is asked by itself: a pipeline whose sender waits for a reader who waits for it would never end.
    static let longest = 2_048

    var isShort: Bool { parameters.reduce(0) { $0 + $1.size } <= Self.longest }
}

extension PostgresConnection {
    /// Answers them all in one round trip. Whatever one of them meets is its own: the others are asked again by themselves.
    func answer(_ lookups: [Lookup]) {
        do {
            if let settings = lookups.first?.settings { try use(settings) }
            let results = lookups.count > 1 ? (try? pipeline(lookups)) ?? [] : []
            for (position, lookup) in lookups.enumerated() {
                if position < results.count, let result = results[position] {
                    lookup.answer(.success(result))
                } else {
                    lookup.answer(Result { try query(lookup.sql, lookup.parameters) })
                }
            }
        } catch {
            for lookup in lookups { lookup.answer(.failure(error)) }
        }
    }

    /// By position; nil: it failed, or came after one that did.
    private func pipeline(_ lookups: [Lookup]) throws(PostgresError) -> [PostgresResult?] {
        var names: [String] = []
        try makeRoom(for: lookups.count)
        for lookup in lookups { names.append(try prepare(lookup.sql, lookup.parameters)) }
        guard PQenterPipelineMode(connection) == 1 else { throw lost() }
        for (name, lookup) in zip(names, lookups) {
            let isSent = Self.encoded(lookup.parameters) { count, pointers, lengths, formats in
                PQsendQueryPrepared(connection, name, count, pointers, lengths, formats, 1) == 1
            }
            guard isSent else { throw lost() }
        }
        guard PQpipelineSync(connection) == 1 else { throw lost() }
        var results: [PostgresResult?] = []
        for _ in lookups {
            guard let result = PQgetResult(connection) else { throw lost() }
            if PQresultStatus(result) == PGRES_TUPLES_OK {
                results.append(PostgresResult(result))
            } else {
                PQclear(result)
                results.append(nil)
            }
            // Each statement's results end with none.
            while let rest = PQgetResult(connection) { PQclear(rest) }
        }
        guard let synchronised = PQgetResult(connection) else { throw lost() }
        PQclear(synchronised)
        guard PQexitPipelineMode(connection) == 1 else { throw lost() }
        return results
    }
}
