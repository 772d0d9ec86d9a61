import DICOM
import StudyIndex

/// Which days of one source are known, and known recently enough.
struct DayKnowledge: Sendable, Hashable {
    /// Days since 1970, in order, neighbours joined: mostly one range, or two.
    private var known: [ClosedRange<Int>] = []

    init() {}

    init(_ covered: [CoveredDays], _ freshness: Freshness, _ today: DICOMDate) {
        let border = freshness.firstRecentDay(today: today).daysSince1970
        let parts = covered.filter { $0.state != .hole }.flatMap { days -> [ClosedRange<Int>] in
            let range = days.days.numbers
            var parts: [ClosedRange<Int>] = []
            if range.lowerBound < border, days.age <= freshness.history {
                parts.append(range.lowerBound...min(range.upperBound, border - 1))
            }
            if range.upperBound >= border, days.age <= freshness.recent {
                parts.append(max(range.lowerBound, border)...range.upperBound)
            }
            return parts
        }
        for part in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = known.last, last.upperBound + 1 >= part.lowerBound {
                known[known.count - 1] = last.lowerBound...max(last.upperBound, part.upperBound)
            } else {
                known.append(part)
            }
        }
    }

    /// By source.
    static func all(_ covered: [CoveredDays], _ freshness: Freshness, _ today: DICOMDate) -> [String: DayKnowledge] {
        Dictionary(grouping: covered, by: \.source).mapValues { DayKnowledge($0, freshness, today) }
    }

    /// From the first to the last day that is not known; nil: all are.
    func unknown(within dates: DateRange?) -> DateRange? {
        let wanted = (dates ?? DateRange(lower: nil, upper: nil)).numbers
        var next = wanted.lowerBound
        var first: Int?
        var last: Int?
        for range in known where range.upperBound >= next {
            guard next <= wanted.upperBound, range.lowerBound <= wanted.upperBound else { break }
            if range.lowerBound > next {
                first = first ?? next
                last = range.lowerBound - 1
            }
            next = range.upperBound + 1
        }
        if next <= wanted.upperBound {
            first = first ?? next
            last = wanted.upperBound
        }
        guard let first, let last else { return nil }
        return DateRange(
            lower: first <= DICOMDate.earliest.daysSince1970 ? nil : Self.date(first),
            upper: last >= DICOMDate.latest.daysSince1970 ? nil : Self.date(last))
    }

    private static func date(_ number: Int) -> DICOMDate {
        DICOMDate.earliest.adding(days: number - DICOMDate.earliest.daysSince1970)
    }
}

extension DateRange {
    /// Any date, and none.
    var isOpen: Bool { lower == nil && upper == nil }

    fileprivate var numbers: ClosedRange<Int> {
        let first = (lower ?? .earliest).daysSince1970
        return first...max(first, (upper ?? .latest).daysSince1970)
    }
}
