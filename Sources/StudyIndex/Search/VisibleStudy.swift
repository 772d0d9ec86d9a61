import DICOM
import PostgresClient

/// The consolidated study of a search: the row of `study`, or for a caller who may not see every copy what the copies that it
/// may see make of it. The rules are those of `Queries/recompute_studies.sql`, and `FacilityTests` holds this to them.
struct VisibleStudy: Sendable {
    /// Whether a copy is current, and one that the caller may see.
    let copy: SQLTest
    /// Ids of the facilities that the caller may see, as SQL; nil: all copies.
    private let facilities: String?

    init(_ seen: SeenFacilities, _ parameters: inout SearchParameters) {
        switch seen {
        case .all:
            facilities = nil
            copy = { "\($0).vanished_at IS NULL" }
        case .some:
            let ids = "((SELECT \(parameters.add(seen.parameter))::int4[])::int4[])"
            facilities = ids
            copy = { "\($0).vanished_at IS NULL AND \($0).facility_id = ANY (\(ids))" }
        }
    }

    /// Whether a uniform study, and its copies, are what the caller sees of them.
    var isWhole: Bool { facilities == nil }

    /// Joins the study of `table`'s row, as `s`: with all of its values, or only with those by which studies are ordered and
    /// patients told apart.
    func joined(to table: String, whole isWhole: Bool) -> String {
        guard facilities != nil else { return "JOIN study s ON s.study_uid = \(table).study_uid" }
        return """
            CROSS JOIN LATERAL (
                SELECT \(isWhole ? Self.values : Self.order) FROM observation c JOIN source h ON h.id = c.source_id
                WHERE c.study_uid = \(table).study_uid AND \(copy("c"))
            ) AS s
            """
    }

    /// Studies, newest first, among which an unselective query looks first: `s`, of which `window` names the number.
    ///
    /// For a caller who may not see all they are the newest of each facility, and only what is newer than the oldest of those:
    /// of a day that the window cuts not all studies are in it, and of several copies one may be outside.
    ///
    /// - Parameters:
    ///   - days: only studies of which a copy has one of these dates, or none, need be among them; for a caller who may see all.
    ///   - after: a place before which none is needed.
    ///   - columns: of the studies, that are wanted beside their order; for a caller who may see all.
    func newest(
        _ window: String, of days: DateRange?, after: PagePosition?, with columns: [String],
        _ parameters: inout SearchParameters
    ) -> String {
        guard let facilities else {
            let beginning = after.map { $0.follows("study_uid >=", [$0.studyUID], &parameters) } ?? "true"
            if let days { return newest(window, of: days, beginning, with: columns, &parameters) }
            let all = "SELECT \(Self.ordering("study", columns)) FROM study WHERE \(beginning)"
            return "newest AS MATERIALIZED (\(Self.first(window, of: all)))"
        }
        // The day of a study is that of one of its copies, so that none after the place is missed.
        let copies = (after?.days("c.study_day", &parameters) ?? ["true"]).map { days in
            """
            (SELECT c.study_uid, c.study_day FROM observation c
                      WHERE c.facility_id = f.id AND \(copy("c")) AND \(days)
                      ORDER BY c.study_day DESC NULLS LAST LIMIT \(window))
            """
        }.joined(separator: " UNION ALL ")
        return """
            seen AS MATERIALIZED (
                SELECT f.id AS facility_id, n.study_uid, n.study_day
                FROM facility f CROSS JOIN LATERAL (
                    SELECT * FROM (\(copies)) AS c ORDER BY study_day DESC NULLS LAST LIMIT \(window)
                ) AS n
                WHERE f.id = ANY (\(facilities))
            ), edge AS (
                SELECT max(day) AS day FROM (
                    SELECT CASE WHEN count(*) < \(window) THEN NULL WHEN count(*) > count(study_day) THEN '-infinity'
                                ELSE min(study_day) END AS day
                    FROM seen GROUP BY facility_id
                ) AS edges
            ), newest AS MATERIALIZED (
                SELECT s.* FROM (SELECT DISTINCT study_uid FROM seen) AS n \(joined(to: "n", whole: false)), edge
                WHERE edge.day IS NULL OR s.study_day > edge.day
            )
            """
    }

    private static func first(_ window: String, of studies: String) -> String {
        "\(studies) ORDER BY study_day DESC NULLS LAST, study_clock DESC NULLS LAST, study_uid LIMIT \(window)"
    }

