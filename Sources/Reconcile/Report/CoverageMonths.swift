import DICOM

extension Coverage {
    /// One source's coverage in one month, or in what lies before the first or after the last month.
    package struct Month: Sendable, Hashable, Codable {
        package let source: String
        /// `2024-03`, `before 2016-01`, `after 2026-06`; `any date` where no sweep had an end.
        package let month: String
        /// The worst state of any of its days.
        package let state: State
        /// How many days are in which state; 0 each where it has no end.
        package let daysProven: Int
        package let daysEnumerated: Int
        package let daysInHoles: Int
        package let daysNotAsked: Int
        /// The oldest time at which a part of it was proven or enumerated; "" where nothing was.
        package let verifiedAt: String
        /// Why it has holes; "" where it has none.
        package let reason: String

        enum CodingKeys: String, CodingKey {
            case source, month, state
            case daysProven = "days_proven"
            case daysEnumerated = "days_enumerated"
            case daysInHoles = "days_in_holes"
            case daysNotAsked = "days_not_asked"
            case verifiedAt = "verified_at"
            case reason
        }
    }

    /// Every source with the same months, from the first to the last day of `bounds`.
    package func months() -> [Month] {
        let periods = periods()
        return Dictionary(grouping: spans, by: \.source).sorted { $0.key < $1.key }.flatMap { source, spans in
            var first = spans.startIndex
            return periods.map { period in
                while first < spans.endIndex, spans[first].days.upperBound < period.days.lowerBound { first += 1 }
                return Self.month(
                    source, period, spans[first...].prefix { $0.days.lowerBound <= period.days.upperBound })
            }
        }
    }

    private struct Period {
        let label: String
        let days: ClosedRange<Int>
        let isBounded: Bool
    }

    private func periods() -> [Period] {
        let (beginning, end) = (DICOMDate.earliest.daysSince1970, DICOMDate.latest.daysSince1970)
        guard let bounds else {
            return spans.isEmpty ? [] : [Period(label: "any date", days: beginning...end, isBounded: false)]
        }
        var periods: [Period] = []
        let (first, last) = (bounds.lowerBound, bounds.upperBound)
        var start = DICOMDate(year: first.year, month: first.month, day: 1) ?? first
        let label = String(start.iso.prefix(7))
        if start.daysSince1970 > beginning, spans.contains(where: { $0.from == nil }) {
            let days = beginning...(start.daysSince1970 - 1)
            periods.append(Period(label: "before \(label)", days: days, isBounded: false))
        }
        while start <= last {
            let next = start.adding(days: 31)
            let following = DICOMDate(year: next.year, month: next.month, day: 1) ?? next
            // The calendar's last month has no following one.
            let isLast = following <= start
            let days = start.daysSince1970...(isLast ? end : following.daysSince1970 - 1)
            periods.append(Period(label: String(start.iso.prefix(7)), days: days, isBounded: true))
            if isLast { return periods }
            start = following
        }
        if start.daysSince1970 <= end, spans.contains(where: { $0.to == nil }) {
            let days = start.daysSince1970...end
            periods.append(Period(label: "after \(last.iso.prefix(7))", days: days, isBounded: false))
        }
        return periods
    }

    private static func month(_ source: String, _ period: Period, _ spans: ArraySlice<Span>) -> Month {
        var days: [State: Int] = [:]
        for span in spans { days[span.state, default: 0] += span.days.clamped(to: period.days).count }
        let unasked = period.days.count - days.values.reduce(0, +)
        if unasked > 0 { days[.notAsked, default: 0] += unasked }
        func count(_ state: State) -> Int { period.isBounded ? days[state] ?? 0 : 0 }
        return Month(
            source: source, month: period.label, state: days.keys.max() ?? .notAsked, daysProven: count(.proven),
            daysEnumerated: count(.enumerated), daysInHoles: count(.hole), daysNotAsked: count(.notAsked),
            verifiedAt: spans.filter { $0.state < .notAsked }.map(\.at).min() ?? "",
            reason: Set(spans.filter { $0.state == .hole }.map(\.reason)).sorted().joined(separator: "; "))
    }
}
