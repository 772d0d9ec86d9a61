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
            let matches = try matches(amongNewest(), shard, database)
            if matches.count - offset >= max(1, limit) { return try answer(matches, shard, database) }
        }
        let rarest = try driver?.trigrams.map { try shard.trigrams.rarest(of: $0.texts, database) }
        return try answer(try matches(amongAll(trigrams: rarest), shard, database), shard, database)
    }

    /// The key whose candidates are looked through; nil: no index finds the matches.
    var driver: ShardKeyCondition? {
        keys.filter { $0.candidates != nil }.min { $0.selectivity < $1.selectivity }
    }

    // MARK: SQL

    /// All matches, by indexes or by reading all copies.
    ///
    /// - Parameter trigrams: those that names are looked up by; nil: all of the pattern.
    func amongAll(trigrams: [String]? = nil) -> (sql: String, values: [SQLiteValue]) {
        var values = filter
        if let (all, parameter) = driver?.trigrams {
            values.set(.text(Trigrams.match(trigrams ?? all.texts)), at: parameter)
        }
        let found = driver?.candidates.map { "o.observation_id IN (\($0.joined(separator: " UNION ALL "))) AND " } ?? ""
        return statement(
            """
            FROM observation o CROSS JOIN study s ON s.study_id = o.study_id
            WHERE \(found)\(conditions)
            """, values)
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
        let beginning = after.map { "AND " + $0.isFollowed(&values) } ?? ""
        let sql = """
            SELECT o.study_id, o.source_id, \(undecided), s.study_day, s.study_clock, o.other_patient, s.study_uid
            \(matched) \(beginning)
            """
        return (sql, values.values)
    }

    // MARK: Rows

    private func matches(
        _ statement: (sql: String, values: [SQLiteValue]), _ shard: OpenShard, _ database: SQLiteDatabase
    ) throws -> ShardMatches {
        let rows = try database.statement(statement.sql)
        defer { rows.reset() }
        try rows.bind(statement.values)
        return try ShardMatches(rows, of: shard)
    }

    private func answer(_ matches: ShardMatches, _ shard: OpenShard, _ database: SQLiteDatabase) throws -> Answer {
        let uids = try database.statement("SELECT study_uid FROM study WHERE study_id = ?")
        let copies = try database.statement(ShownStudy.selection)
        defer { for statement in [uids, copies] { statement.reset() } }
        let page = try matches.page(from: offset, upTo: limit) { study in
            uids.reset()
            try uids.bind(.integer(Int64(study)), at: 1)
            return try uids.step() ? uids.text(0) ?? "" : ""
        }
        let studies = try page.map { match, place in
            copies.reset()
            try copies.bind(.integer(Int64(match.study)), at: 1)
            guard let study = try ShownStudy(copies, uid: place.studyUID, in: shard).found(in: match.rank) else {
                throw ShardError(.malformed, "a study without the copy that was found")
            }
            return Answer.Placed(
                study: study, place: place,
                undecidedSource: match.isUndecided ? shard.ranked[match.rank].name : nil)
        }
        return Answer(studies: studies, total: page.isEmpty ? 0 : matches.count)
    }
}

/// Days since 1970-01-01, microseconds since midnight, as a shard has them.
extension PagePosition {
    /// Whether a row, and with it all of its study and patient, comes after this place in the order of answers.
    fileprivate func isFollowed(_ values: inout ShardSearchValues) -> String {
        let (day, clock) = (values.add(SQLiteValue(day)), values.add(SQLiteValue(clock)))
        let (uid, patient) = (values.add(.text(studyUID)), values.add(.text(patient)))
        return """
            (s.study_day < \(day) OR (s.study_day IS NULL AND \(day) IS NOT NULL)
             OR (s.study_day IS \(day)
                 AND (s.study_clock < \(clock) OR (s.study_clock IS NULL AND \(clock) IS NOT NULL)
                      OR (s.study_clock IS \(clock)
                          AND (s.study_uid, coalesce(o.other_patient, '')) > (\(uid), \(patient))))))
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
