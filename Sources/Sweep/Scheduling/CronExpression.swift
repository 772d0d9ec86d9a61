import DICOM
import Foundation

/// When a scheduled sweep runs: minute, hour, day of month, month and day of week, as in crontab(5), or a nickname such
/// as `@daily`. Fields take lists, ranges, steps and names. `?` is `*`, 0 and 7 are both Sunday.
///
/// Days are chosen as Vixie cron does: where both day fields are restricted, a day matches if either does; where one
/// begins with `*`, a day has to match both.
///
/// When the clocks are changed, an expression that names hours runs once for each local time that matches. A time that
/// is skipped runs at the first instant after the jump, together with all others skipped; a time that comes twice runs
/// the first time only. A nightly sweep is thus neither lost nor repeated. An expression for every hour follows elapsed
/// time instead: it runs in both passes of a repeated hour, and nothing is made up for a skipped one.
package struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    /// As written, with single spaces.
    package let description: String
    private let minutes: ValueSet
    private let hours: ValueSet
    private let daysOfMonth: ValueSet
    private let months: ValueSet
    private let daysOfWeek: ValueSet
    private let eitherDayFieldSuffices: Bool

    /// Throws for whatever is not a schedule. A date that never comes, such as 30 February, is no error: `next` is nil.
    package init(_ text: String) throws(CronError) {
        guard text.utf8.count <= Self.longestText else {
            throw CronError(in: text, "a schedule takes up to \(Self.longestText) characters")
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        description = words.joined(separator: " ")
        var fields = words
        if let first = words.first, first.hasPrefix("@") {
            guard words.count == 1, let meaning = Self.nicknames[first.lowercased()] else {
                let known = Self.nicknames.keys.sorted().joined(separator: ", ")
                throw CronError(in: description, "a nickname is one of \(known), and stands alone")
            }
            fields = meaning.split(separator: " ")
        }
        guard fields.count == Field.all.count else {
            let names = Field.all.map(\.name).joined(separator: ", ")
            throw CronError(in: description, "a schedule takes five fields (\(names)), not \(fields.count)")
        }
        minutes = try Field.minute.values(of: fields[0], in: description)
        hours = try Field.hour.values(of: fields[1], in: description)
        daysOfMonth = try Field.dayOfMonth.values(of: fields[2], in: description)
        months = try Field.month.values(of: fields[3], in: description)
        daysOfWeek = try Field.dayOfWeek.values(of: fields[4], in: description)
        eitherDayFieldSuffices = ![fields[2], fields[4]].contains { $0.hasPrefix("*") || $0.hasPrefix("?") }
    }

    private static let longestText = 1_000
    private static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// The first run after `date`, never at `date` itself. Nil where none comes within ten years, which is longer than
    /// from one 29 February to the next, and for dates outside the years 1…9999, which `Date.distantPast` is.
    package func next(after date: Date, in zone: TimeZone) -> Date? {
        guard let now = Int(exactly: date.timeIntervalSince1970.rounded(.down)),
            DICOMDate(daysSince1970: now / secondsPerDay) != nil
        else { return nil }
        let followsElapsedTime = hours == ValueSet(Field.hour.range)
        let horizon = now + Self.daysAhead * secondsPerDay
        var start = now
        var offset = zone.offset(at: now)
        var wall = now + offset - (now + offset).modulo(60) + 60
        if !followsElapsedTime, let shown = zone.latestWallTime(shownBeforeShiftsUntil: now) { wall = max(wall, shown) }
        // From one shift of the clocks to the next. `wall` is the first local time that has not had its run yet.
        while start < horizon {
            let end = min(zone.shift(after: start) ?? horizon, horizon)
            if let match = firstMatch(from: wall, before: end + offset) {
                // What the clocks have skipped on their way to this offset runs as soon as they have.
                return Date(timeIntervalSince1970: Double(max(match - offset, start)))
            }
            wall = max(wall, end + offset)
            start = end
            offset = zone.offset(at: start)
            if followsElapsedTime { wall = start + offset }
        }
        return nil
    }

    private static let daysAhead = 3_653  // ten years with three leap days

    /// The first local time that matches. Local times count seconds since 1970-01-01 00:00 on the clock of the zone.
    private func firstMatch(from wall: Int, before end: Int) -> Int? {
        var wall = wall
        while wall < end {
            let second = wall.modulo(secondsPerDay)
            let midnight = wall - second
            guard let date = DICOMDate(daysSince1970: midnight / secondsPerDay) else { return nil }
            if matches(date), let minute = firstMinute(from: (second + 59) / 60) {
                let match = midnight + minute * 60
                return match < end ? match : nil
            }
            wall = midnight + secondsPerDay
        }
        return nil
    }

    private func matches(_ date: DICOMDate) -> Bool {
        let thursday = 4  // 1970-01-01
        let ofMonth = daysOfMonth.contains(date.day)
        let ofWeek = daysOfWeek.contains((date.daysSince1970 + thursday).modulo(7))
        return months.contains(date.month) && (eitherDayFieldSuffices ? ofMonth || ofWeek : ofMonth && ofWeek)
    }

    /// Both in minutes since midnight; from 1,440 on there is none.
    private func firstMinute(from minute: Int) -> Int? {
        let hour = minute / 60
        if hours.contains(hour), let match = minutes.first(from: minute % 60) { return hour * 60 + match }
        guard let nextHour = hours.first(from: hour + 1), let match = minutes.first(from: 0) else { return nil }
        return nextHour * 60 + match
    }
}