    /// In the order of all answers the studies of these days and those without, and of the studies of other days, of which a copy
    /// has one of these, those before the place where the window ends.
    private func newest(
        _ window: String, of days: DateRange, _ beginning: String, with columns: [String],
        _ parameters: inout SearchParameters
    ) -> String {
        func bound(_ day: DICOMDate?) -> String {
            (day.map { parameters.add(.date(Int32(Days.number($0)))) } ?? "NULL") + "::date"
        }
        let (lower, upper) = (bound(days.lower), bound(days.upper))
        let within = [days.lower.map { _ in "study_day >= \(lower)" }, days.upper.map { _ in "study_day <= \(upper)" }]
            .compactMap { $0 }.joined(separator: " AND ")
        // Each of the two comes in the order of the index by itself; of both together all would be sorted.
        let ordered = [within.isEmpty ? "study_day IS NOT NULL" : within, "study_day IS NULL"].map {
            "(\(Self.first(window, of: "SELECT \(Self.ordering("study", columns)) FROM study WHERE \($0) AND \(beginning)")))"
        }.joined(separator: " UNION ALL ")
        return """
            ofdays AS MATERIALIZED (\(Self.first(window, of: "SELECT * FROM (\(ordered)) AS study"))
            ), edge AS (
                SELECT study_day, study_clock, study_uid FROM ofdays WHERE (SELECT count(*) FROM ofdays) >= \(window)
                ORDER BY study_day NULLS FIRST, study_clock NULLS FIRST, study_uid DESC LIMIT 1
            ), newest AS MATERIALIZED (
                SELECT * FROM ofdays
                UNION ALL
                SELECT \(Self.ordering("s", columns)) FROM study s LEFT JOIN edge ON true
                WHERE s.differing_days && daterange(\(lower), \(upper), '[]')
                  AND (edge.study_uid IS NULL OR s.study_day > edge.study_day
                       OR (edge.study_day IS NULL AND s.study_day IS NOT NULL)
                       OR (s.study_day = edge.study_day
                           AND (coalesce(s.study_clock, -1) > coalesce(edge.study_clock, -1)
                                OR (s.study_clock IS NOT DISTINCT FROM edge.study_clock
                                    AND s.study_uid <= edge.study_uid))))
            )
            """
    }

    // MARK: Values

    private static let patientColumns = [
        "patient_id", "issuer", "patient_name", "patient_birth_date", "patient_sex", "name_key", "birth_day",
    ]
    /// Normalised values, with the attribute that they come from.
    private static let normalised = [("study_day", "study_date"), ("study_clock", "study_time")]

    /// By which studies are ordered and patients told apart, in the table itself.
    private static let orderingColumns = [
        "study_uid", "patient_id", "issuer", "name_key", "study_day", "study_clock", "birth_day",
    ]

    private static func ordering(_ table: String, _ others: [String]) -> String {
        (orderingColumns + others.filter { !orderingColumns.contains($0) })
            .map { "\(table).\($0)" }.joined(separator: ", ")
    }

    private static let order =
        (["min(c.study_uid) AS study_uid"]
        + ["patient_id", "issuer", "name_key", "birth_day"].map(patientValue)
        + normalised.map { "\(first($0.0, where: $0.1)) AS \($0.0)" })
        .joined(separator: ",\n       ")

    private static func patientValue(_ column: String) -> String {
        "(array_agg(c.\(column) ORDER BY coalesce(c.patient_id, '') = '', h.priority, h.id))[1] AS \(column)"
    }

    private static let values: String = {
        let patient = patientColumns.map(patientValue)
        let others = AttributeDictionary.observation.compactMap(\.column).filter {
            $0 != "study_uid" && $0 != "issuer_of_patient_id" && !patientColumns.contains($0)
        }.map { "coalesce(\(first($0, where: $0)), min(c.\($0))) AS \($0)" }
        return
            (["min(c.study_uid) AS study_uid"] + patient + others
            + normalised.map { "\(first($0.0, where: $0.1)) AS \($0.0)" })
            .joined(separator: ",\n       ")
    }()

    private static func first(_ column: String, where attribute: String) -> String {
        "(array_agg(c.\(column) ORDER BY h.priority, h.id) FILTER (WHERE c.\(attribute) <> ''))[1]"
    }

    /// For each attribute, in the dictionary's order, the source that it is taken from.
    private static let sources: String = AttributeDictionary.observation.compactMap(\.column).map { column in
        column == "study_uid" || column == "issuer_of_patient_id" || patientColumns.contains(column)
            ? "(array_agg(h.name ORDER BY coalesce(c.patient_id, '') = '', h.priority, h.id))[1]"
            : "(array_agg(h.name ORDER BY h.priority, h.id) FILTER (WHERE c.\(column) <> ''))[1]"
    }.joined(separator: ", ")

    /// The sources of one study's attributes, as they are consolidated for the caller.
    static func provenance(of uid: String, within seen: SeenFacilities) -> (sql: String, parameters: SearchParameters) {
        var parameters = SearchParameters()
        guard seen != .all else {
            _ = parameters.add(.text(uid.storable))
            return (SQL.provenanceOf, parameters)
        }
        let study = VisibleStudy(seen, &parameters)
        let uid = parameters.add(.text(uid.storable))
        return (
            """
            SELECT ARRAY[\(sources)] FROM observation c JOIN source h ON h.id = c.source_id
            WHERE c.study_uid = \(uid) AND \(study.copy("c"))
            """, parameters
        )
    }
}
