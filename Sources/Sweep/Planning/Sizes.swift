import DICOM
import Foundation

/// How much is asked at once.
extension Planner {
    /// The first days asked of a source of which nothing is known, and how much longer each next range may be.
    private static let firstDays = 3
    private static let growth = 3
    /// Where nothing is found any more.
    private static let growthOfNothing = 10
    /// Days that may be asked at once where it is known how many studies a day has.
    private static let daysFamiliar = 28
    /// What lies before is asked as one open range (F24).
    private static let firstYear = 1900

    /// The most rows that an answer of this source can have; nil: no limit is known.
    func mostRows(_ experience: Experience) -> Double? {
        [knownMostRows, experience.mostRows].compactMap { $0 }.min()
    }

    /// As far as it was known before the run.
    private var knownMostRows: Double? {
        // What is left out is asked for after the last record.
        if capabilities.recordKeys == .works { return nil }
        return [cap.map { $0 - 1 }, capabilities.mostRowsAccepted].compactMap { $0 }.min().map(Double.init)
    }

    /// Where to cut a range of days that is too long to be asked at once: the day from which on it is asked now; nil: all
    /// of it. A range with an open end in the future is asked whole.
    package func cut(_ dates: DateRange, _ experience: Experience) -> DICOMDate? {
        guard let upper = dates.upper else { return nil }
        // Newer than all that was seen: what was left there when newer days were asked, which is likely to be nothing.
        let empty = experience.density.newest.map { max(0, $0.days(to: upper)) } ?? 0
        if let lower = dates.lower, lower.days(to: upper) < empty { return nil }
        // Backwards from the newest day.
        let week = experience.density.week(from: upper.adding(days: 1))
        let fewest = week.contains { $0 > 0 } ? Self.daysFamiliar : Self.firstDays
        let growth = experience.isBeforeAll ? Self.growthOfNothing : Self.growth
        let most = max(fewest, experience.daysAnswered * growth) + empty
        func expected(_ day: Int) -> Double { day < empty ? 0 : week[6 - day % 7] }
        let days =
            mostRows(experience).map { best(expected, most, rows: $0, experience) } ?? few(expected, most, experience)
        let lower = upper.adding(days: 1 - max(1, days))
        if let first = dates.lower { return lower > first ? lower : nil }
        return lower.year < Self.firstYear ? nil : lower
    }

    /// So many days that this question and those after it are the fewest: one that is too much for an answer, which becomes
    /// more probable with every day, costs two more.
    private func best(
        _ expected: (Int) -> Double, _ most: Int, rows limit: Double, _ experience: Experience
    ) -> Int {
        // Rows of all days before one, backwards from the newest.
        var before = [0.0]
        while before.count <= Self.mostDaysAhead, before[before.count - 1] < Self.answersAhead * limit {
            before.append(before[before.count - 1] + expected(before.count - 1))
        }
        let end = before.count - 1
        if before[min(end, most)] < limit / 2 { return most }
        var questions = [Double](repeating: 0, count: end + 1)
        var days = 1
        for first in (0..<end).reversed() {
            // What is cut off at the end is joined with what comes after it.
            let rest = before[end] - before[first]
            questions[first] = rest < limit ? rest / (Self.usualFill * limit) : .infinity
            for next in (first + 1)...min(end, first + most) {
                let rows = before[next] - before[first]
                if rows > 1.1 * limit, next > first + 1 { break }
                let overflow = Self.overflow(rows, most: limit, deviation: max(1, rows * 1.25 * experience.surprise))
                // A day with more is asked by its times.
                let all = (rows > 1.1 * limit ? 2 : 1 + 2 * overflow) + questions[next]
                // Where a day has nothing, it costs nothing to ask for it.
                if all <= questions[first] { (questions[first], days) = (all, next - first) }
            }
        }
        return days
    }

    /// How far ahead questions are weighed: more answers, or days, matter little.
    private static let answersAhead = 6.0
    private static let mostDaysAhead = 400

    /// How probable it is that there are more than `most` where so many are expected.
    static func overflow(_ rows: Double, most: Double, deviation: Double) -> Double {
        1 / (1 + exp(1.7 * (most + 0.5 - rows) / deviation))
    }

    /// The part of what a source sends that a question usually brings.
    private static let usualFill = 0.85