/// Why a text is no schedule, for the person who wrote it.
package struct CronError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    fileprivate init(in text: String, _ problem: String) {
        let limit = 100
        description = "'\(text.prefix(limit))\(text.count > limit ? "…" : "")': \(problem)"
    }
}

private struct Field: Sendable {
    let name: String
    /// What `*` stands for.
    let range: ClosedRange<Int>
    /// For the values from the lowest on.
    var names: [String] = []
    var hasSundayAgain = false

    static let minute = Field(name: "minute", range: 0...59)
    static let hour = Field(name: "hour", range: 0...23)
    static let dayOfMonth = Field(name: "day of month", range: 1...31)
    static let month = Field(
        name: "month", range: 1...12,
        names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
    static let dayOfWeek = Field(
        name: "day of week", range: 0...6, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        hasSundayAgain: true)
    static let all = [minute, hour, dayOfMonth, month, dayOfWeek]

    private var largestNumber: Int { hasSundayAgain ? 7 : range.upperBound }

    func values(of list: Substring, in text: String) throws(CronError) -> ValueSet {
        var values = ValueSet()
        for item in list.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let step = parts.count > 1 ? Self.number(parts[1]) : 1
            guard let step, (1...range.count).contains(step) else {
                throw CronError(in: text, "\(name) takes a step of 1 to \(range.count), not '\(item)'")
            }
            guard let (lower, upper) = ends(of: parts[0], isOpen: parts.count > 1) else {
                throw CronError(in: text, "\(name) takes \(whatIsTaken), not '\(item)'")
            }
            guard lower <= upper else {
                throw CronError(in: text, "\(name) takes no range that ends before it begins, such as '\(item)'")
            }
            for value in stride(from: lower, through: upper, by: step) {
                values.insert(hasSundayAgain ? value % 7 : value)
            }
        }
        return values
    }

    private var whatIsTaken: String {
        let numbers = "\(range.lowerBound) to \(largestNumber)"
        guard let first = names.first, let last = names.last else { return numbers }
        return "\(numbers) or \(first) to \(last)"
    }

    /// `*`, `a-b` or `a`; with `isOpen`, `a` is the first of all that follow. Nil for what is no value of the field.
    private func ends(of text: Substring, isOpen: Bool) -> (lower: Int, upper: Int)? {
        if text == "*" || text == "?" { return (range.lowerBound, range.upperBound) }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let lower = value(ends[0]) else { return nil }
        guard ends.count > 1 else { return (lower, isOpen ? max(lower, range.upperBound) : lower) }
        guard let upper = value(ends[1]) else { return nil }
        // Sunday at the end of a range is the last day of the week: FRI-SUN.
        return (lower, hasSundayAgain && upper == 0 && lower > 0 ? 7 : upper)
    }

    private func value(_ text: Substring) -> Int? {
        if let index = names.firstIndex(of: text.uppercased()) { return range.lowerBound + index }
        return Self.number(text).flatMap { (range.lowerBound...largestNumber).contains($0) ? $0 : nil }
    }

    private static func number(_ text: Substring) -> Int? {
        // Int would also read a sign.
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }
}

/// Values 0…63 of one field.
private struct ValueSet: Sendable, Hashable {
    private var bits: UInt64 = 0

    init() {}
    init(_ values: ClosedRange<Int>) { values.forEach { insert($0) } }

    mutating func insert(_ value: Int) { bits |= 1 << value }
    func contains(_ value: Int) -> Bool { bits & (1 << value) != 0 }

    func first(from value: Int) -> Int? {
        let rest = bits >> value
        return rest == 0 ? nil : value + rest.trailingZeroBitCount
    }
}

private let secondsPerDay = 86_400

extension Int {
    /// The remainder, 0 or more: times before 1970 are negative.
    fileprivate func modulo(_ divisor: Int) -> Int {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}

extension TimeZone {
    /// Seconds ahead of UTC; instants are seconds since 1970-01-01 00:00 UTC.
    fileprivate func offset(at instant: Int) -> Int {
        secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant)))
    }

    /// The next change of the offset. In spite of its name, the method of Foundation finds those too that have nothing
    /// to do with daylight saving.
    fileprivate func shift(after instant: Int) -> Int? {
        guard let date = nextDaylightSavingTimeTransition(after: Date(timeIntervalSince1970: Double(instant))),
            let shift = Int(exactly: date.timeIntervalSince1970.rounded(.up)), shift > instant
        else { return nil }
        return shift
    }

    /// The local time up to which clocks that have since been set back had already run; nil for no shift of late.
    fileprivate func latestWallTime(shownBeforeShiftsUntil instant: Int) -> Int? {
        var latest: Int?
        var start = instant - 2 * secondsPerDay  // no clock has been set back by more than a day
        while let shift = shift(after: start), shift <= instant {
            latest = max(latest ?? .min, shift + offset(at: shift - 1))
            start = shift
        }
        return latest
    }
}
