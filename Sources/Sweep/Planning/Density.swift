import DICOM

/// How many studies a source has a day, by day of the week, near the days that were answered last. Sweeps go from new to
/// old, so that the last days answered are the neighbours of the next.
struct Density: Sendable {
    private struct Weekday: Sendable {
        var studies: Double
        /// Days that it was learned from.
        var days = 0.0

        /// What one more day says, against what was known: of so many studies more, if that is no chance.
        func weight(of studies: Double) -> Double {
            let least =
                Density.deviations(of: studies, from: self.studies) > 2 ? Density.surprisingWeight : Density.weight
            return max(least, 1 / (days + 1))
        }
    }

    /// nil: no such day was answered yet.
    private var weekdays = [Weekday?](repeating: nil, count: 7)
    /// Of a day of the week that was asked whole, or divided into too few parts, in vain: the one that was answered last, its
    /// studies, and how often it was so in succession. What is known of the week is moved by the answers of all its days, and may
    /// stay too low for one.
    private var lastCrowded = [(day: DICOMDate, studies: Double, tooLittle: Int)?](repeating: nil, count: 7)
    private var underestimated: Set<DICOMDate> = []
    /// They have many more than others of their day of the week.
    private var unusualDays: Set<DICOMDate> = []
    /// The newest day of which a study was shown.
    private(set) var newest: DICOMDate?
    /// What the parts of a day have brought so far, and what was known of its day of the week before.
    private var parts: [DICOMDate: (rows: Double, share: Double, before: Weekday?)] = [:]
    /// Days that were divided and then answered whole: parts of them that are still to come say nothing more.
    private var wholeDays: Set<DICOMDate> = []
    /// The oldest day that was answered, or a part of it.
    private var oldest: DICOMDate?

    /// Of one more day, once many are known.
    private static let weight = 0.15
    private static let surprisingWeight = 0.4
    /// So many studies say half as much of all days of the week as very many.
    private static let persuasion = 100.0
    /// A day with a screening campaign or a migration's import says little about the others.
    private static let unusual = 1.5
    /// Of a long range only the days nearest to what is asked next say something about it.
    private static let daysOfOneAnswer = 60
    private static let near = 14

    var isKnown: Bool { weekdays.contains { $0 != nil } }

    /// By day of the week, from that of `date` on; of a day that was not answered yet the average of the others, and 0
    /// where nothing is known.
    func week(from date: DICOMDate) -> [Double] {
        let known = weekdays.compactMap { $0?.studies }
        let average = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        let first = Self.weekday(date)
        return (0..<7).map { studies(ofWeekday: (first + $0) % 7) ?? average }
    }

    /// nil: no such day was answered yet.
    private func studies(ofWeekday weekday: Int) -> Double? {
        guard let known = weekdays[weekday]?.studies else { return nil }
        guard let last = lastCrowded[weekday], last.tooLittle > 1 else { return known }
        return max(known, last.studies)
    }

    func studies(from lower: DICOMDate, to upper: DICOMDate) -> Double {
        let week = week(from: lower)
        let days = lower.days(to: upper) + 1
        guard days > 0 else { return 0 }
        return Double(days / 7) * week.reduce(0, +) + week.prefix(days % 7).reduce(0, +)
    }

    /// What is expected of a day that has more than `least`.
    func studies(of day: DICOMDate, above least: Double) -> Double {
        let known = studies(ofWeekday: Self.weekday(day)) ?? 0
        if known > least { return known }
        let others = weekdays.compactMap { $0?.studies }.filter { $0 > least }
        guard isKnown else { return 2.4 * least }
        return others.isEmpty ? 1.3 * least : others.reduce(0, +) / Double(others.count)
    }

    mutating func saw(_ day: DICOMDate) { newest = max(newest ?? day, day) }

