import DICOM
import PostgresClient

extension StudyIndex: StudyCatalog {
    /// How long a search may run in the database before it is refused as too broad (F149).
    private static let statementTimeout = "10s"

    /// Looks studies up. A study is found when one of its current observations matches all keys; its patient group comes
    /// from that observation, everything else from the consolidated row. Copies that name different patients give one answer
    /// each. `total` counts all matches, or where no key but a study date is selective those among at least
    /// `SearchStatement.newest` studies beyond the page.
    ///
    /// Throws `tooBroad` when it takes longer than 10 seconds, and when more than 5,000 names have an infix, or match
    /// fuzzily, and no other key is selective.
    package func search(_ query: StudyQuery, within visibility: Visibility) async throws -> StudyAnswer {
        let seen = try await seen(within: visibility)
        return Self.answer(try await rows(for: query, within: seen), query)
    }

    /// The statement that answers a query by a key that names one thing: for benchmarks, which ask it elsewhere.
    package static func statement(for query: StudyQuery) -> (sql: String, parameters: [PostgresValue]) {
        SearchStatement(query, within: .all).amongAll()
    }

    /// Names are looked up first, where no exact key finds the few rows whose names are to be compared: how many there are
    /// decides how observations are found. What is found are ids, of which it is not told whose they are: names are not
    /// divided by facilities.
    static func statement(
        _ query: StudyQuery, within seen: SeenFacilities, in scope: SourceScope? = nil,
        _ connection: PostgresConnection
    ) throws -> SearchStatement {
        let uninformed = SearchStatement(query, within: seen, in: scope)
        guard !uninformed.isExact, query.namesSomebody else { return uninformed }
        let keys = query.keys.filter { NameCondition($0.match) != nil }
        let found = try keys.reduce(into: [:]) { $0[$1] = try names(matching: $1, connection) }
        let statement = SearchStatement(query, within: seen, in: scope, names: found)
        let isBroad = keys.contains { key in
            if case .many = found[key] { return NameCondition(key.match)?.isBeginning != true }
            return false
        }
        guard !isBroad || statement.isSelective else {
            throw IndexError(.tooBroad, "more than \(FoundNames.most) names match")
        }
        return statement
    }

    /// The rows of a search; of those that are one answer the first five columns say how many answers there are, and its place.
    ///
    /// What takes milliseconds is done in turn. What may take seconds is not: it would keep all others waiting.
    func rows(
        for query: StudyQuery, within seen: SeenFacilities, in scope: SourceScope? = nil
    ) async throws -> PostgresResult {
        let uninformed = SearchStatement(query, within: seen, in: scope)
        let quickly = Self.settings(hasOnePlan: true).merging(seen.settings) { $1 }
        if uninformed.isExact {
            let (sql, parameters) = uninformed.amongAll()
            return try await timely {
                try await pool.inTurn { try await pool.lookup(sql, parameters, settings: quickly) }
            }
        }
        @Sendable func statement(_ connection: PostgresConnection) throws -> SearchStatement {
            try Self.statement(query, within: seen, in: scope, connection)
        }
        return try await timely {
            let known =
                query.findsNamesQuickly
                ? nil : try await pool.withConnection(settings: Self.settings(hasOnePlan: false), statement)
            let first = query.namesSomebody && known == nil ? Self.settings(hasOnePlan: true) : quickly
            let (found, quick) = try await pool.inTurn {
                try await pool.search(settings: first) { connection in
                    let found = try known ?? statement(connection)
                    guard found.isTriedAmongNewest || found.hasOnePlan else { return (found, PostgresResult?.none) }
                    try connection.use(quickly)
                    return (found, try Self.quickRows(of: found, for: query, connection))
                }
            }
            if let quick { return quick }
            let (sql, parameters) = found.amongAll()
            let settings = Self.settings(hasOnePlan: false).merging(seen.settings) { $1 }
            return try await pool.withConnection(settings: settings) { try $0.query(sql, parameters) }
        }
    }

    /// nil: they take longer.
    private static func quickRows(
        of statement: SearchStatement, for query: StudyQuery, _ connection: PostgresConnection
    ) throws -> PostgresResult? {
        if statement.isTriedAmongNewest {
            for number in SearchStatement.windows {
                let (sql, parameters) = statement.amongNewest(number)
                let rows = try connection.query(sql, parameters)
                if rows.numberOfAnswers >= max(1, query.limit) { return rows }
            }
        }
        guard statement.hasOnePlan else { return nil }
        let (sql, parameters) = statement.amongAll()
        return try connection.query(sql, parameters)
    }

    private func timely<T>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let error as PostgresError where error.sqlState == "57014" {
            throw IndexError(.tooBroad, "the search took longer than \(Self.statementTimeout)")
        }
    }

    /// Where one plan fits all values it is made once for each connection: making it takes longer than the search.
    /// Elsewhere the best plan depends on the values: a prefix may be one name or half of all.
    private static func settings(hasOnePlan: Bool) -> [String: String] {
        [
            "statement_timeout": statementTimeout,
            "plan_cache_mode": hasOnePlan ? "force_generic_plan" : "force_custom_plan",
            // Looking in the cache for the next page of a heap costs more than reading it one page ahead saves.
            "effective_io_concurrency": "0",
        ]
    }

    private static func answer(_ rows: PostgresResult, _ query: StudyQuery) -> StudyAnswer {
        var undecided: Set<String> = []
        let first = SearchStatement.placeColumns
        let studies = rows.map { row in
            if row.bool(first) == true, let source = row.string(first + 1) { undecided.insert(source) }
            return CatalogStudy(
                record: StudyRecord(
                    texts: AttributeDictionary.observation.indices.map { row.string($0 + first + 3) }),
                holders: row.strings(first + 2) ?? [])
        }
        return StudyAnswer(
            studies: studies, total: rows.total(query), undecidedSources: undecided.sorted(),
            end: rows.last.map(PagePosition.init))
    }
}

extension StudyQuery {
    fileprivate var namesSomebody: Bool { keys.contains { NameCondition($0.match) != nil } }

    /// Whether none of its names is looked for by reading them.
    fileprivate var findsNamesQuickly: Bool { keys.allSatisfy { NameCondition($0.match)?.hasOnePlan ?? true } }
}

extension PostgresResult {
    /// Matches in all. Where the page begins after another, what lies before it was not counted.
    func total(_ query: StudyQuery) -> Int { (first?.int(0) ?? 0) + (query.after == nil ? 0 : query.offset) }

    /// Rows with the same place are parts of one.
    fileprivate var numberOfAnswers: Int {
        var (count, last) = (0, PagePosition?.none)
        for row in self {
            let place = PagePosition(row)
            if place != last { count += 1 }
            last = place
        }
        return count
    }
}
