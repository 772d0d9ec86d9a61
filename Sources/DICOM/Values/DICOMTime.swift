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
        let bytes = Array(PaddedASCII.trim(text.utf8))
        var fields: [Int] = []
        var position = 0
        let hasColons = bytes.contains(0x3A)
        while fields.count < 3, position < bytes.count, bytes[position] != 0x2E {
            if hasColons, !fields.isEmpty {
                guard bytes[position] == 0x3A else { return nil }
                position += 1
            }
            guard position + 1 < bytes.count, let tens = Self.digit(bytes[position]),
                let ones = Self.digit(bytes[position + 1])
            else { return nil }
            fields.append(tens * 10 + ones)
            position += 2
        }
        var fraction = 0
        var unit = fields.count == 1 ? 3_600_000_000 : fields.count == 2 ? 60_000_000 : 1_000_000
        if position < bytes.count {
            guard fields.count == 3, bytes[position] == 0x2E else { return nil }
            for byte in bytes[(position + 1)...] {
                guard let digit = Self.digit(byte) else { return nil }
                // Beyond six digits the field is finer than TM: cut.
                guard unit > 1 else { continue }
                unit /= 10
                fraction += digit * unit
            }
        }
        guard let hour = fields.first,
            let first = DICOMTime(
                hour: hour, minute: fields.count > 1 ? fields[1] : 0, second: fields.count > 2 ? fields[2] : 0,
                microsecond: fraction)
        else { return nil }
        self.first = first
        last = DICOMTime(unchecked: first.microseconds + unit - 1)
    }

    private static func digit(_ byte: UInt8) -> Int? { (0x30...0x39).contains(byte) ? Int(byte - 0x30) : nil }
}
