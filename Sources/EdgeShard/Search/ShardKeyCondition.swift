import DICOM

/// One matching key as SQL on a row of a shard's `observation`: when it matches, and when the row does not know.
///
/// The reference is `QueryKey.matches` (PS3.4 §C.2.2.2), to which the suite that PostgreSQL's search runs too holds this.
struct ShardKeyCondition {
    typealias Test = @Sendable (_ table: String) -> String

    let matches: Test
    /// True where the source did not return the attribute, or characters of it were lost.
    let unknown: Test
    /// Selects, each by an index that it names, whose rows are all that match or do not know; nil: no index finds them.
    let candidates: [String]?
    /// Of several keys with candidates the one with the fewest rows drives the search.
    let selectivity: Selectivity
    /// What the candidates are looked up by, in a parameter that has no value yet.
    let trigrams: (texts: Trigrams, parameter: Int)?

    enum Selectivity: Int, Comparable {
        case identifier, exact, prefix, infix, days, none

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    init(_ key: QueryKey, _ values: inout ShardSearchValues) {
        let name = key.attribute.column ?? ""
        let column = Self.columns[name] ?? name
        let damage = "\\\(key.attribute.tag.hex)\\"
        let damaged: Test = { "(\($0).lossy IS NOT NULL AND instr(\($0).lossy, '\(damage)') > 0)" }
        let damagedRows = """
            SELECT observation_id FROM observation INDEXED BY observation_lossy
            WHERE lossy IS NOT NULL AND instr(lossy, '\(damage)') > 0
            """
        let isUnknown: Test = { "(\($0).\(column) IS NULL OR \(damaged($0)))" }
        switch key.match {
        case _ where name.isEmpty:
            self.init(matches: { _ in "0" }, unknown: { _ in "1" })
        case .universal:
            self.init(matches: { _ in "1" }, unknown: Self.never)
        case .uids(let uids):
            let list =
                uids.count == 1
                ? "= \(values.add(.text(uids[0].storable)))"
                : "IN (SELECT value FROM json_each(\(values.add(.text(JSONList.text(uids.map(\.storable)))))))"
            let studies = "SELECT study_id FROM study INDEXED BY study_uid WHERE study_uid \(list)"
            self.init(
                matches: { "\($0).study_id IN (\(studies))" }, unknown: Self.never,
                candidates: [
                    "SELECT observation_id FROM observation INDEXED BY observation_study WHERE study_id IN (\(studies))"
                ], selectivity: .identifier)
        case .single(let text):
            let value = values.add(.text(text.storable))
            let index = Self.indexes[column]
            self.init(
                matches: { "\($0).\(column) = \(value)" }, unknown: isUnknown,
                candidates: index.map { index in
                    Self.rows(index, "\(column) = \(value)", "\(column) IS NULL") + [damagedRows]
                }, selectivity: .exact)
        case .wildcard(let pattern):
            let glob = values.add(.text(Self.glob(pattern)))
            let range = Self.range(of: pattern, column, &values)
            self.init(
                matches: { "\($0).\(column) GLOB \(glob)" }, unknown: isUnknown,
                candidates: Self.indexes[column].flatMap { index in
                    range.map { Self.rows(index, $0, "\(column) IS NULL") + [damagedRows] }
                }, selectivity: .prefix)
        case .name(let pattern):
            self.init(name: pattern, column: name == "patient_name" ? "name_key" : "physician_key", &values)
        case .fuzzyName(let wanted):
            // Sounds have no index here: names are compared one by one.
            let folded = name == "patient_name" ? "name_key" : "physician_key"
            let pattern = values.add(.text(wanted.pattern))
            self.init(
                matches: { "\(ShardFunctions.nameMatchesFuzzily)(\($0).\(folded), \(pattern))" },
                unknown: { "\($0).\(folded) IS NULL" })
        case .dates(let range):
            let normalised = name == "patient_birth_date" ? "birth_day" : "study_day"
            let bounds = Self.bounds(
                range.lower?.daysSince1970, range.upper?.daysSince1970, normalised, &values)
            self.init(
                matches: { table in Self.within(bounds, normalised, table) },
                unknown: Self.unparsed(normalised, column, damaged),
                candidates: normalised == "study_day" && Self.isShort(range)
                    ? Self.rows(
                        "observation_day", Self.within(bounds, normalised, "observation"), "study_day IS NULL") : nil,
                selectivity: .days)
        case .times(let range):
            let bounds = Self.bounds(
                range.lower?.microseconds, range.upper?.microseconds, "study_clock", &values)
            self.init(
                matches: { table in Self.within(bounds, "study_clock", table) },
                unknown: Self.unparsed("study_clock", column, damaged))
        case .integer(let number):
            let normalised = name == "number_of_study_related_series" ? "series_count" : "instance_count"
            let value = values.add(SQLiteValue(number))
            self.init(
                matches: { "\($0).\(normalised) = \(value)" }, unknown: Self.unparsed(normalised, column, damaged))
        case .anyOf(let patterns):
            let list = patterns.map { pattern in values.add(.text(pattern)) }
            self.init(
                matches: { table in
                    "("
                        + list.map { "\(ShardFunctions.listMatches)(\(table).modalities, \($0))" }
                        .joined(separator: " OR ") + ")"
                },
                unknown: { "(\($0).modalities IS NULL OR \(damaged($0)))" })
        }
    }

