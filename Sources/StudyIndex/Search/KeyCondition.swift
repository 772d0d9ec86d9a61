import DICOM
import PostgresClient

/// A condition on the table, or alias, that it is given.
typealias SQLTest = @Sendable (_ table: String) -> String

/// One matching key as SQL on a row of `observation`: when it matches, and when the row does not know. Names are looked up
/// in `person_name` (`NameCondition`), and are ids here.
///
/// The reference is `QueryKey.matches` (PS3.4 §C.2.2.2); `SearchTests` holds this to it. Both parts are written so that an
/// index can serve each arm of `matches OR unknown`.
struct KeyCondition: Sendable {
    /// The tests for an alias of `observation`, or of a uniform study with its `studyColumns`.
    let matches: SQLTest
    /// True where the source did not return the attribute, or characters of it were lost.
    let unknown: SQLTest
    /// Finds few rows, and finds them by an index.
    let isSelective: Bool
    /// Finds the few rows of one value.
    let isExact: Bool
    /// The best plan is the same for all values.
    var hasOnePlan: Bool { isExact || findsFewNames }
    /// Finds the rows of listed names.
    private(set) var findsFewNames = false
    /// The study dates that it asks for, if it asks for study dates.
    private(set) var days: DateRange?
    /// Of `study`, what the tests ask for; nil: something that only its copies tell.
    private(set) var studyColumns: [String]?
    /// Finds the same rows as `matches`, by an index, where no other key finds fewer.
    let finds: SQLTest?

    /// An indexed column is indexed by its first 64 characters.
    static let indexedCharacters = 64
    private static let indexed: Set<String> = ["patient_id", "accession_number"]

    /// - Parameter names: those that a name key matches; nil: they were not looked up.
    init(_ key: QueryKey, names: FoundNames?, _ parameters: inout SearchParameters) {
        let name = key.attribute.column ?? ""
        // Every observation has an effective issuer: as sent, else its source's.
        let column = name == "issuer_of_patient_id" ? "issuer" : name
        let damaged: SQLTest = { table in "(\(table).lossy IS NOT NULL AND '\(name)' = ANY (\(table).lossy))" }
        switch key.match {
        case _ where name.isEmpty:
            self.init(matches: { _ in "false" }, unknown: { _ in "true" })
        case .universal:
            self.init(matches: { _ in "true" }, unknown: { _ in "false" })
        case .uids(let uids) where uids.count == 1:
            // Of a list the server expects several rows, and plans for them.
            let uid = parameters.add(.text(uids[0].storable))
            self.init(
                matches: { "\($0).study_uid = \(uid)" }, unknown: { _ in "false" }, isSelective: true, isExact: true)
        case .uids(let uids):
            let list = parameters.add(.textArray(uids))
            self.init(
                matches: { "\($0).study_uid = ANY (\(list)::text[])" }, unknown: { _ in "false" }, isSelective: true,
                isExact: true)
        case .single(let value):
            let isIndexed = Self.indexed.contains(column)
            self.init(
                matches: Self.equals(value, column, &parameters),
                unknown: { "(\(Self.isNull(column, $0)) OR \(damaged($0)))" },
                isSelective: isIndexed, isExact: isIndexed)
        case .wildcard(let pattern):
            self.init(
                matches: Self.like(pattern, column, &parameters),
                unknown: { "(\(Self.isNull(column, $0)) OR \(damaged($0)))" },
                isSelective: Self.indexed.contains(column) && !WildcardPattern.literalPrefix(pattern).isEmpty)
        case .name, .fuzzyName:
            self.init(ofName: key, column: name == "patient_name" ? "name_id" : "physician_name_id", names, &parameters)
        case .dates(let range):
            let normalised = name == "patient_birth_date" ? "birth_day" : "study_day"
            let bounds = [range.lower.map { (">=", $0) }, range.upper.map { ("<=", $0) }].compactMap { $0 }
                .map { ($0.0, parameters.add(.date(Int32(Days.number($0.1))))) }
            self.init(
                matches: Self.within(bounds, normalised), unknown: Self.unparsed(normalised, name, damaged),
                isSelective: normalised == "study_day" && Self.isShort(range))
            days = normalised == "study_day" ? range : nil
        case .times(let range):
            let bounds = [range.lower.map { (">=", $0) }, range.upper.map { ("<=", $0) }].compactMap { $0 }
                .map { ($0.0, parameters.add(.int(Int64($0.1.microseconds)))) }
            self.init(
                matches: Self.within(bounds, "study_clock"), unknown: Self.unparsed("study_clock", name, damaged))
        case .integer(let value):
            let normalised = name == "number_of_study_related_series" ? "series_count" : "instance_count"
            let value = parameters.add(.int(Int64(value)))
            self.init(matches: { "\($0).\(normalised) = \(value)" }, unknown: Self.unparsed(normalised, name, damaged))
        case .anyOf(let patterns):
            self.init(
                matches: Self.anyOf(patterns, &parameters),
                unknown: { "(\($0).modalities IS NULL OR \(damaged($0)))" })
        }
        studyColumns = Self.studyColumns(of: key, column)
    }

