import DICOM

/// The rows of `observation` that a search has found, by what orders them only: their texts are read of those on the page.
struct ShardMatches {
    struct Match {
        var study: Int
        /// The position of its source among the shard's, the best first.
        var rank: Int
        var isUndecided: Bool
        /// Days since 1970-01-01, microseconds since midnight.
        var day: Int?
        var clock: Int?
        /// Empty: the patient that the study is consolidated under.
        var patient: String
        /// Of the first rows; it is read of others that are on the page.
        var uid: String?
    }

    /// Few searches find more.
    private static let first = 1_000

    /// Of each study and patient the best row.
    private var matches: [Match] = []

    var count: Int { matches.count }

    /// - Parameter rows: study, source, whether undecided, day, clock, patient, Study Instance UID.
    init(_ rows: SQLiteStatement, of shard: OpenShard) throws {
        while try rows.step() {
            guard let study = rows.int(0), let rank = rows.int(1).flatMap({ shard.ranks[$0] }) else { continue }
            matches.append(
                Match(
                    study: study, rank: rank, isUndecided: rows.int(2) == 1, day: rows.int(3), clock: rows.int(4),
                    patient: rows.text(5) ?? "", uid: matches.count < Self.first ? rows.text(6) : nil))
        }
        matches.sort { $0.isBetter(than: $1) }
        var previous: Match?
        matches.removeAll { match in
            defer { previous = match }
            return previous.map { $0.study == match.study && $0.patient == match.patient } ?? false
        }
    }

    /// The matches of a page, in the order of answers.
    ///
    /// - Parameter uid: reads that of a study on the page, or of the same date and time as its ends.
    func page(
        from offset: Int, upTo limit: Int, uid: (Int) throws -> String
    ) rethrows -> ArraySlice<(match: Match, place: PagePosition)> {
        guard offset < matches.count, limit > 0 else { return [] }
        let end = offset + min(limit, matches.count - offset)
        let ordered = matches.sorted { $0.moment > $1.moment }
        let first = ordered[..<offset].lastIndex { $0.moment != ordered[offset].moment }.map { $0 + 1 } ?? 0
        let last = ordered[end...].firstIndex { $0.moment != ordered[end - 1].moment } ?? ordered.count
        var placed = try ordered[first..<last].map { match in
            let uid = try match.uid ?? uid(match.study)
            return (
                match: match,
                place: PagePosition(day: match.day, clock: match.clock, studyUID: uid, patient: match.patient)
            )
        }
        placed.sort { left, right in
            if left.match.moment != right.match.moment { return left.match.moment > right.match.moment }
            // By bytes, as SQLite compares where the next page begins.
            if left.place.studyUID != right.place.studyUID {
                return left.place.studyUID.utf8.lexicographicallyPrecedes(right.place.studyUID.utf8)
            }
            return left.place.patient.utf8.lexicographicallyPrecedes(right.place.patient.utf8)
        }
        return placed[offset - first..<end - first]
    }
}

extension ShardMatches.Match {
    /// Whether it comes before another one of its study and patient; else by study, then patient.
    fileprivate func isBetter(than other: Self) -> Bool {
        if study != other.study { return study < other.study }
        if patient != other.patient { return patient < other.patient }
        if isUndecided != other.isUndecided { return other.isUndecided }
        return rank < other.rank
    }

    /// What has no date, or no time, is older than all that has one.
    fileprivate var moment: (day: Int, clock: Int) { (day ?? .min, clock ?? .min) }
}
