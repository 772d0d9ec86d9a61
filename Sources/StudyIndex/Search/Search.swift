import DICOM
import PostgresClient

extension StudyIndex: StudyCatalog {
    /// How long a search may run in the database before it is refused as too broad.
    private static let statementTimeout = "10s"

    /// Looks studies up. A study is found when one of its current observations matches; its patient group comes from that
    /// observation, everything else from the consolidated row. Copies that name different patients give one answer each.
    package func search(_ query: StudyQuery) async throws -> StudyAnswer {
        let statement = SearchStatement(query)
        let sql = Self.sql(statement)
        let page = [PostgresValue.int(Int64(max(0, query.limit))), .int(Int64(max(0, query.offset)))]
        return try await pool.withConnection { connection in
            try connection.query("SELECT set_config('statement_timeout', $1, false)", [.text(Self.statementTimeout)])
            defer { _ = try? connection.query("SELECT set_config('statement_timeout', '0', false)") }
            return Self.answer(try connection.query(sql, statement.parameters + page))
        }
    }

    private static let patientColumns = [
        "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date", "patient_sex",
    ]
    private static let columns = AttributeDictionary.observation.compactMap(\.column)

    private static func sql(_ statement: SearchStatement) -> String {
        let shown = columns.map { patientColumns.contains($0) ? "o.\($0)" : "s.\($0)" }.joined(separator: ", ")
        return """
            WITH matched AS (
                SELECT o.study_uid, o.source_id, source.priority, source.name AS source_name,
                       coalesce(o.patient_id, '') AS patient, o.issuer, (\(statement.undecidedClause)) AS undecided
                FROM observation o
                JOIN study s ON s.study_uid = o.study_uid
                JOIN source ON source.id = o.source_id
                WHERE \(statement.whereClause)
            ), answers AS (
                SELECT DISTINCT ON (study_uid, patient, issuer) study_uid, source_id,
                       bool_and(undecided) OVER (PARTITION BY study_uid, patient, issuer) AS undecided, source_name
                FROM matched
                ORDER BY study_uid, patient, issuer, undecided, priority, source_id
            ), page AS (
                SELECT a.*, count(*) OVER () AS total, s.study_day, s.study_clock
                FROM answers a JOIN study s ON s.study_uid = a.study_uid
                ORDER BY s.study_day DESC NULLS LAST, s.study_clock DESC NULLS LAST, a.study_uid, a.source_id
                LIMIT $\(statement.parameters.count + 1) OFFSET $\(statement.parameters.count + 2)
            )
            SELECT p.total, p.undecided, p.source_name,
                   ARRAY(SELECT h.ae_title FROM observation c JOIN source h ON h.id = c.source_id
                         WHERE c.study_uid = p.study_uid AND c.missing_since IS NULL ORDER BY h.priority, h.id),
                   \(shown)
            FROM page p
            JOIN study s ON s.study_uid = p.study_uid
            JOIN observation o ON o.study_uid = p.study_uid AND o.source_id = p.source_id
            ORDER BY p.study_day DESC NULLS LAST, p.study_clock DESC NULLS LAST, p.study_uid, p.source_id
            """
    }

    private static func answer(_ rows: PostgresResult) -> StudyAnswer {
        var undecided: Set<String> = []
        let studies = rows.map { row in
            if row.bool(1) == true, let source = row.string(2) { undecided.insert(source) }
            return CatalogStudy(
                record: StudyRecord(texts: columns.indices.map { row.string($0 + 4) }), holders: row.strings(3) ?? [])
        }
        let total = rows.first?.int(0) ?? 0
        return StudyAnswer(studies: studies, total: total, undecidedSources: undecided.sorted())
    }
}
