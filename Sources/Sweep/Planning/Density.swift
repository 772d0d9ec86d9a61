import DICOM

/// How many studies a source has a day, by day of the week, near the days that were answered last. Sweeps go from new to
/// old, so that the last days answered are the neighbours of the next.
struct Density: Sendable {
    /// nil: no such day was answered yet.
    private var perDay = [Double?](repeating: nil, count: 7)
    /// They have many more than others of their day of the week.
    private var unusualDays: Set<DICOMDate> = []

    /// Weight of one more day against what was known of its day of the week.
    private static let weight = 0.15
    /// So many studies say as much as what was known.
    private static let persuasion = 200.0
    /// A day with a screening campaign or a migration's import says little about the others.
    private static let steps = 0.5...1.5
    /// Of a long range only the days nearest to what is asked next say something about it.
    private static let daysOfOneAnswer = 60

    var isKnown: Bool { perDay.contains { $0 != nil } }

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
        // What lies after the newest study says nothing of the days before.
        guard let upper = range.upper, isKnown || !studies.isEmpty else { return }
        let lower = max(range.lower ?? .earliest, upper.adding(days: -36_500))
        let last = min(upper, lower.adding(days: Self.daysOfOneAnswer - 1))
        follow(lower, last, studies)
        for offset in 0...max(0, lower.days(to: last)) {
            let date = last.adding(days: -offset)
            let seen = Double(studies[date] ?? 0)
            let weekday = Self.weekday(date)
            perDay[weekday] = perDay[weekday].map { $0 + Self.weight * (seen - $0) } ?? seen
        }
    }

    /// One day has so many, by those that a part of its hours, as a share of all studies, has.
    mutating func learn(_ day: DICOMDate, studies: Double, share: Double) {
        let weekday = Self.weekday(day)
        guard let known = perDay[weekday] else { return perDay[weekday] = studies }
        guard isUsual(day, studies) else { return }
        perDay[weekday] = known + 4 * Self.weight * share * (studies - known)
    }

    /// One day has more than so many.
    mutating func exceeded(_ day: DICOMDate, _ studies: Double) {
        guard let known = perDay[Self.weekday(day)], known < 1.2 * studies else { return }
        if isUsual(day, studies) { perDay[Self.weekday(day)] = known + 0.4 * (1.2 * studies - known) }
    }

    /// Of a day with many more than others nothing is learned, unless a neighbour was such a day, or the same day a week later.
    private mutating func isUsual(_ day: DICOMDate, _ studies: Double) -> Bool {
        guard let known = perDay[Self.weekday(day)], studies > Self.steps.upperBound * known + 10 else { return true }
        unusualDays.insert(day)
        return [1, 2, 3, 4, 7, 14].count { unusualDays.contains(day.adding(days: $0)) } > 1
    }

    /// All days of the week become more or fewer together, where an archive grew or was younger.
    private mutating func follow(_ lower: DICOMDate, _ upper: DICOMDate, _ seen: [DICOMDate: Int]) {
        guard isKnown else { return }
        let expected = self.studies(from: lower, to: upper)
        let found = Double(seen.reduce(0) { (lower...upper).contains($1.key) ? $0 + $1.value : $0 })
        guard expected > 0 else { return }
        scale(by: (found + Self.persuasion) / (expected + Self.persuasion))
    }

    /// There are more than was thought, or fewer.
    mutating func scale(by factor: Double) {
        let step = min(max(factor, Self.steps.lowerBound), Self.steps.upperBound)
        perDay = perDay.map { $0.map { $0 * step } }
    }

    private static func weekday(_ date: DICOMDate) -> Int { ((date.daysSince1970 % 7) + 7) % 7 }
}

/// When in the day a source's studies were made, by half hours.
struct TimesOfDay: Sendable {
    private var counts = [Int](repeating: 0, count: 48)
    private static let bin = DICOMTime.microsecondsPerDay / 48

    var isKnown: Bool { counts.reduce(0, +) >= 1_000 }

    /// The part of a day's studies that were made at these times; nil: too little is known.
    func share(of times: TimeRange) -> Double? {
        guard isKnown else { return nil }
        let first = min(47, (times.lower ?? .midnight).microseconds / Self.bin)
        let last = min(47, (times.upper ?? .endOfDay).microseconds / Self.bin)
        // Half of the bins at the borders.
        let inside = counts[first...max(first, last)].reduce(0, +)
        return (Double(inside) - Double(counts[first] + counts[max(first, last)]) / 2) / Double(counts.reduce(0, +))
    }

    mutating func add(_ time: DICOMTime) { counts[min(47, time.microseconds / Self.bin)] += 1 }

    /// The times that divide a range into `parts` with as many studies in each; evenly, where too little is known.
    func borders(of range: ClosedRange<Int>, parts: Int, sample: [Int]) -> [Int] {
        // An answer in the order of its times shows the first of them only.
        if !isKnown, sample != sample.sorted(), sample != sample.sorted(by: >) {
            let inside = sample.filter(range.contains).sorted()
            if inside.count >= 4 * parts { return (1..<parts).map { inside[inside.count * $0 / parts] } }
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
