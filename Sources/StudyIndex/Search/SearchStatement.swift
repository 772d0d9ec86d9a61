import DICOM
import PostgresClient

/// A `StudyQuery` as SQL on observations: the one place where queries become statements. Values travel as parameters.
///
/// A condition keeps a row whose source did not return what it asks about, or lost characters of it, unless another
/// copy of the study says otherwise: that is the reference matcher's `unknown`, and such sources are named in the answer.
struct SearchStatement {
    private(set) var conditions: [String] = []
    /// True where the row is in the answer only for want of knowledge.
    private(set) var undecided: [String] = []
    private(set) var parameters: [PostgresValue] = []

    init(_ query: StudyQuery) {
        for key in query.keys { add(key) }
    }

    var whereClause: String { (["o.missing_since IS NULL"] + conditions).joined(separator: "\n  AND ") }
    var undecidedClause: String { undecided.isEmpty ? "false" : undecided.joined(separator: " OR ") }

    private mutating func parameter(_ value: PostgresValue) -> String {
        parameters.append(value)
        return "$\(parameters.count)"
    }

    private mutating func add(_ key: QueryKey) {
        guard key.match != .universal, let column = key.attribute.column else {
            // Not in the index: unknown for every study.
            if key.match != .universal { undecided.append("true") }
            return
        }
        let (test, tested) = condition(key.match, column)
        guard key.attribute.tag != .studyInstanceUID else {
            conditions.append(test("o"))
            return
        }
        // Three arms, each of which an index serves: it matches; it was not returned; it was returned damaged. The rest
        // of the knowledge is in the consolidated row.
        let unknown = "(o.\(column) IS NULL OR (o.lossy IS NOT NULL AND '\(column)' = ANY (o.lossy)))"
        let elsewhere = "(\(test("s")) OR s.\(tested) IS NULL OR s.\(column) IS NULL)"
        conditions.append(
            "(\(test("o")) OR o.\(column) IS NULL OR (o.lossy IS NOT NULL AND '\(column)' = ANY (o.lossy)))")
        conditions.append("(NOT \(unknown) OR \(elsewhere))")
        undecided.append("(\(unknown) AND NOT coalesce(\(test("s")), false))")
    }

    /// The test of a match on a table's columns, and the column that it reads.
    private mutating func condition(_ match: QueryKey.Match, _ column: String) -> (
        test: (String) -> String, tested: String
    ) {
        switch match {
        case .universal: return ({ _ in "true" }, column)
        case .single(let value):
            let value = parameter(.text(value))
            return ({ "btrim(\($0).\(column), ' ') = \(value)" }, column)
        case .wildcard(let pattern):
            return (like(pattern, column: column, trimmed: true), column)
        case .uids(let uids):
            let uids = parameter(.textArray(uids))
            return ({ "\($0).\(column) = ANY (\(uids)::text[])" }, column)
        case .dates(let range):
            let tested = column == "patient_birth_date" ? "birth_day" : "study_day"
            var tests: [(String) -> String] = []
            if let lower = range.lower {
                let bound = parameter(.date(Int32(Days.number(lower))))
                tests.append { "\($0).\(tested) >= \(bound)" }
            }
            if let upper = range.upper {
                let bound = parameter(.date(Int32(Days.number(upper))))
                tests.append { "\($0).\(tested) <= \(bound)" }
            }
            return (joined(tests), tested)
        case .times(let range):
            var tests: [(String) -> String] = []
            if let lower = range.lower {
                let bound = parameter(.int(Int64(lower.microseconds)))
                tests.append { "\($0).study_clock >= \(bound)" }
            }
            if let upper = range.upper {
                let bound = parameter(.int(Int64(upper.microseconds)))
                tests.append { "\($0).study_clock <= \(bound)" }
            }
            return (joined(tests), "study_clock")
        case .integer(let value):
            let tested = column == "number_of_study_related_series" ? "series_count" : "instance_count"
            let value = parameter(.int(Int64(value)))
            return ({ "\($0).\(tested) = \(value)" }, tested)
        case .anyOf(let patterns):
            return (anyOf(patterns), "modalities")
        case .name(let pattern):
            let tested = column == "patient_name" ? "name_key" : "physician_key"
            // The whole name or one of its groups, as the reference matcher has it.
            let forms = [pattern, pattern + "=*", "*=" + pattern, "*=" + pattern + "=*"]
                .map { like($0, column: tested, trimmed: false) }
            return ({ table in "(" + forms.map { $0(table) }.joined(separator: " OR ") + ")" }, tested)
        }
    }

    private func joined(_ tests: [(String) -> String]) -> (String) -> String {
        { table in tests.isEmpty ? "true" : "(" + tests.map { $0(table) }.joined(separator: " AND ") + ")" }
    }

    private mutating func anyOf(_ patterns: [String]) -> (String) -> String {
        guard patterns.contains(where: QueryKey.hasWildcards) else {
            let values = parameter(.textArray(patterns))
            return { "\($0).modalities && \(values)::text[]" }
        }
        let likes = parameter(.textArray(patterns.map(Self.likePattern)))
        return { table in
            "EXISTS (SELECT 1 FROM unnest(\(table).modalities) m (value) WHERE m.value LIKE ANY (\(likes)::text[]))"
        }
    }

    /// LIKE, and beside it the range of its literal prefix, which an index in C collation serves.
    private mutating func like(_ pattern: String, column: String, trimmed: Bool) -> (String) -> String {
        let prefix = pattern.prefix { $0 != "*" && $0 != "?" }
        let like = parameter(.text(Self.likePattern(pattern)))
        let value: (String) -> String = { trimmed ? "btrim(\($0).\(column), ' ')" : "\($0).\(column)" }
        guard let last = prefix.unicodeScalars.last, !trimmed, let next = Unicode.Scalar(last.value + 1) else {
            return { "\(value($0)) LIKE \(like)" }
        }
        var end = String(prefix)
        end.unicodeScalars.removeLast()
        end.unicodeScalars.append(next)
        let (from, to) = (parameter(.text(String(prefix))), parameter(.text(end)))
        return { table in
            "(\(table).\(column) >= \(from) AND \(table).\(column) < \(to) AND \(value(table)) LIKE \(like))"
        }
    }

    /// `*` and `?` as LIKE writes them; what LIKE would read as a wildcard is escaped.
    static func likePattern(_ pattern: String) -> String {
        var like = ""
        for scalar in pattern.unicodeScalars {
            switch scalar {
            case "*": like.unicodeScalars.append("%")
            case "?": like.unicodeScalars.append("_")
            case "%", "_", "\\":
                like.unicodeScalars.append("\\")
                like.unicodeScalars.append(scalar)
            default: like.unicodeScalars.append(scalar)
            }
        }
        return like
    }
}
