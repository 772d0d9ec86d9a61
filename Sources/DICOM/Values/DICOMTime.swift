/// A time of day, as TM means it: microseconds since midnight, no time zone.
package struct DICOMTime: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// 0 ..< 86,400,000,000.
    package let microseconds: Int

    package static let midnight = DICOMTime(unchecked: 0)
    /// 23:59:59.999999.
    package static let endOfDay = DICOMTime(unchecked: microsecondsPerDay - 1)
    package static let microsecondsPerDay = 86_400_000_000

    package init?(microseconds: Int) {
        guard (0..<Self.microsecondsPerDay).contains(microseconds) else { return nil }
        self.microseconds = microseconds
    }

    package init?(hour: Int, minute: Int = 0, second: Int = 0, microsecond: Int = 0) {
        guard (0..<24).contains(hour), (0..<60).contains(minute), (0..<60).contains(second),
            (0..<1_000_000).contains(microsecond)
        else { return nil }
        microseconds = ((hour * 60 + minute) * 60 + second) * 1_000_000 + microsecond
    }

    /// Reads `HH`, `HHMM`, `HHMMSS`, `HHMMSS.ffffff`, and from the field `HH:MM`, `HH:MM:SS.fff`, `HHMMSS.` (F71).
    /// Hour 24 and second 60 are out of range: no clock time is made up for them.
    package init?(_ text: String) {
        guard let span = TimeSpan(text) else { return nil }
        self = span.first
    }

    init(unchecked microseconds: Int) { self.microseconds = microseconds }

    package static func < (left: DICOMTime, right: DICOMTime) -> Bool { left.microseconds < right.microseconds }

    package var hour: Int { microseconds / 3_600_000_000 }
    package var minute: Int { microseconds / 60_000_000 % 60 }
    package var second: Int { microseconds / 1_000_000 % 60 }
    /// The fraction of the second.
    package var microsecond: Int { microseconds % 1_000_000 }

    /// `HHMMSS`, with `.ffffff` where there is a fraction.
    package var tm: String { hasFraction ? tmWithFraction : wholeSeconds }

    var hasFraction: Bool { microsecond != 0 }
    var tmWithFraction: String { wholeSeconds + "." + Digits.padded(microsecond, 6) }
    private var wholeSeconds: String { Digits.padded(hour, 2) + Digits.padded(minute, 2) + Digits.padded(second, 2) }

    package var description: String {
        let clock = "\(Digits.padded(hour, 2)):\(Digits.padded(minute, 2)):\(Digits.padded(second, 2))"
        return hasFraction ? clock + "." + Digits.padded(microsecond, 6) : clock
    }

    /// Whether `text` is a time just as PS3.5 writes it, without padding.
    package static func isStrict(_ text: String) -> Bool {
        DICOMTime(text) != nil && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
            && text.utf8.last != 0x2E
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = DICOMTime(microseconds: try container.decode(Int.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not microseconds of a day")
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }
}

/// All that a TM text covers: `10` is the hour, `100000` the second.
struct TimeSpan {
    let first: DICOMTime
    let last: DICOMTime

    init?(_ text: String) {
        var value = 0
        var digits = 0
        var colons = 0
        var inFraction = false
        var fraction = 0
        // What one more digit would count, in microseconds.
        var unit = 1_000_000
        for byte in PaddedASCII.trim(text.utf8) {
            switch byte {
            case 0x30...0x39 where inFraction:
                // Beyond six digits the field is finer than TM: cut.
                guard unit > 1 else { continue }
                unit /= 10
                fraction += Int(byte - 0x30) * unit
            case 0x30...0x39 where digits < 6:
                value = value * 10 + Int(byte - 0x30)
                digits += 1
            case 0x3A where !inFraction && digits == 2 * (colons + 1): colons += 1
            case 0x2E where !inFraction && digits == 6: inFraction = true
            default: return nil
            }
        }
        guard [2, 4, 6].contains(digits), colons == 0 || colons == digits / 2 - 1 else { return nil }
        if digits == 2 { (value, unit) = (value * 10_000, 3_600_000_000) }
        if digits == 4 { (value, unit) = (value * 100, 60_000_000) }
        guard
            let first = DICOMTime(
                hour: value / 10_000, minute: value / 100 % 100, second: value % 100, microsecond: fraction)
        else { return nil }
        self.first = first
        last = DICOMTime(unchecked: first.microseconds + unit - 1)
    }
}
