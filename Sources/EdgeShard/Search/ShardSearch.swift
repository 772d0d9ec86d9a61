import DICOM

/// A `StudyQuery` on one shard.
///
/// Rows of `observation` are matched, never the consolidated study, which may join the values of two copies. A row that does
/// not know what a key asks about is kept, unless another copy of its study knows better; it is then `undecided`.
struct ShardSearch {
    /// Studies, newest first, among which an unselective query looks first: nearly always they fill its page.
    static let newest = 2_000

    private let keys: [ShardKeyCondition]
    private let filter: ShardSearchValues
    private let limit: Int
    private let offset: Int
    private let after: PagePosition?

    init(_ query: StudyQuery) {
        var values = ShardSearchValues()
        keys = query.keys.filter { $0.match != .universal }.map { ShardKeyCondition($0, &values) }
        filter = values
        limit = max(0, query.limit)
        after = query.after
        offset = after == nil ? max(0, query.offset) : 0
    }

    /// What one shard answers.
    struct Answer {
        var studies: [Placed]
        /// Where the page begins after another, what lies before it is not counted.
        var total: Int

        struct Placed {
            var study: CatalogStudy
            var place: PagePosition
            /// The source whose copy is in the answer although it does not know what is asked about; nil: it knows.
            var undecidedSource: String?
        }

        var undecidedSources: [String] { Set(studies.compactMap(\.undecidedSource)).sorted() }
    }

    func answer(in shard: OpenShard, _ database: SQLiteDatabase) throws -> Answer {
        if driver == nil {
            let (sql, values) = amongNewest()
            let page = try rows(sql, values, database)
            if page.count >= max(1, limit) { return try answer(page, shard, database) }
        }
        let (sql, values) = amongAll()
        return try answer(try rows(sql, values, database), shard, database)
    }

    /// The key whose candidates are looked through; nil: no index finds the matches.
    var driver: ShardKeyCondition? {
        keys.filter { $0.candidates != nil }.min { $0.selectivity < $1.selectivity }
    }

    // MARK: SQL

    /// All matches, by indexes or by reading all copies.
    func amongAll() -> (sql: String, values: [SQLiteValue]) {
        let found = driver?.candidates.map { "o.observation_id IN (\($0.joined(separator: " UNION ALL "))) AND " } ?? ""
        return statement(
            """
            FROM observation o CROSS JOIN study s ON s.study_id = o.study_id
            JOIN source h ON h.source_id = o.source_id
            WHERE \(found)\(conditions)
            """, filter)
    }

    /// The matches among the newest studies only, in the order of `study_newest`.
    private func amongNewest() -> (sql: String, values: [SQLiteValue]) {
        var values = filter
        let window = values.add(SQLiteValue(min(offset, 1 << 40) + min(limit, 1 << 40) + Self.newest))
        let beginning = after.map { "WHERE " + $0.bound(&values) } ?? ""
        return statement(
            """
            FROM (SELECT * FROM study INDEXED BY study_newest \(beginning)
                  ORDER BY study_day DESC, study_clock DESC, study_uid LIMIT \(window)) s
            CROSS JOIN observation o INDEXED BY observation_study ON o.study_id = s.study_id
            JOIN source h ON h.source_id = o.source_id
            WHERE \(conditions)
            """, values)
    }

    private var conditions: String {
        guard !keys.isEmpty else { return "1" }
        return keys.map { key in
            if key.isAlwaysKnown { return key.matches("o") }
            return """
                (\(key.matches("o")) OR \(key.unknown("o")))
                AND (NOT \(key.unknown("o")) OR NOT EXISTS (
                    SELECT 1 FROM observation c INDEXED BY observation_study
                    WHERE c.study_id = o.study_id AND NOT \(key.unknown("c")) AND NOT coalesce(\(key.matches("c")), 0)))
                """
        }.joined(separator: "\nAND ")
    }

    private var undecided: String {
        let doubts = keys.filter { !$0.isAlwaysKnown }.map { $0.unknown("o") }
        return doubts.isEmpty ? "0" : "(" + doubts.joined(separator: " OR ") + ")"
    }

