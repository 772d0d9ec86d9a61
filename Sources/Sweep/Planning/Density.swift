import DICOM

/// How many studies a source has a day, by day of the week, near the days that were answered last. Sweeps go from new to
/// old, so that the last days answered are the neighbours of the next.
struct Density: Sendable {
    /// nil: no such day was answered yet.
    private var perDay = [Double?](repeating: nil, count: 7)
    private var daysLearned = 0

    /// Weight of one more day against what was known.
    private static let weight = 0.25
    /// Of a long range only the days nearest to what is asked next say something about it.
    private static let daysOfOneAnswer = 60

    var isKnown: Bool { daysLearned > 0 }

    /// By day of the week, from that of `date` on; of a day that was not answered yet the average of the others, and 0
    /// where nothing is known.
    func week(from date: DICOMDate) -> [Double] {
        let known = perDay.compactMap { $0 }
        let average = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        let first = Self.weekday(date)
        return (0..<7).map { perDay[(first + $0) % 7] ?? average }
    }

    func studies(from lower: DICOMDate, to upper: DICOMDate) -> Double {
        let week = week(from: lower)
        let days = lower.days(to: upper) + 1
        guard days > 0 else { return 0 }
        return Double(days / 7) * week.reduce(0, +) + week.prefix(days % 7).reduce(0, +)
    }

    mutating func learn(_ range: DateRange, _ studies: [DICOMDate: Int]) {
        guard let upper = range.upper else { return }
        let lower = max(range.lower ?? .earliest, upper.adding(days: -36_500))
        let last = min(upper, lower.adding(days: Self.daysOfOneAnswer - 1))
        for offset in 0...max(0, lower.days(to: last)) {
            let date = last.adding(days: -offset)
            let seen = Double(studies[date] ?? 0)
            let weekday = Self.weekday(date)
            perDay[weekday] = perDay[weekday].map { $0 + Self.weight * (seen - $0) } ?? seen
            daysLearned += 1
        }
    }

    private static func weekday(_ date: DICOMDate) -> Int { ((date.daysSince1970 % 7) + 7) % 7 }
}

/// When in the day a source's studies were made, by half hours.
struct TimesOfDay: Sendable {
    private var counts = [Int](repeating: 0, count: 48)
    private static let bin = DICOMTime.microsecondsPerDay / 48

    mutating func add(_ time: DICOMTime) { counts[min(47, time.microseconds / Self.bin)] += 1 }

    /// The times that divide a range into `parts` with as many studies in each; evenly, where too little is known.
    func borders(of range: ClosedRange<Int>, parts: Int, sample: [Int]) -> [Int] {
        let inside = sample.filter(range.contains).sorted()
        if inside.count >= 4 * parts {
            return (1..<parts).map { inside[inside.count * $0 / parts] }
        }
        let weights = counts.indices.map { bin -> Double in
            let (from, to) = (bin * Self.bin, (bin + 1) * Self.bin)
            let share = Double(max(0, min(to, range.upperBound) - max(from, range.lowerBound))) / Double(Self.bin)
            // No half hour is impossible.
            return share * (Double(counts[bin]) + Double(counts.reduce(0, +)) / 480 + 0.01)
        }
        let total = weights.reduce(0, +)
        return (1..<parts).map { part in
            var rest = total * Double(part) / Double(parts)
            for (bin, weight) in weights.enumerated() where weight > 0 {
                if rest > weight {
                    rest -= weight
                    continue
                }
                let from = max(bin * Self.bin, range.lowerBound)
                let to = min((bin + 1) * Self.bin, range.upperBound)
                return from + Int(Double(to - from) * rest / weight)
            }
            return range.upperBound
        }
    }
}
