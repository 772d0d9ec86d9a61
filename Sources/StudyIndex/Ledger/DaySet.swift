import DICOM

/// A set of days as ascending ranges that do not touch.
package struct DaySet: Sendable, Hashable {
    package private(set) var ranges: [ClosedRange<Int>] = []

    package init() {}

    init(_ dates: DateRange) {
        let (lower, upper) = (dates.lower ?? .earliest, dates.upper ?? .latest)
        if lower <= upper { ranges = [lower.daysSince1970...upper.daysSince1970] }
    }

    package var isEmpty: Bool { ranges.isEmpty }

    package func contains(_ range: ClosedRange<Int>) -> Bool {
        ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
    }

    package func intersects(_ range: ClosedRange<Int>) -> Bool { ranges.contains { $0.overlaps(range) } }

    mutating func formUnion(_ other: DaySet) {
        guard !other.isEmpty else { return }
        var merged: [ClosedRange<Int>] = []
        for range in (ranges + other.ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
    }

    func subtracting(_ other: DaySet) -> DaySet {
        var left = DaySet()
        for range in ranges {
            var start = range.lowerBound
            for hole in other.ranges where hole.overlaps(range) {
                if hole.lowerBound > start { left.ranges.append(start...(hole.lowerBound - 1)) }
                start = max(start, hole.upperBound + 1)
            }
            if start <= range.upperBound { left.ranges.append(start...range.upperBound) }
        }
        return left
    }

    /// As dates; the calendar's ends are open.
    package var dateRanges: [DateRange] {
        ranges.map { range in
            let lower = DICOMDate(daysSince1970: range.lowerBound)
            let upper = DICOMDate(daysSince1970: range.upperBound)
            return DateRange(lower: lower == .earliest ? nil : lower, upper: upper == .latest ? nil : upper)
        }
    }
}
