import DICOM
import PostgresClient
import Synchronization

/// A `StudyQuery` as SQL: the one place where queries become statements. Values travel as parameters only.
///
/// Rows of `observation` are matched, never the consolidated study, which may join the values of two copies, unless the study
/// is uniform: then one row tells all of it. A row that does not know what a key asks about is kept, unless another copy of its
/// study knows better; it is then `undecided`.
struct SearchStatement: Sendable {
    /// Studies, newest first, among which an unselective query looks first: nearly always they fill its page.
    static let newest = 700
    /// Where they do not, among how many it looks before it looks among all.
    static let windows = [newest, 10 * newest]

    private let studies: VisibleStudy
    private let keys: [KeyCondition]
    private let filter: SearchParameters
    private let scope: ScopeCondition?
    private let limit: Int
    private let offset: Int
    private let after: PagePosition?
    /// Among the newest studies of which dates is looked: those that are asked for, where no other key finds fewer. nil: all.
    ///
    /// Not for a caller who may not see all copies, nor within a scope: a study is placed by the date of one copy and found by
    /// that of another, which is known of all of its copies only.
    private let days: DateRange?
    /// What decides the text of `amongAll`; nil: too much does.
    private let shape: Shape?

    private struct Shape: Hashable {
        let tag: Tag
        let isList: Bool
        let isWhole: Bool

        init(_ key: QueryKey, isWhole: Bool) {
            tag = key.attribute.tag
            if case .uids(let uids) = key.match, uids.count != 1 { isList = true } else { isList = false }
            self.isWhole = isWhole
        }
    }

    /// One thing is asked for thousands of times a second, always in the same words.
    private static let texts = Mutex<[Shape: String]>([:])

    /// - Parameters:
    ///   - seen: what the caller may see.
    ///   - scope: copies that take part; nil: all that are seen.
    ///   - names: what was found for each name key that was looked up.
    init(
        _ query: StudyQuery, within seen: SeenFacilities, in scope: SourceScope? = nil,
        names: [QueryKey: FoundNames] = [:]
    ) {
        var parameters = SearchParameters()
        studies = VisibleStudy(seen, &parameters)
        keys = query.keys.filter { $0.match != .universal }.map { KeyCondition($0, names: names[$0], &parameters) }
        self.scope = scope.map { ScopeCondition($0, &parameters) }
        filter = parameters
        limit = max(0, query.limit)
        after = query.after
        offset = after == nil ? max(0, query.offset) : 0
        let dated = keys.compactMap(\.days)
        days =
            seen == .all && scope == nil && dated.count == 1 && !keys.contains { $0.isSelective && $0.days == nil }
            ? dated.first : nil
        let isPlain = keys.count == 1 && keys[0].isExact && scope == nil && after == nil
        let key = isPlain ? query.keys.first { $0.match != .universal } : nil
        shape = key.map { [studies] in Shape($0, isWhole: studies.isWhole) }
    }

    /// Whether indexes find the matches.
    var isSelective: Bool { keys.contains(where: \.isSelective) }

    /// Whether `amongNewest` is tried first.
    var isTriedAmongNewest: Bool { !isSelective || days != nil }

    /// Whether it finds the few rows of one value.
    var isExact: Bool { keys.contains(where: \.isExact) }

    /// Whether one plan of `amongAll` fits all values, so that it is made once for each connection.
    var hasOnePlan: Bool { keys.contains(where: \.hasOnePlan) }

    /// All matches, by the indexes of `observation`, or by reading it.
    func amongAll() -> (sql: String, parameters: [PostgresValue]) {
        guard let shape else { return writtenAmongAll() }
        if let text = Self.texts.withLock({ $0[shape] }) {
            var parameters = filter
            _ = page(&parameters)
            return (text, parameters.values)
        }
        let written = writtenAmongAll()
        Self.texts.withLock { $0[shape] = written.sql }
        return written
    }

    private func writtenAmongAll() -> (sql: String, parameters: [PostgresValue]) {
        guard usesUniformStudies else {
            let copies = """
                SELECT \(candidate), \(undecided("o")) AS undecided
                    FROM observation o JOIN source ON source.id = o.source_id \(studies.joined(to: "o", whole: false))
                    WHERE \(conditions(leading))
                """
            return statement("matched AS (\(copies))", filter)
        }
        guard !isExact, let named = keys.firstIndex(where: \.findsFewNames) else {
            return statement("matched AS (\(copies(conditions(leading))))", filter)
        }
        // Apart from those that do not tell their names, so that the rest is read from the index of names alone.
        let others = keys.indices.filter { $0 != named }.map { condition(keys[$0]) }
        let (matching, unknown) = (keys[named].matches("o"), unknown(keys[named]))
        let arms = [matching, unknown].map { copies(([isVisible("o"), $0] + others).joined(separator: "\n    AND ")) }
        return statement("matched AS (\(arms.joined(separator: "\nUNION ALL\n")))", filter)
    }

    /// The key that finds the rows where no index finds few.
    private var leading: Int? { isSelective ? nil : keys.firstIndex { $0.finds != nil } }