    private func statement(_ matched: String, _ values: ShardSearchValues) -> (sql: String, values: [SQLiteValue]) {
        var values = values
        let (limit, offset) = (values.add(SQLiteValue(limit)), values.add(SQLiteValue(offset)))
        let beginning = after.map { "AND " + $0.isFollowed(&values) } ?? ""
        let sql = """
            WITH matched AS (
                SELECT o.study_id, o.source_id, h.name AS source_name, h.priority, s.study_uid, s.study_day, s.study_clock,
                       coalesce(o.other_patient, '') AS patient, \(undecided) AS undecided
                \(matched)
            ), answers AS (
                SELECT *, row_number() OVER (PARTITION BY study_id, patient ORDER BY undecided, priority, source_id) AS rank
                FROM matched
            )
            SELECT study_id, source_id, source_name, undecided, study_day, study_clock, study_uid, patient, count(*) OVER ()
            FROM answers WHERE rank = 1 \(beginning)
            ORDER BY study_day DESC, study_clock DESC, study_uid, patient
            LIMIT \(limit) OFFSET \(offset)
            """
        return (sql, values.values)
    }

    // MARK: Rows

    private struct Row {
        var study: Int
        var source: Int
        var sourceName: String
        var isUndecided: Bool
        var place: PagePosition
        var total: Int
    }

    private func rows(_ sql: String, _ values: [SQLiteValue], _ database: SQLiteDatabase) throws -> [Row] {
        let statement = try database.statement(sql)
        defer { statement.reset() }
        try statement.bind(values)
        var rows: [Row] = []
        while try statement.step() {
            let place = PagePosition(
                day: statement.int(4), clock: statement.int(5), studyUID: statement.text(6) ?? "",
                patient: statement.text(7) ?? "")
            rows.append(
                Row(
                    study: statement.int(0) ?? 0, source: statement.int(1) ?? 0, sourceName: statement.text(2) ?? "",
                    isUndecided: statement.int(3) == 1, place: place, total: statement.int(8) ?? 0))
        }
        return rows
    }

    private func answer(_ rows: [Row], _ shard: OpenShard, _ database: SQLiteDatabase) throws -> Answer {
        var studies: [Answer.Placed] = []
        studies.reserveCapacity(rows.count)
        for row in rows {
            let copies = try shard.copies(of: row.study, uid: row.place.studyUID, database)
            guard let consolidation = Consolidation(copies, sources: shard.sources),
                let matched = consolidation.copies.first(where: { $0.copy.source == row.source })
            else { throw ShardError(.malformed, "a study without the copy that was found") }
            let patient = row.place.patient
            let holders = consolidation.copies.filter { (consolidation.otherPatient($0) ?? "") == patient }
                .compactMap { shard.sources[$0.copy.source]?.aeTitle }
            let record = Self.shown(matched.copy, consolidation, isOther: !patient.isEmpty)
            studies.append(
                Answer.Placed(
                    study: CatalogStudy(record: record, holders: holders), place: row.place,
                    undecidedSource: row.isUndecided ? row.sourceName : nil))
        }
        return Answer(studies: studies, total: rows.first?.total ?? 0)
    }

    /// The patient group comes from the copy that matched; the rest is the study's, or for another patient's copy its own.
    private static func shown(_ copy: ShardStudy.Copy, _ consolidation: Consolidation, isOther: Bool) -> StudyRecord {
        var record = isOther ? StudyRecord(texts: copy.record.texts) : consolidation.record()
        for tag in Consolidation.patientGroup { record[tag] = copy.record[tag] }
        record[.issuerOfPatientID] = copy.issuer
        return record
    }
}

/// Days since 1970-01-01, microseconds since midnight, as a shard has them.
extension PagePosition {
    /// Whether a row of `answers` comes after this place in the order of answers.
    fileprivate func isFollowed(_ values: inout ShardSearchValues) -> String {
        let (day, clock) = (values.add(SQLiteValue(day)), values.add(SQLiteValue(clock)))
        let (uid, patient) = (values.add(.text(studyUID)), values.add(.text(patient)))
        return """
            (study_day < \(day) OR (study_day IS NULL AND \(day) IS NOT NULL)
             OR (study_day IS \(day)
                 AND (study_clock < \(clock) OR (study_clock IS NULL AND \(clock) IS NOT NULL)
                      OR (study_clock IS \(clock) AND (study_uid, patient) > (\(uid), \(patient))))))
            """
    }

    /// A range of `study_newest` that begins with its day. Studies without a date, which come after all others, are not in
    /// that of a day.
    fileprivate func bound(_ values: inout ShardSearchValues) -> String {
        day == nil ? "study_day IS NULL" : "study_day <= \(values.add(SQLiteValue(day)))"
    }

    /// The order of answers: study date and time, newest first, those without at the end; then the UID, then the patient.
    func precedes(_ other: PagePosition) -> Bool {
        let (mine, its) = ((day ?? .min, clock ?? .min), (other.day ?? .min, other.clock ?? .min))
        return mine == its ? (studyUID, patient) < (other.studyUID, other.patient) : mine > its
    }
}
