import DICOM
import StudyIndex

/// Ranges that a source has refused as too broad, or cut, against what their parts have brought since: that shows where its
/// limit is, and in which part the studies are that were too many.
struct Refusals: Sendable {
    private struct Refused: Sendable {
        var range: ClosedRange<Int>
        /// Microseconds that were not answered yet.
        var left: Int
        var rows = 0
        /// Whether far fewer were expected.
        var isSurprising: Bool
        /// How often one of its parts has waited for another.
        var waits = 0

        func contains(_ part: ClosedRange<Int>) -> Bool {
            range.lowerBound <= part.lowerBound && part.upperBound <= range.upperBound
        }
    }

    /// The fewest studies of a refused range whose parts were all answered; nil: there is none.
    private(set) var fewestStudies: Int?
    private var ranges: [Refused] = []

    private static let mostRanges = 32
    /// A part that is never answered, or by another process, must not hold up the others.
    private static let mostWaits = 20

    /// Whether the last of them was expected to have far fewer than the source sends: one crowded day says nothing of others.
    var isLastSurprising: Bool { ranges.last?.isSurprising ?? false }

    mutating func add(_ range: SliceRange, isSurprising: Bool) {
        guard let all = range.microseconds else { return }
        ranges.append(Refused(range: all, left: all.count, isSurprising: isSurprising))
        if ranges.count > Self.mostRanges { ranges.removeFirst() }
    }

    /// A range is answered wholly. `largestAnswer`: the most rows that the source has sent.
    mutating func answered(_ range: SliceRange, rows: Int, largestAnswer: Int) {
        guard let part = range.microseconds else { return }
        for number in ranges.indices where ranges[number].contains(part) {
            ranges[number].rows += rows
            ranges[number].left -= part.count
            if ranges[number].left <= 0 { fewestStudies = min(fewestStudies ?? .max, ranges[number].rows) }
        }
        ranges.removeAll { $0.left <= 0 }
        // Refused for another reason.
        if let fewest = fewestStudies, fewest <= largestAnswer { fewestStudies = nil }
    }

    enum Search {
        case ask
        /// What comes of the newer parts tells whether this one has to be asked.
        case wait
        /// All other parts are answered, and had so few that this one has so many, at least.
        case least(Int)
    }

    /// What is to be done about a part of a range that was refused although so many were not expected: the crowded day in it
    /// is searched with as few questions as can be.
    mutating func search(_ range: SliceRange, largestAnswer: Int) -> Search {
        guard range.axis == .dates, let part = range.microseconds,
            let number = ranges.indices.filter({ ranges[$0].contains(part) })
                .min(by: { ranges[$0].range.count < ranges[$1].range.count })
        else { return .ask }
        if ranges[number].left == part.count { return .least(largestAnswer - ranges[number].rows) }
        guard ranges[number].isSurprising, part.upperBound < ranges[number].range.upperBound,
            ranges[number].waits < Self.mostWaits
        else { return .ask }
        ranges[number].waits += 1
        return .wait
    }

    /// The crowded day is in this part, which is divided further instead of being asked.
    mutating func divided(_ range: SliceRange) {
        guard let part = range.microseconds else { return }
        let rows = ranges.filter { $0.left == part.count && $0.contains(part) }.map(\.rows).max() ?? 0
        ranges.append(Refused(range: part, left: part.count, rows: rows, isSurprising: true))
    }
}

extension SliceRange {
    /// Of dates or times, since 1970; nil: another axis, or an open end.
    fileprivate var microseconds: ClosedRange<Int>? {
        guard axis == .dates || axis == .times, let lower = dates?.lower, let upper = dates?.upper else { return nil }
        let first = lower.daysSince1970 * DICOMTime.microsecondsPerDay + (times?.lower?.microseconds ?? 0)
        let ofLast = times?.upper?.microseconds ?? DICOMTime.microsecondsPerDay - 1
        return first...max(first, upper.daysSince1970 * DICOMTime.microsecondsPerDay + ofLast)
    }
}