    /// Copies with the place of their studies. Those of a uniform study tell it themselves: for them no row is fetched.
    private func copies(_ conditions: String) -> String {
        """
        SELECT o.study_uid, o.source_id, source.name AS source_name, source.ae_title, source.priority,
               CASE WHEN o.uniform THEN o.study_day ELSE s.study_day END AS study_day,
               CASE WHEN o.uniform THEN o.study_clock ELSE s.study_clock END AS study_clock,
               CASE WHEN o.uniform THEN '' ELSE \(Self.patient("differing")) END AS patient, o.uniform,
               \(undecided("o")) AS undecided
        FROM observation o JOIN source ON source.id = o.source_id
        LEFT JOIN observation differing
            ON differing.study_uid = CASE WHEN o.uniform THEN NULL ELSE o.study_uid END
            AND differing.source_id = o.source_id
        LEFT JOIN study s ON s.study_uid = differing.study_uid
        WHERE \(conditions)
        """
    }

    /// The matches among so many of the newest studies only, in the order of `study_newest`. One plan fits all values.
    func amongNewest(_ number: Int = newest) -> (sql: String, parameters: [PostgresValue]) {
        var parameters = filter
        // Written out, so that the one plan for all values knows it; rounded, so that few texts are prepared.
        let least = min(offset, 1 << 40) + min(limit, 1 << 40) + number
        let window = "\((least + 199) / 200 * 200)"
        let columns = usesUniformStudies ? keys.map(\.studyColumns) : [nil]
        let told = columns.contains { $0 == nil } ? nil : Set(columns.compactMap { $0 }.joined()).sorted()
        let newest = studies.newest(
            window, of: days, after: after, with: told.map { ["uniform", "source_ids"] + $0 } ?? [], &parameters)
        let copies = """
            SELECT \(candidate), \(undecided("o")) AS undecided
                FROM newest s
                CROSS JOIN LATERAL (SELECT * FROM observation WHERE study_uid = s.study_uid OFFSET 0) AS o
                JOIN source ON source.id = o.source_id
                WHERE \(conditions(nil))
            """
        guard told != nil else { return statement("\(newest), matched AS (\(copies))", parameters) }
        return statement(
            """
            \(newest), matched AS (
                SELECT s.study_uid, source.id AS source_id, source.name AS source_name, source.ae_title,
                       source.priority, s.study_day, s.study_clock, '' AS patient, true AS uniform, \(undecided("s")) AS undecided
                FROM (SELECT *, NULL::text[] AS lossy FROM newest WHERE uniform) AS s
                JOIN source ON source.id = s.source_ids[1]
                WHERE \(conditionsOfUniformStudy)
                UNION ALL
                \(copies) AND NOT s.uniform
            )
            """, parameters)
    }

    // MARK: Parts

    /// What an observation has to be, whatever is asked, to be seen at all.
    private func isVisible(_ copy: String) -> String {
        ([studies.copy(copy)] + (scope.map { [$0.sees(copy)] } ?? [])).joined(separator: " AND ")
    }

    /// - Parameter leading: the key that finds the rows.
    private func conditions(_ leading: Int?) -> String {
        let keys = keys.enumerated().map { position, key in
            condition(key, finding: position == leading ? key.finds : nil)
        }
        return ([isVisible("o")] + keys).joined(separator: "\n    AND ")
    }

    private func condition(_ key: KeyCondition, finding finds: SQLTest? = nil) -> String {
        """
        (\((finds ?? key.matches)("o")) OR \(key.unknown("o")))
            AND (NOT \(key.unknown("o")) OR \(noCopyKnowsBetter(key)))
        """
    }

    private func unknown(_ key: KeyCondition) -> String {
        "\(key.unknown("o")) AND \(noCopyKnowsBetter(key))"
    }

    private func noCopyKnowsBetter(_ key: KeyCondition) -> String {
        """
        NOT EXISTS (
                SELECT 1 FROM observation c
                WHERE c.study_uid = o.study_uid AND \(isVisible("c"))
                  AND NOT \(key.unknown("c")) AND NOT coalesce(\(key.matches("c")), false))
        """
    }

    /// No other copy knows better.
    private var conditionsOfUniformStudy: String {
        let keys = keys.map { "(\($0.matches("s")) OR \($0.unknown("s")))" }
        return keys.isEmpty ? "true" : keys.joined(separator: "\n    AND ")
    }

    private func undecided(_ copy: String) -> String {
        let unknown = keys.map { $0.unknown(copy) } + (scope.map { [$0.unknown(copy)] } ?? [])
        return unknown.isEmpty ? "false" : "(" + unknown.joined(separator: " OR ") + ")"
    }

    /// Within a scope other copies are no part of a study, and of what a caller may not see nothing is told.
    private var usesUniformStudies: Bool { studies.isWhole && scope == nil }

    /// `o` with the place of its study, `s`.
    private var candidate: String {
        """
        o.study_uid, o.source_id, source.name AS source_name, source.ae_title, source.priority, s.study_day, s.study_clock,
                       \(group("o")) AS patient, false AS uniform
        """
    }

