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
        [cap.map { $0 - 1 }, capabilities.mostRowsAccepted].compactMap { $0 }.min().map(Double.init)
    }

    /// Where to cut a range of days that is too long to be asked at once: the day from which on it is asked now; nil: all
    /// of it. A range with an open end in the future is asked whole.
    package func cut(_ dates: DateRange, _ experience: Experience) -> DICOMDate? {
        guard let upper = dates.upper else { return nil }
        // Backwards from the newest day.
        let week = experience.density.week(from: upper.adding(days: 1))
        let fewest = week.contains { $0 > 0 } ? Self.daysFamiliar : Self.firstDays
        let growth = experience.isBeforeAll ? Self.growthOfNothing : Self.growth
        let most = max(fewest, experience.daysAnswered * growth)
        let days = mostRows(experience).map { best(week, most, rows: $0, experience) } ?? few(week, most, experience)
        let lower = upper.adding(days: 1 - max(1, days))
        if let first = dates.lower { return lower > first ? lower : nil }
        return lower.year < Self.firstYear ? nil : lower
    }

    /// So many days that this question and those after it are the fewest: one that is too much for an answer, which becomes
    /// more probable with every day, costs two more.
    private func best(_ week: [Double], _ most: Int, rows limit: Double, _ experience: Experience) -> Int {
        // Rows of all days before one, backwards from the newest.
        var before = [0.0]
        while before.count <= Self.mostDaysAhead, before[before.count - 1] < Self.answersAhead * limit {
            before.append(before[before.count - 1] + week[6 - (before.count - 1) % 7])
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
    private func few(_ week: [Double], _ most: Int, _ experience: Experience) -> Int {
        // Each new largest answer is checked by its parts: better few large steps than many small ones.
        let wanted = min(Self.mostRowsWanted, max(150, 2.5 * Double(experience.largestAnswer)))
        var rows = 0.0
        var days = 0
        while days < most {
            let next = week[6 - days % 7]
            // A single day that would be the largest answer yet could only be checked by its times: of two days each is
            // smaller than an answer that was seen.
            let fewest = next * 1.1 >= Double(experience.largestAnswer) ? 2 : 1
            if rows + next > wanted, days >= fewest { break }
            rows += next
            days += 1
        }
        return days
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
