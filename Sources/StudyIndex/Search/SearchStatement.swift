import DICOM
import PostgresClient

/// A `StudyQuery` as SQL: the one place where queries become statements. Values travel as parameters only.
///
/// Rows of `observation` are matched, never the consolidated study, which may join the values of two copies. A row that does
/// not know what a key asks about is kept, unless another copy of its study knows better; it is then `undecided`.
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
    }

    /// Whether indexes find the matches.
    var isSelective: Bool { keys.contains(where: \.isSelective) }

    /// Whether `amongNewest` is tried first.
    var isTriedAmongNewest: Bool { !isSelective || days != nil }

    /// Whether it finds the few rows of one value.
    var isExact: Bool { keys.contains(where: \.isExact) }

    /// Whether one plan fits all values, so that it is made once for each connection.
    var hasOnePlan: Bool { keys.contains(where: \.hasOnePlan) }

    /// All matches, by the indexes of `observation`, or by reading it.
    func amongAll() -> (sql: String, parameters: [PostgresValue]) {
        statement(
            """
            matched AS (
                SELECT \(candidate), \(undecided) AS undecided
                FROM observation o JOIN source ON source.id = o.source_id \(studies.joined(to: "o", whole: false))
                WHERE \(conditions(isSelective ? nil : keys.firstIndex { $0.finds != nil }))
            )
            """, filter)
    }

    /// The matches among so many of the newest studies only, in the order of `study_newest`.
    func amongNewest(_ number: Int = newest) -> (sql: String, parameters: [PostgresValue]) {
        var parameters = filter
        let window = parameters.add(.int(Int64(min(offset, 1 << 40) + min(limit, 1 << 40) + number)))
        let newest = studies.newest(window, of: days, after: after, &parameters)
        return statement(
            """
            \(newest), matched AS (
                SELECT \(candidate), \(undecided) AS undecided
                FROM newest s
                CROSS JOIN LATERAL (SELECT * FROM observation WHERE study_uid = s.study_uid OFFSET 0) AS o
                JOIN source ON source.id = o.source_id
                WHERE \(conditions(nil))
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
            let finds = (position == leading ? key.finds : nil) ?? key.matches
            return """
                (\(finds("o")) OR \(key.unknown("o")))
                    AND (NOT \(key.unknown("o")) OR NOT EXISTS (
                        SELECT 1 FROM observation c
                        WHERE c.study_uid = o.study_uid AND \(isVisible("c"))
                          AND NOT \(key.unknown("c")) AND NOT coalesce(\(key.matches("c")), false)))
                """
        }
        return ([isVisible("o")] + keys).joined(separator: "\n    AND ")
    }

    private var undecided: String {
        let unknown = keys.map { $0.unknown("o") } + (scope.map { [$0.unknown("o")] } ?? [])
        return unknown.isEmpty ? "false" : "(" + unknown.joined(separator: " OR ") + ")"
    }

    private var candidate: String {
        """
        o.study_uid, o.source_id, source.name AS source_name, source.priority, s.study_day, s.study_clock,
                       \(group("o")) AS patient
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
        if column == "issuer_of_patient_id" { return "o.issuer" }
        if patientColumns.contains(column) { return "o.\(column)" }
        return "CASE WHEN p.patient = '' THEN s.\(column) ELSE o.\(column) END"
    }.joined(separator: ", ")

    private func statement(
        _ matched: String, _ parameters: SearchParameters
    ) -> (sql: String, parameters: [PostgresValue]) {
        var parameters = parameters
        let (limit, offset) = (parameters.add(.int(Int64(limit))), parameters.add(.int(Int64(offset))))
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

    /// After the place in the order: one row for each answer, or within a scope one for each copy that it is made of.
    private var rows: String {
        guard let scope else {
            return """
                p.undecided, p.source_name,
                       ARRAY(SELECT h.ae_title FROM observation c JOIN source h ON h.id = c.source_id
                             WHERE c.study_uid = p.study_uid AND \(isVisible("c"))
                               AND \(Self.patient("c")) = p.patient
                             ORDER BY h.priority, h.id),
                       \(Self.shown)
                FROM page p
                \(studies.joined(to: "p", whole: true))
                JOIN observation o ON o.study_uid = p.study_uid AND o.source_id = p.source_id
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

    /// Of the columns before each row's own.
    static let placeColumns = 5

    /// A copy as its source shows it, under the issuer that its patient ID has.
    private static let copied = AttributeDictionary.observation.compactMap(\.column).map { column in
        column == "issuer_of_patient_id" ? "o.issuer" : "o.\(column)"
    }.joined(separator: ", ")
}
