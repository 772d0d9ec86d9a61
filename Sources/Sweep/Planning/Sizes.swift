import DICOM

/// How much is asked at once.
extension Planner {
    /// The first days asked of a source of which nothing is known, and how much longer each next range may be.
    private static let firstDays = 3
    private static let growth = 3
    /// Days that may be asked at once where it is known how many studies a day has.
    private static let daysFamiliar = 28
    /// What lies before is asked as one open range (F24).
    private static let firstYear = 1900

    /// Rows that a question should bring: most of what the source sends, less the more its answers have surprised.
    func rowsWanted(_ experience: Experience) -> Double {
        if let most = mostRows(experience) {
            // A standard deviation below it: a range that was too long costs two questions more, a short one a part of one.
            return max(1, most / (1 + 1.3 * min(0.3, max(0.03, experience.surprise))))
        }
        // Each new largest answer is checked by its parts: better few large steps than many small ones.
        return min(Self.mostRowsWanted, max(150, 2.5 * Double(experience.largestAnswer)))
    }

    /// The most rows that an answer of this source can have; nil: no limit is known.
    func mostRows(_ experience: Experience) -> Double? {
        [knownMostRows, experience.mostRows].compactMap { $0 }.min()
    }

    /// As far as it was known before the run.
    private var knownMostRows: Double? {
        [cap.map { $0 - 1 }, capabilities.mostRowsAccepted].compactMap { $0 }.min().map(Double.init)
    }

    /// Where to cut a range of days that is too long to be asked at once: the day from which on it is asked now; nil: all
    /// of it. A range with an open end in the future is asked whole.
    package func cut(_ dates: DateRange, _ experience: Experience) -> DICOMDate? {
        guard let upper = dates.upper else { return nil }
        let wanted = rowsWanted(experience)
        // Backwards from the newest day.
        let week = experience.density.week(from: upper.adding(days: 1))
        let fewest = week.contains { $0 > 0 } ? Self.daysFamiliar : Self.firstDays
        let most = max(fewest, experience.daysAnswered * Self.growth)
        var rows = 0.0
        var days = 0
        while days < most {
            let next = week[6 - days % 7]
            if rows + next > wanted, days >= fewestDays(next, experience) { break }
            rows += next
            days += 1
        }
        let lower = upper.adding(days: 1 - max(1, days))
        if let first = dates.lower { return lower > first ? lower : nil }
        return lower.year < Self.firstYear ? nil : lower
    }

    /// A single day that would be the largest answer yet could only be checked by its times: two days are asked, so that
    /// each of them is smaller than an answer that was seen.
    private func fewestDays(_ studies: Double, _ experience: Experience) -> Int {
        cap == nil && studies * 1.1 >= Double(experience.largestAnswer) ? 2 : 1
    }

    /// Ranges of days that hold as many rows as the source sends, by the number of studies that each day is known to have:
    /// newest first, covering `dates` exactly. For ranges that were proven before.
    package func packed(_ dates: DateRange, known: [DICOMDate: Int]) -> [DateRange] {
        // A little may have been added since. One answer shall be larger than all others: it is what they are trusted by.
        let largest = knownMostRows.map { $0 * 0.98 } ?? 1.2 * Self.mostRowsWanted
        let usual = knownMostRows.map { $0 * 0.95 } ?? Self.mostRowsWanted
        guard let upper = dates.upper ?? known.keys.max() else { return [dates] }
        let days = known.filter { dates.contains($0.key) && $0.key <= upper }.sorted { $0.key > $1.key }
        var ranges: [DateRange] = []
        var end = upper
        var rows = 0.0
        var previous = upper
        for (day, studies) in days {
            if rows > 0, rows + Double(studies) > (ranges.isEmpty ? largest : usual) {
                // Empty days in between go to the older range.
                ranges.append(DateRange(lower: previous, upper: end))
                end = previous.adding(days: -1)
                rows = 0
            }
            rows += Double(studies)
            previous = day
        }
        ranges.append(DateRange(lower: dates.lower, upper: end))
        if dates.upper == nil {
            ranges[0].upper = nil
        }
        return ranges
    }

    /// C-FINDs that a sweep of these days will take at least: one for each time that the source's cap fits into what a day,
    /// or several, hold.
    package func estimatedQueries(_ dates: DateRange, known: [DICOMDate: Int]) -> Int {
        let cap = knownMostRows ?? Self.mostRowsWanted
        return packed(dates, known: known).reduce(0) { total, range in
            let rows = known.reduce(0) { range.contains($1.key) ? $0 + $1.value : $0 }
            return total + (Double(rows) <= cap ? 1 : 1 + Int((Double(rows) / cap).rounded(.up)))
        }
    }
}