    /// Copies of one study with the same group are one answer.
    private func group(_ copy: String) -> String {
        scope?.separatesCopies == true ? "\(copy).source_id::text" : Self.patient(copy)
    }

    /// Empty for copies of the patient that the study is consolidated under; another patient's identity otherwise. Names that
    /// differ are another patient's only together with the birth date, or the ID of the same issuer.
    private static func patient(_ copy: String) -> String {
        """
        CASE WHEN nullif(split_part(\(copy).name_key, '=', 1), '') <> nullif(split_part(s.name_key, '=', 1), '')
              AND (\(copy).birth_day <> s.birth_day
                   OR (\(copy).issuer = s.issuer AND \(copy).patient_id <> s.patient_id))
             THEN concat_ws('\\', split_part(\(copy).name_key, '=', 1), \(copy).birth_day, \(copy).issuer, \(copy).patient_id)
             ELSE '' END
        """
    }

    private static let patientColumns: Set = ["patient_id", "patient_name", "patient_birth_date", "patient_sex"]

    /// The patient group comes from the copy that matched; the rest is the study's, or for another patient's copy its own.
    private static let shown = AttributeDictionary.observation.compactMap(\.column).map { column in
        if column == "study_uid" { return "p.study_uid" }
        let shown = column == "issuer_of_patient_id" ? "issuer" : column
        let isStudys = patientColumns.contains(column) || shown == "issuer" ? "p.uniform" : "p.patient = ''"
        return "CASE WHEN \(isStudys) THEN s.\(shown) ELSE o.\(shown) END"
    }.joined(separator: ", ")

    private func statement(
        _ matched: String, _ parameters: SearchParameters
    ) -> (sql: String, parameters: [PostgresValue]) {
        var parameters = parameters
        let (limit, offset) = page(&parameters)
        let beginning =
            after.map { "WHERE " + $0.follows("(study_uid, patient) >", [$0.studyUID, $0.patient], &parameters) } ?? ""
        let sql = """
            WITH \(matched), answers AS (
                SELECT DISTINCT ON (study_uid, patient) * FROM matched
                ORDER BY study_uid, patient, undecided, priority, source_id
            ), page AS (
                SELECT *, count(*) OVER () AS total FROM answers \(beginning)
                ORDER BY study_day DESC NULLS LAST, study_clock DESC NULLS LAST, study_uid, patient
                LIMIT \(limit) OFFSET \(offset)
            )
            SELECT p.total, p.study_day - date '2000-01-01', p.study_clock, p.study_uid, p.patient, \(rows)
            ORDER BY p.study_day DESC NULLS LAST, p.study_clock DESC NULLS LAST, p.study_uid, p.patient
            """
        return (sql, parameters.values)
    }

    private func page(_ parameters: inout SearchParameters) -> (limit: String, offset: String) {
        (parameters.add(.int(Int64(limit))), parameters.add(.int(Int64(offset))))
    }

    /// After the place in the order: one row for each answer, or within a scope one for each copy that it is made of.
    private var rows: String {
        guard let scope else {
            return """
                p.undecided, p.source_name, \(holders),
                       \(Self.shown)
                FROM page p
                \(studies.joined(to: "p", whole: true))
                LEFT JOIN observation o ON o.study_uid = CASE WHEN p.uniform THEN NULL ELSE p.study_uid END
                    AND o.source_id = p.source_id
                """
        }
        return """
            c.name, c.ae_title, m.undecided, \(Self.copied)
            FROM page p
            \(studies.joined(to: "p", whole: false))
            JOIN observation o ON o.study_uid = p.study_uid AND \(isVisible("o"))
                AND \(group("o")) = p.patient
            JOIN source c ON c.id = o.source_id
            LEFT JOIN matched m ON m.study_uid = o.study_uid AND m.source_id = o.source_id
            """
    }

    /// AE titles of those that hold an answer, by priority.
    private var holders: String {
        let differing = """
            ARRAY(SELECT h.ae_title FROM observation c JOIN source h ON h.id = c.source_id
                             WHERE c.study_uid = p.study_uid AND \(isVisible("c"))
                               AND \(Self.patient("c")) = p.patient
                             ORDER BY h.priority, h.id)
            """
        guard usesUniformStudies else { return differing }
        // Most studies have one copy: the one that matched.
        return """
            CASE WHEN p.uniform AND cardinality(s.source_ids) = 1 THEN ARRAY[p.ae_title]
                            WHEN p.uniform
                            THEN ARRAY(SELECT h.ae_title FROM source h WHERE h.id = ANY (s.source_ids) ORDER BY h.priority, h.id)
                            ELSE \(differing) END
            """
    }

    /// Of the columns before each row's own.
    static let placeColumns = 5

    /// A copy as its source shows it, under the issuer that its patient ID has.
    private static let copied = AttributeDictionary.observation.compactMap(\.column).map { column in
        column == "issuer_of_patient_id" ? "o.issuer" : "o.\(column)"
    }.joined(separator: ", ")
}
