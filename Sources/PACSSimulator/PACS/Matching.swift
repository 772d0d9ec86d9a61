/// One matching key of a question, as the simulated PACS understand it (PS3.4 §C.2.2.2): small, and not `DICOM`'s
/// evaluator, so that an error there does not agree with itself.
enum Matching: Sendable {
    case days(ClosedRange<Int>)
    /// No day at all: the range could not be read.
    case nothing
    case clock(from: ClockBorder?, to: ClockBorder?)
    case anyOf(Set<String>)
    case anyModality(Set<String>)
    case pattern(Pattern)

    /// nil: matches everything, like an empty key.
    init?(_ attribute: Attribute, _ text: String, temper: Temper) {
        let text = text.trimmed
        guard !text.isEmpty, text != "*" else { return nil }
        switch attribute {
        case .studyDate, .patientBirthDate: self = Self.days(text, temper)
        case .studyTime:
            if temper.ignoresTimeKeys { return nil }
            let (from, to) = Self.borders(text)
            self = .clock(
                from: from.map { ClockBorder($0, isEnd: false, temper) },
                to: to.map { ClockBorder($0, isEnd: true, temper) })
        case .studyInstanceUID: self = .anyOf(Set(text.split(separator: "\\").map { String($0).trimmed }))
        case .modalitiesInStudy: self = .anyModality(Set(text.split(separator: "\\").map { String($0).trimmed }))
        case .patientName, .referringPhysicianName: self = .pattern(Pattern(text, ignoresCase: true))
        default: self = .pattern(Pattern(text, ignoresCase: false))
        }
    }

    private static func days(_ text: String, _ temper: Temper) -> Matching {
        let (from, to) = borders(text)
        let lower = from.map { DayValue.number($0, temper) } ?? 0
        let upper = to.map { DayValue.number($0, temper) } ?? Int.max
        guard let lower, let upper, lower <= upper else { return .nothing }
        return .days(lower...upper)
    }

    /// `a-b`, `a-`, `-b`, or one value, which is both borders.
    private static func borders(_ text: String) -> (from: String?, to: String?) {
        guard let hyphen = text.firstIndex(of: "-") else { return (text, text) }
        let from = String(text[..<hyphen]).trimmed
        let to = String(text[text.index(after: hyphen)...]).trimmed
        return (from.isEmpty ? nil : from, to.isEmpty ? nil : to)
    }
}

/// A date as the number YYYYMMDD.
enum DayValue {
    /// nil for what this source cannot read as a date.
    static func number(_ text: String, _ temper: Temper) -> Int? {
        guard let day = Day(text), temper.parsesDates || text.utf8.count == 8 else { return nil }
        return Int(day.da)
    }
}

/// A time of day, to be compared as a number or, where the source does so, as the string it is: then 11:59:59.5 lies
/// between a range that ends at 115959 and one that starts at 120000 (F18).
enum ClockBorder: Sendable {
    case microseconds(Int)
    case string(String)
    case unreadable

    /// - Parameter isEnd: parts that are left out are then filled up: `1000` ends with 10:00:59.999999.
    init(_ text: String, isEnd: Bool, _ temper: Temper) {
        guard temper.parsesDates else {
            self = .string(text)
            return
        }
        self = Self.microseconds(text, isEnd: isEnd).map(ClockBorder.microseconds) ?? .unreadable
    }

    static func microseconds(_ text: String, isEnd: Bool) -> Int? {
        let parts = text.filter { $0 != ":" }.split(separator: ".", maxSplits: 1)
        guard let clock = parts.first, [2, 4, 6].contains(clock.utf8.count), let value = Int(clock), value >= 0 else {
            return nil
        }
        let full =
            switch clock.utf8.count {
            case 2: value * 10_000 + (isEnd ? 5959 : 0)
            case 4: value * 100 + (isEnd ? 59 : 0)
            default: value
            }
        guard full / 10_000 < 24, full / 100 % 100 < 60, full % 100 < 60 else { return nil }
        let seconds = full / 10_000 * 3600 + full / 100 % 100 * 60 + full % 100
        guard parts.count == 2 else { return seconds * 1_000_000 + (isEnd ? 999_999 : 0) }
        let fraction = parts[1].prefix(6)
        guard let part = Int(fraction) else { return nil }
        return (0..<(6 - fraction.utf8.count)).reduce(part) { value, _ in value * 10 } + seconds * 1_000_000
    }

    /// Whether this border lies at or before a study's time.
    func isAtOrBefore(_ value: String) -> Bool {
        switch self {
        case .string(let border): border <= value
        case .microseconds(let border): Self.microseconds(value, isEnd: false).map { border <= $0 } ?? false
        case .unreadable: false
        }
    }

    func isAtOrAfter(_ value: String) -> Bool {
        switch self {
        case .string(let border): value <= border
        case .microseconds(let border): Self.microseconds(value, isEnd: false).map { $0 <= border } ?? false
        case .unreadable: false
        }
    }
}

/// Wildcard matching with `*` and `?` (PS3.4 §C.2.2.2.4).
struct Pattern: Sendable {
    private let pattern: [Unicode.Scalar]
    private let ignoresCase: Bool
    /// The value that is meant, when there are no wildcards and case counts.
    let exact: String?

    init(_ text: String, ignoresCase: Bool) {
        pattern = Array((ignoresCase ? text.lowercased() : text).unicodeScalars)
        self.ignoresCase = ignoresCase
        exact = ignoresCase || text.contains("*") || text.contains("?") ? nil : text
    }

    func matches(_ text: String) -> Bool {
        let text = Array((ignoresCase ? text.lowercased() : text).unicodeScalars)
        var position = 0
        var next = 0
        var star: (pattern: Int, text: Int)?
        while next < text.count {
            if position < pattern.count, pattern[position] == "*" {
                star = (position, next)
                position += 1
            } else if position < pattern.count, pattern[position] == "?" || pattern[position] == text[next] {
                position += 1
                next += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                position = last.pattern + 1
                next = last.text + 1
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == "*" }
    }
}

extension String {
    /// Without spaces at either end.
    var trimmed: String {
        String(drop { $0 == " " || $0 == "\0" }.reversed().drop { $0 == " " || $0 == "\0" }.reversed())
    }
}
