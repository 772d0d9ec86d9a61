import DICOM
import PostgresClient

extension StudyIndex: StudyCatalog {
    /// How long a search may run in the database before it is refused as too broad (F149).
    private static let statementTimeout = "10s"

    /// Looks studies up. A study is found when one of its current observations matches all keys; its patient group comes
    /// from that observation, everything else from the consolidated row. Copies that name different patients give one answer
    /// each. `total` counts all matches, or where no key is selective at least `SearchStatement.newest` beyond the page.
    ///
    /// Throws `tooBroad` when it takes longer than 10 seconds, and when more than 5,000 names have an infix, or match
    /// fuzzily, and no other key is selective.
    package func search(_ query: StudyQuery) async throws -> StudyAnswer {
        do { return try await answer(try await statement(query), limit: query.limit) } catch let error as PostgresError
            where error.sqlState == "57014"
        {
            throw IndexError(.tooBroad, "the search took longer than \(Self.statementTimeout)")
        }
    }

    /// The statement that answers a query by a key that names one thing: for benchmarks, which ask it elsewhere.
    package static func statement(for query: StudyQuery) -> (sql: String, parameters: [PostgresValue]) {
        SearchStatement(query).amongAll()
    }

    /// Names are looked up first, where no exact key finds the few rows whose names are to be compared: how many there are
    /// decides how observations are found.
    func statement(_ query: StudyQuery) async throws -> SearchStatement {
        let uninformed = SearchStatement(query)
        let keys = query.keys.filter { NameCondition($0.match) != nil }
        guard !uninformed.isExact, !keys.isEmpty else { return uninformed }
        let found = try await pool.withConnection(settings: Self.settings(uninformed)) { connection in
            try keys.reduce(into: [:]) { $0[$1] = try Self.names(matching: $1, connection) }
        }
        let statement = SearchStatement(query, names: found)
        let isBroad = keys.contains { key in
            if case .many = found[key] { return NameCondition(key.match)?.isBeginning != true }
            return false
        }
        guard !isBroad || statement.isSelective else {
            throw IndexError(.tooBroad, "more than \(FoundNames.most) names match")
        }
        return statement
    }

    private func answer(_ statement: SearchStatement, limit: Int) async throws -> StudyAnswer {
        let settings = Self.settings(statement)
        if statement.isExact {
            let (sql, parameters) = statement.amongAll()
            return Self.answer(try await pool.lookup(sql, parameters, settings: settings))
        }
        return try await pool.withConnection(settings: settings) { connection in
            if !statement.isSelective {
                let (sql, parameters) = statement.amongNewest()
                let rows = try connection.query(sql, parameters)
                if rows.count >= max(1, limit) { return Self.answer(rows) }
            }
            let (sql, parameters) = statement.amongAll()
            return Self.answer(try connection.query(sql, parameters))
        }
    }

    /// Where one plan fits all values it is made once for each connection: making it takes longer than the search.
    /// Elsewhere the best plan depends on the values: a prefix may be one name or half of all.
    private static func settings(_ statement: SearchStatement) -> [String: String] {
        [
            "statement_timeout": statementTimeout,
            "plan_cache_mode": statement.isExact ? "force_generic_plan" : "force_custom_plan",
        ]
    }

    private static func answer(_ rows: PostgresResult) -> StudyAnswer {
        var undecided: Set<String> = []
        let studies = rows.map { row in
            if row.bool(1) == true, let source = row.string(2) { undecided.insert(source) }
            return CatalogStudy(
                record: StudyRecord(texts: AttributeDictionary.observation.indices.map { row.string($0 + 4) }),
                holders: row.strings(3) ?? [])
        }
        return StudyAnswer(studies: studies, total: rows.first?.int(0) ?? 0, undecidedSources: undecided.sorted())
    }
}
