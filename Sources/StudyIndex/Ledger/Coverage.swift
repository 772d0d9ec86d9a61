import DICOM
import PostgresClient

/// What the ledger proves of one source, by study date.
package struct Coverage: Sendable {
    package struct Gap: Sendable, Hashable {
        package let dates: DateRange
        package let reason: String
    }
    package let source: String
    /// Days whose every dated study was listed in answers that ended in Success and were not the largest.
    package let proven: DaySet
    /// Days that had to be split by time: all that was found is there, and studies without a time may be missing.
    package let enumerated: DaySet
    /// Days that were asked and are neither.
    package let gaps: [Gap]
    /// When the newest proof was made, database time; nil: never.
    package let newestProof: String?

    package enum State: String, Sendable {
        case proven, enumerated, hole
        /// No sweep has asked for any day of it.
        case notAsked = "not asked"
        case partly
    }

    /// What is known of a calendar month.
    package func state(ofMonth month: Int, of year: Int) -> State {
        guard let first = DICOMDate(year: year, month: month, day: 1),
            let next = DICOMDate(year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
        else { return .notAsked }
        let days = first.daysSince1970...(next.daysSince1970 - 1)
        if gaps.contains(where: { DaySet($0.dates).intersects(days) }) { return .hole }
        if proven.contains(days) { return .proven }
        var known = proven
        known.formUnion(enumerated)
        if known.contains(days) { return .enumerated }
        return known.intersects(days) ? .partly : .notAsked
    }
}

extension StudyIndex {
    /// Coverage of every source, over all sweeps so far. A later proof fills an earlier hole.
    package func coverage() async throws -> [Coverage] {
        try await pool.withConnection { connection in
            var drafts: [String: CoverageDraft] = [:]
            for name in try connection.query("SELECT name FROM source").compactMap({ $0.string(0) }) {
                drafts[name] = CoverageDraft()
            }
            for row in try connection.query(SQL.proofs) {
                drafts[row.string(0) ?? "", default: CoverageDraft()].take(row)
            }
            return drafts.sorted { $0.key < $1.key }.map { $1.coverage(of: $0) }
        }
    }
}

private struct CoverageDraft {
    private struct TimeSplitDay: Hashable {
        var day: DateRange
        var run: Int
    }

    private var proven = DaySet()
    private var timeSplit: [TimeSplitDay: String?] = [:]
    private var gaps: [(dates: DateRange, reason: String)] = []
    private var newestProof: String?

    mutating func take(_ row: PostgresRow) {
        let dates = DateRange(lower: row.date(2).flatMap(Days.date), upper: row.date(3).flatMap(Days.date))
        let isComplete = row.string(4) == "complete"
        let reason = row.string(5) ?? ""
        if row.string(1) == "times" {
            let day = TimeSplitDay(day: dates, run: row.int(6) ?? 0)
            let known = timeSplit[day] ?? nil
            timeSplit[day] = .some(isComplete ? known : reason)
        } else if isComplete {
            proven.formUnion(DaySet(dates))
        } else {
            gaps.append((dates, reason))
        }
        if isComplete, let ended = row.string(7) { newestProof = max(newestProof ?? "", ended) }
    }

    func coverage(of source: String) -> Coverage {
        var enumerated = DaySet()
        for (day, trouble) in timeSplit where trouble == nil { enumerated.formUnion(DaySet(day.day)) }
        enumerated = enumerated.subtracting(proven)
        var known = proven
        known.formUnion(enumerated)
        let troubled = timeSplit.compactMap { day, trouble in trouble.map { (dates: day.day, reason: $0) } }
        var open: [Coverage.Gap] = []
        for gap in gaps + troubled {
            for range in DaySet(gap.dates).subtracting(known).dateRanges {
                let gap = Coverage.Gap(dates: range, reason: gap.reason)
                if !open.contains(gap) { open.append(gap) }
            }
        }
        open.sort { ($0.dates.lower ?? .earliest) < ($1.dates.lower ?? .earliest) }
        return Coverage(source: source, proven: proven, enumerated: enumerated, gaps: open, newestProof: newestProof)
    }
}
