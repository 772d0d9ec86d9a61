import DICOM
import PostgresClient

/// A name key as SQL on a row `n` of `person_name`; the reference is `QueryKey.matchesName` and `FuzzyName`.
///
/// A name matches as a whole or by one of its groups. Whole names are ranges of the key's index; later groups, words and
/// sounds are looked up in `terms`, infixes of three and more characters by their trigrams, and those of two ideographs,
/// kana or Hangul syllables by their pairs. For two Latin letters there is no index: names are read until there are too many
/// of them, which for two letters is soon.
struct NameCondition: Sendable {
    private let pattern: String
    /// nil: literally.
    private let words: [String]?

    /// nil: it is no name key.
    init?(_ match: QueryKey.Match) {
        switch match {
        case .name(let pattern):
            self.pattern = pattern
            words = nil
        case .fuzzyName(let name):
            pattern = name.pattern
            words = name.words
        default: return nil
        }
    }

    /// Names that begin with something: found in their order, however many they are.
    var isBeginning: Bool { words == nil && !WildcardPattern.literalPrefix(pattern).isEmpty }

    /// Whether indexes find it whatever its characters are: one plan fits all such names. Of what has no three characters
    /// together, and no pair, the index of trigrams would be read whole.
    var hasOnePlan: Bool {
        isBeginning || !QueryKey.hasWildcards(pattern) || !Self.pairs(in: pattern).isEmpty
            || pattern.unicodeScalars.split { !$0.properties.isAlphabetic }.contains { $0.count >= 3 }
    }

    func sql(_ parameters: inout SearchParameters) -> String {
        var arms = [whole(pattern, &parameters)]
        // `*` at an end takes other groups in.
        if pattern.utf8.last != Self.star { arms.append(whole(pattern + "=*", &parameters)) }
        if pattern.utf8.first != Self.star { arms.append(laterGroup(&parameters)) }
        if let words, !words.isEmpty { arms.append(terms(NameTerms.fuzzy(words), &parameters)) }
        return "(" + arms.joined(separator: " OR ") + ")"
    }

    /// Finds the ids of the names, and no more than show that there are too many.
    func statement() -> (sql: String, parameters: [PostgresValue]) {
        var parameters = SearchParameters()
        let condition = sql(&parameters)
        // Materialized: planned as if all were wanted, or a misjudged infix would be looked for by reading all names.
        let sql = """
            WITH found AS MATERIALIZED (SELECT n.id FROM person_name n WHERE \(condition))
            SELECT id FROM found LIMIT \(FoundNames.most + 1)
            """
        return (sql, parameters.values)
    }

    private static let star = UInt8(ascii: "*")
    /// An expression, so that the index of trigrams is not read for it.
    private static let unindexedKey = "(n.key || '')"

    private func whole(_ pattern: String, _ parameters: inout SearchParameters) -> String {
        guard QueryKey.hasWildcards(pattern) else { return "n.key = \(parameters.add(.text(pattern)))" }
        let prefix = WildcardPattern.literalPrefix(pattern)
        var conditions: [String] = []
        var isIndexed = false
        if let end = WildcardPattern.end(ofPrefix: prefix) {
            let (from, to) = (parameters.add(.text(prefix)), parameters.add(.text(end)))
            conditions.append("n.key >= \(from) AND n.key < \(to)")
            if pattern == prefix + "*" { return "(\(conditions[0]))" }
        } else {
            let pairs = Self.pairs(in: pattern)
            if !pairs.isEmpty {
                conditions.append(terms(NameTerms.all(pairs), &parameters))
                isIndexed = true
            }
        }
        let like = parameters.add(.text(KeyCondition.likePattern(pattern)))
        let trigrams = conditions.isEmpty ? NameTerms.trigrams(in: pattern) : []
        conditions += trigrams.map { "n.key LIKE \(parameters.add(.text("%\($0)%")))" }
        conditions.append((isIndexed || !trigrams.isEmpty ? Self.unindexedKey : "n.key") + " LIKE \(like)")
        return "(" + conditions.joined(separator: " AND ") + ")"
    }

    /// Of ideographs that stand together.
    private static func pairs(in pattern: String) -> [String] {
        pattern.unicodeScalars.split { $0 == "*" || $0 == "?" }
            .flatMap { NameTerms.pairs(in: String(String.UnicodeScalarView($0))) }
    }

    private func laterGroup(_ parameters: inout SearchParameters) -> String {
        let prefix = WildcardPattern.literalPrefix(pattern)
        let words = MatchingKey.words(in: prefix)
        var groups = NameTerms.all([NameTerms.groups] + words)
        // The last word may go on.
        if prefix != pattern, !words.isEmpty { groups += ":*" }
        let endings = pattern.utf8.last == Self.star ? [pattern] : [pattern, pattern + "=*"]
        // Of the few that have the words.
        let likes = endings.map { ending in
            "\(Self.unindexedKey) LIKE \(parameters.add(.text("%=" + KeyCondition.likePattern(ending))))"
        }
        return "(\(terms(groups, &parameters)) AND (\(likes.joined(separator: " OR "))))"
    }

    private func terms(_ query: String, _ parameters: inout SearchParameters) -> String {
        "n.terms @@ \(parameters.add(.text(query)))::tsquery"
    }
}

/// What a search has found in `person_name`.
enum FoundNames: Sendable {
    /// Ids.
    case few([Int64])
    /// More than `most`.
    case many

    /// More names than that are no narrow search.
    static let most = 5_000
}

extension StudyIndex {
    /// The names that a key matches; nil: it is no name key.
    static func names(matching key: QueryKey, _ connection: PostgresConnection) throws -> FoundNames? {
        guard let condition = NameCondition(key.match) else { return nil }
        let (sql, parameters) = condition.statement()
        let ids = try connection.query(sql, parameters).compactMap { $0.int(0).map(Int64.init) }
        return ids.count > FoundNames.most ? .many : .few(ids)
    }
}