    mutating func learn(_ range: DateRange, _ studies: [DICOMDate: Int]) {
        // What lies after the newest study says nothing of the days before.
        guard let newest, let upper = range.upper.map({ min($0, newest) }) else { return }
        let lower = max(range.lower ?? .earliest, upper.adding(days: -36_500))
        guard lower <= upper else { return }
        let last = min(upper, lower.adding(days: Self.daysOfOneAnswer - 1))
        // What is long before all that was answered says nothing of the days between, which are asked first.
        if oldest.map({ upper.days(to: $0) <= Self.near }) ?? true { follow(lower, last, studies) }
        oldest = min(oldest ?? lower, lower)
        for offset in 0...max(0, lower.days(to: last)) {
            let date = last.adding(days: -offset)
            if parts.removeValue(forKey: date) != nil { wholeDays.insert(date) }
            let seen = Double(studies[date] ?? 0)
            let known = weekdays[Self.weekday(date)]
            // A holiday says little about the others.
            let most = known.map { 3 * $0.studies.squareRoot() + 0.3 * $0.studies } ?? seen
            learn(date, known.map { min(max(seen, $0.studies - most), $0.studies + most) } ?? seen, 1, known)
            lastCrowded[Self.weekday(date)] = nil
        }
    }

    /// A part of a day, with so large a share of all studies, has so many.
    mutating func learn(_ day: DICOMDate, rows: Int, share: Double) {
        if wholeDays.contains(day) { return }
        oldest = min(oldest ?? day, day)
        var seen = parts[day] ?? (0, 0, weekdays[Self.weekday(day)])
        seen.rows += Double(rows)
        seen.share += share
        parts[day] = seen
        guard let studies = studies(byPartsOf: day), isUsual(day, studies, seen.before) else { return }
        learn(day, studies, min(1, seen.share), seen.before)
        if seen.share > 0.95 { noteCrowded(day, studies) }
    }

    /// All parts of a day are answered.
    private mutating func noteCrowded(_ day: DICOMDate, _ studies: Double) {
        let last = lastCrowded[Self.weekday(day)]
        // Sweeps go from new to old: what comes late of a newer day says less of the next.
        if let last, day > last.day { return }
        var tooLittle = last?.tooLittle ?? 0
        if underestimated.contains(day) { tooLittle += 1 } else if tooLittle < 2 { tooLittle = 0 }
        lastCrowded[Self.weekday(day)] = (day, studies, tooLittle)
    }

    /// How many studies a day has by those of its parts that were answered; nil: they say too little.
    func studies(byPartsOf day: DICOMDate, andOneOf rows: Double = 0, share: Double = 0) -> Double? {
        let seen = parts[day] ?? (0, 0, nil)
        return seen.share + share > 0.02 ? (seen.rows + rows) / (seen.share + share) : nil
    }

    private mutating func learn(_ day: DICOMDate, _ studies: Double, _ part: Double, _ before: Weekday?) {
        var known = before ?? Weekday(studies: studies)
        known.studies += known.weight(of: studies) * part * (studies - known.studies)
        known.days += part
        weekdays[Self.weekday(day)] = known
    }

    /// One of the parts of a day has more than the source sends.
    mutating func partExceeded(_ day: DICOMDate) { underestimated.insert(day) }

    /// One day has more than so many.
    mutating func exceeded(_ day: DICOMDate, _ studies: Double) {
        underestimated.insert(day)
        let weekday = Self.weekday(day)
        // What is near to it, its parts will tell.
        guard let known = weekdays[weekday]?.studies, known < 0.8 * studies, isUsual(day, studies, weekdays[weekday])
        else { return }
        weekdays[weekday]?.studies += 0.4 * (1.2 * studies - known)
    }

    /// Of a day with many more than others, of which so many are known, nothing is learned, unless a neighbour was such a day, or
    /// the same day a week later.
    private mutating func isUsual(_ day: DICOMDate, _ studies: Double, _ known: Weekday?) -> Bool {
        guard let known = known?.studies, studies > Self.unusual * known + 10 else { return true }
        unusualDays.insert(day)
        return [1, 2, 3, 4, 7, 14].count { unusualDays.contains(day.adding(days: $0)) } > 1
    }

