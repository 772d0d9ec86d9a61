import DICOM
import StudyIndex

/// Which days of one source are known, and known recently enough.
struct DayKnowledge: Sendable, Hashable {
    /// Days since 1970, in order, neighbours joined: mostly one range, or two.
    private var known: [ClosedRange<Int>] = []
    /// What that rests on: in order of days, each since so long.
    private var proofs: [Proof] = []
    private var oldest: Duration?

    private struct Proof: Hashable {
        var days: ClosedRange<Int>
        var age: Duration
    }

    init() {}

    init(_ covered: [CoveredDays], _ freshness: Freshness, _ today: DICOMDate) {
        let border = freshness.firstRecentDay(today: today).daysSince1970
        proofs = covered.filter { $0.state != .hole }.flatMap { days -> [Proof] in
            let range = days.days.numbers
            var parts: [Proof] = []
            if range.lowerBound < border, days.age <= freshness.history {
                parts.append(Proof(days: range.lowerBound...min(range.upperBound, border - 1), age: days.age))
            }
            if range.upperBound >= border, days.age <= freshness.recent {
                parts.append(Proof(days: max(range.lowerBound, border)...range.upperBound, age: days.age))
            }
            return parts
        }.sorted { $0.days.lowerBound < $1.days.lowerBound }
        oldest = proofs.map(\.age).max()
        for part in proofs.map(\.days) {
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

    /// Of the oldest proof of any of these days; nil: nothing of them is known.
    func age(within dates: DateRange?) -> Duration? {
        guard let wanted = dates?.numbers else { return oldest }
        // Proofs do not overlap: their ends are in order, too.
        var (low, high) = (0, proofs.count)
        while low < high {
            let middle = (low + high) / 2
            if proofs[middle].days.upperBound < wanted.lowerBound { low = middle + 1 } else { high = middle }
        }
        return proofs[low...].prefix { $0.days.lowerBound <= wanted.upperBound }.map(\.age).max()
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
