import DICOM
import StudyIndex

/// What a sweep asks.
package enum Scope: Sendable, Hashable {
    /// The studies of these dates. Open ends reach studies with absurd dates (F24).
    case dates(DateRange)
    /// Days that were proven or enumerated before, the oldest proof first.
    case oldestFirst(DateRange)
    /// All patients, by the beginnings of their IDs: they reach studies that no date range does (F21).
    case patientPrefixes
    /// The patients that the index knows at each source.
    case knownPatients
    case patients([String])
    /// The series of studies, newest first, that were not asked for since the study changed; so many studies at most.
    case series(limit: Int)

    /// Distinguishes runs of one job that must not be taken for one another.
    var key: String {
        switch self {
        case .dates(let range): range.da
        case .oldestFirst(let range): "oldest \(range.da)"
        case .patientPrefixes: "prefixes"
        case .knownPatients: "patients"
        // The list itself is patient data and may change from run to run; one unfinished run is enough.
        case .patients: "list"
        case .series: "series"
        }
    }
}

extension Planner {
    /// The slices that a sweep of `dates` starts with: the one of which most studies are known, the others newest first, and
    /// what lies in the future last. The few studies that are dated there are trusted by the larger answers before. Open ends
    /// stay open ranges, so that absurd dates on both sides are reached (F24). What is known from before is packed by how many
    /// studies its days have; the rest is one range, of which workers take as much at a time as they have learned to.
    package func roots(
        of dates: DateRange, today: DICOMDate, covered: [CoveredDays] = [], known: [DICOMDate: Int] = [:]
    ) -> [(range: DateRange, isSized: Bool)] {
        let tomorrow = today.adding(days: 1)
        var roots: [(range: Filled, isSized: Bool)] = []
        let past = dates.intersection(DateRange(lower: nil, upper: dates.upper ?? today))
        for stretch in past.map({ Self.stretches($0, covered) }) ?? [] {
            if stretch.isKnown {
                roots += packed(stretch.days, known: known).map { ($0, true) }
            } else {
                roots.append((Filled(days: stretch.days), false))
            }
        }
        if let place = placeOfFullest(roots.map(\.range)) { roots.insert(roots.remove(at: place), at: 0) }
        if dates.upper == nil {
            roots.append((Filled(days: DateRange(lower: max(dates.lower ?? tomorrow, tomorrow), upper: nil)), true))
        }
        return roots.map { ($0.range.days, $0.isSized) }
    }

    /// Known days packed into slices, the oldest knowledge first, but for the one of which most studies are known.
    package func oldestFirst(
        _ dates: DateRange, covered: [CoveredDays], known: [DICOMDate: Int]
    ) -> [DateRange] {
        let inside = covered.filter { $0.state != .hole }.compactMap { days -> (DateRange, String)? in
            guard let common = days.days.intersection(dates) else { return nil }
            return (common, days.verifiedAt)
        }
        // What was asked in one night is asked together again, however finely it was cut then.
        let nights = Dictionary(grouping: inside) { $0.1.prefix(10) }.sorted { $0.key < $1.key }
        var ranges = nights.flatMap { _, ranges -> [Filled] in
            let days = ranges.map { CoveredDays(days: $0.0) }
            return Self.stretches(DateRange(lower: nil, upper: nil), days).filter(\.isKnown).flatMap {
                packed($0.days, known: known)
            }
        }
        if let place = placeOfFullest(ranges) { ranges.insert(ranges.remove(at: place), at: 0) }
        return ranges.map(\.days)
    }

    private struct Stretch {
        var days: DateRange
        var isKnown: Bool
    }

    /// `dates` cut into what is known and what is not, newest first; adjacent known ranges are joined.
    private static func stretches(_ dates: DateRange, _ covered: [CoveredDays]) -> [Stretch] {
        let known = covered.filter { $0.state != .hole }.compactMap { $0.days.intersection(dates) }
            .sorted { ($0.lower ?? .earliest) > ($1.lower ?? .earliest) }
        var stretches: [Stretch] = []
        // nil: nothing is left.
        var rest: DateRange? = dates
        for range in known {
            guard let left = rest else { break }
            if let above = left.after(range) { stretches.append(Stretch(days: above, isKnown: false)) }
            if let last = stretches.last, last.isKnown {
                stretches[stretches.count - 1].days.lower = range.lower
            } else {
                stretches.append(Stretch(days: range, isKnown: true))
            }
            rest = left.before(range)
        }
        if let rest { stretches.append(Stretch(days: rest, isKnown: false)) }
        return stretches
    }
}

extension DateRange {
    func intersection(_ other: DateRange) -> DateRange? {
        let lower = [lower, other.lower].compactMap { $0 }.max()
        let upper = [upper, other.upper].compactMap { $0 }.min()
        if let lower, let upper, lower > upper { return nil }
        return DateRange(lower: lower, upper: upper)
    }

    /// What of this range lies after `part`, which is inside it; nil: nothing.
    fileprivate func after(_ part: DateRange) -> DateRange? {
        guard let last = part.upper, upper.map({ $0 > last }) ?? (last < .latest) else { return nil }
        return DateRange(lower: last.adding(days: 1), upper: upper)
    }

    fileprivate func before(_ part: DateRange) -> DateRange? {
        guard let first = part.lower, lower.map({ $0 < first }) ?? (first > .earliest) else { return nil }
        return DateRange(lower: lower, upper: first.adding(days: -1))
    }
}

extension CoveredDays {
    fileprivate init(days: DateRange) {
        self.init(source: "", level: .study, days: days, state: .proven, reason: "", verifiedAt: "")
    }
}