    /// As `Queries/recompute_studies.sql` compares copies.
    private static func studyColumns(of key: QueryKey, _ column: String) -> [String]? {
        switch key.match {
        case .universal, .uids: []
        case .single, .wildcard:
            [
                "patient_id", "issuer", "patient_sex", "accession_number", "study_id", "study_description",
            ].contains(column) ? [column] : nil
        case .name, .fuzzyName: nil
        case .dates: [column == "patient_birth_date" ? "birth_day" : "study_day", column]
        case .times: ["study_clock", column]
        case .integer: [column == "number_of_study_related_series" ? "series_count" : "instance_count", column]
        case .anyOf: ["modalities"]
        }
    }

    private init(
        matches: @escaping SQLTest, unknown: @escaping SQLTest, isSelective: Bool = false, isExact: Bool = false
    ) {
        self.matches = matches
        finds = nil
        self.unknown = unknown
        self.isSelective = isSelective
        self.isExact = isExact
    }

    /// The column is NULL where the name was not returned, and where characters of it were lost.
    private init(
        ofName key: QueryKey, column: String, _ names: FoundNames?, _ parameters: inout SearchParameters
    ) {
        unknown = { "\($0).\(column) IS NULL" }
        isExact = false
        if case .few(let ids) = names {
            let list = parameters.add(.intArray(ids))
            matches = { "\($0).\(column) = ANY (\(list)::int8[])" }
            finds = nil
            isSelective = true
            findsFewNames = true
        } else {
            let named = NameCondition(key.match)?.sql(&parameters) ?? "false"
            matches = { "EXISTS (SELECT 1 FROM person_name n WHERE n.id = \($0).\(column) AND \(named))" }
            finds = { "\($0).\(column) = ANY (ARRAY(SELECT n.id FROM person_name n WHERE \(named)))" }
            isSelective = false
        }
    }

    /// At most a year: of wider ranges the newest studies are looked at first.
    private static func isShort(_ range: DateRange) -> Bool {
        guard let lower = range.lower, let upper = range.upper else { return false }
        return lower.days(to: upper) <= 366
    }

    // MARK: Texts

    private static func isNull(_ column: String, _ table: String) -> String {
        indexed.contains(column)
            ? "left(\(table).\(column), \(indexedCharacters)) IS NULL" : "\(table).\(column) IS NULL"
    }

    private static func equals(
        _ value: String, _ column: String, _ parameters: inout SearchParameters
    ) -> SQLTest {
        let whole = parameters.add(.text(value.storable))
        guard indexed.contains(column) else { return { "\($0).\(column) = \(whole)" } }
        let start = parameters.add(.text(start(of: value)))
        return { "(left(\($0).\(column), \(indexedCharacters)) = \(start) AND \($0).\(column) = \(whole))" }
    }

    /// LIKE, and beside it the range of its literal prefix, which the column's index serves.
    private static func like(
        _ pattern: String, _ column: String, _ parameters: inout SearchParameters
    ) -> SQLTest {
        let like = parameters.add(.text(likePattern(pattern)))
        let prefix = start(of: WildcardPattern.literalPrefix(pattern))
        guard indexed.contains(column), let end = WildcardPattern.end(ofPrefix: prefix) else {
            return { "\($0).\(column) LIKE \(like)" }
        }
        let (from, to) = (parameters.add(.text(prefix)), parameters.add(.text(end)))
        return { table in
            let indexed = "left(\(table).\(column), \(indexedCharacters))"
            return "(\(indexed) >= \(from) AND \(indexed) < \(to) AND \(table).\(column) LIKE \(like))"
        }
    }

    private static func anyOf(_ patterns: [String], _ parameters: inout SearchParameters) -> SQLTest {
        guard patterns.contains(where: QueryKey.hasWildcards) else {
            let values = parameters.add(.textArray(patterns))
            return { "\($0).modalities && \(values)::text[]" }
        }
        let likes = parameters.add(.textArray(patterns.map(likePattern)))
        return { table in
            "EXISTS (SELECT 1 FROM unnest(\(table).modalities) m (value) WHERE m.value LIKE ANY (\(likes)::text[]))"
        }
    }

    private static func start(of text: String) -> String { String(text.unicodeScalars.prefix(indexedCharacters)) }

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

    // MARK: Normalised values

    private static func within(_ bounds: [(String, String)], _ column: String) -> SQLTest {
        { table in
            guard !bounds.isEmpty else { return "\(table).\(column) IS NOT NULL" }
            return "(" + bounds.map { "\(table).\(column) \($0.0) \($0.1)" }.joined(separator: " AND ") + ")"
        }
    }

    /// A value that was returned whole and means nothing is known, and does not match.
    private static func unparsed(
        _ normalised: String, _ column: String, _ damaged: @escaping SQLTest
    ) -> SQLTest {
        { "(\($0).\(normalised) IS NULL AND (\($0).\(column) IS NULL OR \(damaged($0))))" }
    }
}

/// The parameters of a statement as it is written.
struct SearchParameters: Sendable {
    private(set) var values: [PostgresValue] = []

    mutating func add(_ value: PostgresValue) -> String {
        values.append(value)
        return "$\(values.count)"
    }
}