    /// As many days as bring what is wanted, where nobody knows what the source sends at most.
    private func few(_ expected: (Int) -> Double, _ most: Int, _ experience: Experience) -> Int {
        // Each new largest answer is checked by its parts: better few large steps than many small ones.
        let wanted = min(Self.mostRowsWanted, max(150, 2.5 * Double(experience.largestAnswer)))
        var rows = 0.0
        var days = 0
        while days < most {
            let next = expected(days)
            // A single day that would be the largest answer yet could only be checked by its times: of two days each is
            // smaller than an answer that was seen.
            let fewest = next * 1.1 >= Double(experience.largestAnswer) ? 2 : 1
            if rows + next > wanted, days >= fewest { break }
            rows += next
            days += 1
        }
        return days
    }

    /// Days that are asked at once, and how many studies they are known to have.
    package struct Filled: Sendable {
        var days: DateRange
        var rows = 0
    }

    /// Ranges of days that hold as many rows as the source sends, by the number of studies that each day is known to have:
    /// newest first, covering `dates` exactly. For ranges that were proven before. One has more than all others: it is what
    /// they are trusted by.
    package func packed(_ dates: DateRange, known: [DICOMDate: Int]) -> [Filled] {
        guard let upper = dates.upper ?? known.keys.max() else { return [Filled(days: dates)] }
        let days = known.filter { dates.contains($0.key) && $0.key <= upper }.sorted { $0.key > $1.key }
        let most = knownMostRows ?? Self.mostRowsWanted
        let lately = (days.first?.key ?? upper).adding(days: -Self.daysThatGrow)
        let all = packed(days[...], DateRange(lower: dates.lower, upper: upper), most: most, lately: lately)
        var ranges = all
        if let fullest = placeOfFullest(all).map({ all[$0] }), let first = fullest.days.upper {
            let newer = days.prefix { $0.key > first }
            let older = days.dropFirst(newer.count).drop { fullest.days.contains($0.key) }
            let fewer = Double(fullest.rows - 1)
            ranges = []
            if first < upper {
                let rest = DateRange(lower: first.adding(days: 1), upper: upper)
                ranges += packed(newer, rest, most: min(most, fewer), lately: lately)
            }
            ranges.append(fullest)
            if let last = fullest.days.lower, dates.lower.map({ $0 < last }) ?? true {
                let rest = DateRange(lower: dates.lower, upper: last.adding(days: -1))
                ranges += packed(older, rest, most: min(most, fewer), lately: lately)
            }
        }
        if dates.upper == nil { ranges[0].days.upper = nil }
        return ranges
    }

    /// - Parameters:
    ///   - known: the days in `dates` that have studies, newest first.
    ///   - lately: after that day something is often added.
    private func packed(
        _ known: ArraySlice<(key: DICOMDate, value: Int)>, _ dates: DateRange, most: Double, lately: DICOMDate
    ) -> [Filled] {
        var ranges: [Filled] = []
        var range = Filled(days: dates)
        var (newest, previous) = (known.first?.key, dates.upper)
        for (day, studies) in known {
            // There may be more by now: of recent days there often are, of old ones hardly ever.
            let part = knownMostRows == nil ? 1 : newest.map { $0 > lately } ?? true ? 0.95 : 0.995
            if range.rows > 0, Double(range.rows + studies) > most * part {
                // Empty days in between go to the older range.
                range.days.lower = previous
                ranges.append(range)
                range = Filled(days: DateRange(lower: dates.lower, upper: previous?.adding(days: -1)))
                newest = day
            }
            range.rows += studies
            previous = day
        }
        return ranges + [range]
    }

    private static let daysThatGrow = 30

    /// What all others are trusted by; nil: too little is known. A day that has more than the source sends shows nothing.
    func placeOfFullest(_ ranges: [Filled]) -> Int? {
        let most = knownMostRows ?? .infinity
        return ranges.indices.filter { Double(ranges[$0].rows) <= most && ranges[$0].rows >= Self.smallestSilentCap }
            .max { ranges[$0].rows < ranges[$1].rows }
    }

    /// C-FINDs that a sweep of these days will take at least: one for each time that the source's cap fits into what a day,
    /// or several, hold.
    package func estimatedQueries(_ dates: DateRange, known: [DICOMDate: Int]) -> Int {
        let cap = knownMostRows ?? Self.mostRowsWanted
        return packed(dates, known: known).reduce(0) { total, range in
            total + (Double(range.rows) <= cap ? 1 : 1 + Int((Double(range.rows) / cap).rounded(.up)))
        }
    }
}