    private init(
        matches: @escaping Test, unknown: @escaping Test, candidates: [String]? = nil,
        selectivity: Selectivity = .none, trigrams: (texts: Trigrams, parameter: Int)? = nil
    ) {
        self.matches = matches
        self.unknown = unknown
        self.candidates = candidates
        self.selectivity = candidates == nil ? .none : selectivity
        self.trigrams = trigrams
    }

    static let never: Test = { _ in "0" }
    /// Every row knows.
    var isAlwaysKnown: Bool { unknown("o") == "0" }

    /// Columns that are called otherwise here. Every observation has an effective issuer: as sent, else its source's.
    static let columns = ["study_id": "study_identifier", "issuer_of_patient_id": "issuer"]
    private static let indexes = [
        "patient_id": "observation_patient", "accession_number": "observation_accession",
        "name_key": "observation_name",
    ]

    private static func rows(_ index: String, _ conditions: String...) -> [String] {
        conditions.map { "SELECT observation_id FROM observation INDEXED BY \(index) WHERE \($0)" }
    }

    // MARK: Names

    /// The whole name, or one of its groups: `山田*` finds `YAMADA^TARO=山田^太郎`. NULL where the name was not returned, and
    /// where characters of it were lost.
    ///
    /// A beginning is a range of the index on names, and names of several groups have an index of their own. Anything else
    /// with three letters in a row is looked up by the trigrams of those letters, and the names that they find are matched.
    private init(name pattern: String, column: String, _ values: inout ShardSearchValues) {
        let globs = [pattern, pattern + "=*", "*=" + pattern, "*=" + pattern + "=*"].map { pattern in
            values.add(.text(Self.glob(pattern)))
        }
        let matches: Test = { table in
            "(" + globs.map { "\(table).\(column) GLOB \($0)" }.joined(separator: " OR ") + ")"
        }
        let unknown: Test = { "\($0).\(column) IS NULL" }
        let index = Self.indexes[column] ?? ""
        let isNull = Self.rows(index, "\(column) IS NULL")
        if index.isEmpty {
            self.init(matches: matches, unknown: unknown)
        } else if let range = Self.range(of: pattern, column, &values) {
            let grouped = Self.rows("observation_grouped_name", "instr(name_key, '=') > 0")
            let isWhole = !QueryKey.hasWildcards(pattern)
            self.init(
                matches: matches, unknown: unknown, candidates: Self.rows(index, range) + grouped + isNull,
                selectivity: isWhole ? .exact : .prefix)
        } else if let trigrams = Trigrams(of: pattern) {
            let match = values.add(.null)
            self.init(
                matches: matches, unknown: unknown,
                candidates: Self.rows(
                    index,
                    """
                    name_key IN (
                        SELECT n.name_key FROM name_trigram
                        CROSS JOIN observation n ON n.observation_id = name_trigram.rowid
                        WHERE name_trigram MATCH \(match) AND \(matches("n")))
                    """) + isNull,
                selectivity: .infix, trigrams: (trigrams, values.values.count))
        } else {
            self.init(matches: matches, unknown: unknown)
        }
    }

    // MARK: Texts

    /// The range of a pattern's literal beginning; nil: it begins with a wildcard.
    private static func range(of pattern: String, _ column: String, _ values: inout ShardSearchValues) -> String? {
        let prefix = WildcardPattern.literalPrefix(pattern)
        guard !prefix.isEmpty, let end = WildcardPattern.end(ofPrefix: prefix) else { return nil }
        return "\(column) >= \(values.add(.text(prefix))) AND \(column) < \(values.add(.text(end)))"
    }

    /// `*` and `?` mean the same to GLOB; what it would read as a class of characters is escaped.
    static func glob(_ pattern: String) -> String { pattern.replacing("[", with: "[[]") }

    // MARK: Normalised values

    private static func bounds(
        _ lower: Int?, _ upper: Int?, _ column: String, _ values: inout ShardSearchValues
    ) -> [String] {
        [lower.map { ">= \(values.add(SQLiteValue($0)))" }, upper.map { "<= \(values.add(SQLiteValue($0)))" }]
            .compactMap { $0 }
    }

    private static func within(_ bounds: [String], _ column: String, _ table: String) -> String {
        guard !bounds.isEmpty else { return "\(table).\(column) IS NOT NULL" }
        return "(" + bounds.map { "\(table).\(column) \($0)" }.joined(separator: " AND ") + ")"
    }

    /// A value that was returned whole and means nothing is known, and does not match.
    private static func unparsed(_ normalised: String, _ column: String, _ damaged: @escaping Test) -> Test {
        { "(\($0).\(normalised) IS NULL AND (\($0).\(column) IS NULL OR \(damaged($0))))" }
    }

    /// At most a year: of wider ranges the newest studies are looked at first.
    private static func isShort(_ range: DateRange) -> Bool {
        guard let lower = range.lower, let upper = range.upper else { return false }
        return lower.days(to: upper) <= 366
    }
}

/// The values of a statement as it is written.
struct ShardSearchValues {
    private(set) var values: [SQLiteValue] = []

    mutating func add(_ value: SQLiteValue) -> String {
        values.append(value)
        return "?\(values.count)"
    }

    mutating func set(_ value: SQLiteValue, at position: Int) { values[position - 1] = value }
}