    /// All days of the week become more or fewer together, where an archive grew or was younger: little by little, and at once
    /// where it is no chance.
    private mutating func follow(_ lower: DICOMDate, _ upper: DICOMDate, _ seen: [DICOMDate: Int]) {
        var (expected, found) = (0.0, 0.0)
        for offset in 0...max(0, lower.days(to: upper)) {
            let date = lower.adding(days: offset)
            guard let known = weekdays[Self.weekday(date)] else { continue }
            expected += known.studies
            found += Double(seen[date] ?? 0)
        }
        guard expected > 0 else { return }
        let deviations = Self.deviations(of: found, from: expected)
        // Of one day, what it was wrong by is mostly its own: only little goes over to the others.
        let part = deviations > 4 ? 0.8 : (deviations > 2 ? 0.2 : 0.08) * expected / (expected + Self.persuasion)
        scale(by: min(max(1 + part * (found / expected - 1), 0.2), 1.5))
    }

    /// Of chance, and of what is known itself.
    private static func deviations(of found: Double, from expected: Double) -> Double {
        abs(found - expected) / (max(expected, 1) + 0.005 * expected * expected).squareRoot()
    }

    /// There are more than was thought, or fewer.
    mutating func scale(by factor: Double) {
        for weekday in weekdays.indices { weekdays[weekday]?.studies *= factor }
    }

    private static func weekday(_ date: DICOMDate) -> Int { ((date.daysSince1970 % 7) + 7) % 7 }
}

/// When in the day a source's studies were made, by half hours.
struct TimesOfDay: Sendable {
    /// To begin with, most are made from seven to seven.
    private var counts = (0..<48).map { (14..<38).contains($0) ? 8 : 2 }
    /// Of days of which not all times are answered yet, these apart.
    private var partsOfDays: [DICOMDate: (answered: Int, counts: [Int])] = [:]
    private static let bin = DICOMTime.microsecondsPerDay / 48

    var isKnown: Bool { counts.reduce(0, +) >= 1_200 }

    /// The part of a day's studies that were made at these times.
    func share(of times: TimeRange) -> Double {
        let (lower, upper) = ((times.lower ?? .midnight).microseconds, (times.upper ?? .endOfDay).microseconds)
        return weights(of: lower...max(lower, upper)).reduce(0, +) / Double(counts.reduce(0, +))
    }

    /// Of each half hour the studies within a range.
    private func weights(of range: ClosedRange<Int>) -> [Double] {
        counts.indices.map { bin in
            let (from, to) = (max(bin * Self.bin, range.lowerBound), min((bin + 1) * Self.bin, range.upperBound))
            return Double(max(0, to - from)) / Double(Self.bin) * Double(counts[bin])
        }
    }

    mutating func add(_ time: DICOMTime) { counts[Self.bin(of: time)] += 1 }

    /// Of one day the studies of a part. Before all of them are answered they tell nothing of how parts compare: the first to be
    /// answered would seem to be the fullest.
    mutating func add(_ times: [DICOMTime], of part: TimeRange, on day: DICOMDate) {
        var seen = partsOfDays[day] ?? (0, counts.map { _ in 0 })
        seen.answered += (part.upper ?? .endOfDay).microseconds - (part.lower ?? .midnight).microseconds
        for time in times { seen.counts[Self.bin(of: time)] += 1 }
        guard seen.answered > Self.almostADay else { return partsOfDays[day] = seen }
        partsOfDays[day] = nil
        for (bin, count) in seen.counts.enumerated() { counts[bin] += count }
    }

    /// The last range ends a microsecond before the day does.
    private static let almostADay = DICOMTime.microsecondsPerDay - 1_000_000

    private static func bin(of time: DICOMTime) -> Int { min(47, time.microseconds / bin) }

    /// The times that divide a range into `parts` with as many studies in each; evenly, where too little is known.
    func borders(of range: ClosedRange<Int>, parts: Int, sample: [Int]) -> [Int] {
        // An answer in the order of its times shows the first of them only.
        if !isKnown, sample != sample.sorted(), sample != sample.sorted(by: >) {
            let inside = sample.filter(range.contains).sorted()
            if inside.count >= 4 * parts { return (1..<parts).map { inside[inside.count * $0 / parts] } }
        }
        let weights = weights(of: range)
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
