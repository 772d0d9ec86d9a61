import DICOM
import Synchronization

/// Every three letters in a row that all names hold which match a pattern.
struct Trigrams {
    let texts: [String]

    /// nil: there are not three in a row.
    init?(of pattern: String) {
        texts = WildcardPattern.literals(pattern).flatMap { literal -> [String] in
            let scalars = Array(literal.unicodeScalars)
            guard scalars.count >= 3 else { return [] }
            return (0...scalars.count - 3).map { String(String.UnicodeScalarView(scalars[$0..<$0 + 3])) }
        }
        if texts.isEmpty { return nil }
    }

    /// As FTS5 is asked for all of them.
    static func match(_ texts: [String]) -> String {
        texts.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: " AND ")
    }
}

/// How many names of a shard hold three letters in a row: counted when it is asked first, because FTS5 does not know.
///
/// FTS5 reads the whole list of each trigram that it is asked for, and those of `^G` may have every name. The rarest lists
/// leave nearly nothing to be looked through.
final class TrigramCounts: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    /// No more are counted.
    private static let most = 30_000
    /// Trigrams of which more are not remembered; names have fewer.
    private static let mostTrigrams = 50_000
    /// Lists beyond are longer than what they would spare.
    private static let (lists, ratio) = (3, 16)

    /// Those that are worth being looked up.
    func rarest(of trigrams: Trigrams, _ database: SQLiteDatabase) throws -> [String] {
        let counted = try Set(trigrams.texts).map { (text: $0, count: try count($0, database)) }
            .sorted { ($0.count, $0.text) < ($1.count, $1.text) }
        guard let least = counted.first?.count, least < Self.most else { return trigrams.texts }
        return counted.prefix(Self.lists).filter { $0.count <= Self.ratio * least }.map(\.text)
    }

    private func count(_ text: String, _ database: SQLiteDatabase) throws -> Int {
        if let known = counts.withLock({ $0[text] }) { return known }
        let statement = try database.statement(
            """
            SELECT count(*) FROM
                (SELECT 1 FROM name_trigram WHERE name_trigram MATCH ? LIMIT \(Self.most))
            """)
        defer { statement.reset() }
        try statement.bind(.text(Trigrams.match([text])), at: 1)
        let count = try statement.step() ? statement.int(0) ?? 0 : 0
        counts.withLock { counts in
            if counts.count >= Self.mostTrigrams { counts.removeAll() }
            counts[text] = count
        }
        return count
    }
}
