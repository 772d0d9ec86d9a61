/// A day of the proleptic Gregorian calendar, counted from 1970-01-01: the simulator's own arithmetic, so that an error
/// in `DICOM`'s dates cannot hide in the truth.
package struct Day: Hashable, Comparable, Sendable {
    package let number: Int

    package init(number: Int) {
        self.number = number
    }

    package init(_ year: Int, _ month: Int, _ day: Int) {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        number = era * 146_097 + dayOfEra - 719_468
    }

    /// `YYYYMMDD`, or with two separators `YYYY.MM.DD`; nil when it is no date of the calendar.
    package init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8.filter { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") })
        guard digits.count == 8, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        self.init(value / 10_000, value / 100 % 100, value % 100)
        guard calendar == (value / 10_000, value / 100 % 100, value % 100) else { return nil }
    }

    package var calendar: (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }

    /// 0 is Sunday.
    var weekday: Int { ((number + 4) % 7 + 7) % 7 }

    /// `YYYYMMDD`.
    package var da: String {
        let (year, month, day) = calendar
        return digits(year, 4) + digits(month, 2) + digits(day, 2)
    }

    /// `YYYY.MM.DD`, as ACR-NEMA wrote dates (F70).
    var dotted: String {
        let (year, month, day) = calendar
        return "\(digits(year, 4)).\(digits(month, 2)).\(digits(day, 2))"
    }

    package static func < (one: Day, other: Day) -> Bool { one.number < other.number }
    static func + (day: Day, count: Int) -> Day { Day(number: day.number + count) }
}

/// A whole number with leading zeros.
func digits(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
}
