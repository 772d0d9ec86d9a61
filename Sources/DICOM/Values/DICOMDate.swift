/// A calendar day, as DA means it: proleptic Gregorian, year 1…9999, no time zone.
package struct DICOMDate: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    package let year: Int
    package let month: Int
    package let day: Int

    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Reads `YYYYMMDD`, and from the field `YYYY.MM.DD`, `YYYY-MM-DD`, `YYYY/MM/DD` with padding around (F70).
    /// Six digits are no date: nothing says whether `020304` begins with a year or ends with one.
    package init?(_ text: String) {
        var value = 0
        var digits = 0
        var separator: UInt8 = 0
        var separators = 0
        for byte in PaddedASCII.trim(text.utf8) {
            switch byte {
            case 0x30...0x39 where digits < 8:
                value = value * 10 + Int(byte - 0x30)
                digits += 1
            case 0x2D, 0x2E, 0x2F:
                let isExpected = digits == 4 ? separators == 0 : digits == 6 && separators == 1 && byte == separator
                guard isExpected else { return nil }
                separator = byte
                separators += 1
            default: return nil
            }
        }
        guard digits == 8, separators != 1 else { return nil }
        self.init(year: value / 10_000, month: value / 100 % 100, day: value % 100)
    }

    /// Days since 1970-01-01; nil outside the years 1…9999.
    package init?(daysSince1970 days: Int) {
        guard (Self.firstDay...Self.lastDay).contains(days) else { return nil }
        // Years from March, in eras of 400 years.
        let shifted = days + 719_468
        let era = shifted.dividedFloor(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package var daysSince1970: Int {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = yearFromMarch.dividedFloor(by: 400)
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The day `days` later; stops at 0001-01-01 and 9999-12-31.
    package func adding(days: Int) -> DICOMDate {
        let (sum, overflow) = daysSince1970.addingReportingOverflow(days)
        if overflow || sum > Self.lastDay || sum < Self.firstDay { return days < 0 ? .earliest : .latest }
        return DICOMDate(daysSince1970: sum) ?? self
    }

    /// How many days `other` is later.
    package func days(to other: DICOMDate) -> Int { other.daysSince1970 - daysSince1970 }

    package static let earliest = DICOMDate(uncheckedYear: 1, month: 1, day: 1)
    package static let latest = DICOMDate(uncheckedYear: 9999, month: 12, day: 31)
    private static let firstDay = earliest.daysSince1970
    private static let lastDay = latest.daysSince1970

    private init(uncheckedYear year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    package static func < (left: DICOMDate, right: DICOMDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    /// `YYYYMMDD`, PS3.5 §6.2.
    package var da: String { Digits.padded(year, 4) + Digits.padded(month, 2) + Digits.padded(day, 2) }
    /// `YYYY-MM-DD`.
    package var iso: String {
        "\(Digits.padded(year, 4))-\(Digits.padded(month, 2))-\(Digits.padded(day, 2))"
    }
    package var description: String { iso }

    /// Whether `text` is a date just as PS3.5 writes it, without padding.
    package static func isStrict(_ text: String) -> Bool { text.utf8.count == 8 && DICOMDate(text) != nil }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let date = DICOMDate(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a date YYYYMMDD")
        }
        self = date
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(da)
    }
}

extension Int {
    fileprivate func dividedFloor(by divisor: Int) -> Int {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}
