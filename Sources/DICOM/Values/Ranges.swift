/// Days from `lower` to `upper`, both included; nil is open (PS3.4 §C.2.2.2.5).
package struct DateRange: Sendable, Hashable, Codable {
    package var lower: DICOMDate?
    package var upper: DICOMDate?

    package init(lower: DICOMDate?, upper: DICOMDate?) {
        self.lower = lower
        self.upper = upper
    }

    /// One day.
    package init(day: DICOMDate) { self.init(lower: day, upper: day) }

    /// Reads `20200101`, `20200101-20200131`, `20200101-`, `-20200131`. Nil for `-` (F145), for what is not dates, and
    /// for a range that ends before it begins.
    package init?(da text: String) {
        if let day = DICOMDate(text) {
            self.init(day: day)
            return
        }
        guard let (lower, upper) = RangeText.split(text, DICOMDate.init(_:), DICOMDate.init(_:)) else { return nil }
        if let lower, let upper, upper < lower { return nil }
        self.init(lower: lower, upper: upper)
    }

    /// The matching key: `20200101-20200131`, one date for one day; empty (universal) where both ends are open.
    package var da: String {
        if lower == nil, upper == nil { return "" }
        if let lower, lower == upper { return lower.da }
        return "\(lower?.da ?? "")-\(upper?.da ?? "")"
    }

    package func contains(_ date: DICOMDate) -> Bool {
        (lower.map { $0 <= date } ?? true) && (upper.map { date <= $0 } ?? true)
    }
}

/// Times of one day from `lower` to `upper`, both included; nil is open. Never across midnight (F16).
package struct TimeRange: Sendable, Hashable, Codable {
    package var lower: DICOMTime?
    package var upper: DICOMTime?

    package init(lower: DICOMTime?, upper: DICOMTime?) {
        self.lower = lower
        self.upper = upper
    }

    /// Reads `10`, `1000-1800`, `1000-`, `-1800`. An end covers all that its text does: `-18` is up to 18:59:59.999999,
    /// `100000` any fraction of that second. Nil as for `DateRange`.
    package init?(tm text: String) {
        if let span = TimeSpan(text) {
            self.init(lower: span.first, upper: span.last)
            return
        }
        guard
            let (lower, upper) = RangeText.split(
                text, { TimeSpan($0)?.first }, { TimeSpan($0)?.last })
        else { return nil }
        if let lower, let upper, upper < lower { return nil }
        self.init(lower: lower, upper: upper)
    }

    /// The matching key: `100000-180000.500000`; empty (universal) where both ends are open.
    package var tm: String {
        if lower == nil, upper == nil { return "" }
        return "\(lower?.tm ?? "")-\(upper?.tm ?? "")"
    }

    package func contains(_ time: DICOMTime) -> Bool {
        (lower.map { $0 <= time } ?? true) && (upper.map { time <= $0 } ?? true)
    }
}

/// `a-b`, `a-`, `-b`.
private enum RangeText {
    static func split<Bound>(
        _ text: String, _ lower: (String) -> Bound?, _ upper: (String) -> Bound?
    ) -> (Bound?, Bound?)? {
        let parts = text.utf8.split(separator: 0x2D, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts.map { String(Substring(PaddedASCII.trim($0))) }
        if ends[0].isEmpty, ends[1].isEmpty { return nil }
        let first = ends[0].isEmpty ? nil : lower(ends[0])
        let last = ends[1].isEmpty ? nil : upper(ends[1])
        guard ends[0].isEmpty || first != nil, ends[1].isEmpty || last != nil else { return nil }
        return (first, last)
    }
}
