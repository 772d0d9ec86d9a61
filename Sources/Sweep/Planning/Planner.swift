import DICOM
import StudyIndex

/// What the planner makes of a slice's answer.
package enum Verdict: Sendable, Equatable {
    /// The answer proves its range.
    case complete
    /// The answer may lack studies: these ranges, which cover the slice's own, have to be asked instead.
    case split([SliceRange], reason: SplitReason)
    /// The answer may lack studies, and no narrower question is left to ask. Recorded and reported, never dropped.
    case irreducible(SplitReason)
}

/// Why an answer does not prove its range.
package enum SplitReason: String, Sendable {
    case cropped = "cropped by the source"
    case refused = "refused as too broad"
    case atConfiguredCap = "as many rows as the configured max_results"
    case largestAnswer = "no larger answer seen: a silent cap is possible"
    case outOfTime = "ran out of time"
    case timeKeysIgnored = "the source ignores time keys"
}

/// Decides which C-FINDs a sweep asks. Pure: ranges and answers in, ranges out.
///
/// The rule on silent caps (F1): a source that cuts its answers at N rows without saying so never sends more than N.
/// An answer is therefore trusted when the same source has sent a strictly larger one in the same run, and split
/// otherwise. That finds a cap of 347 as well as one of 500, without a list of suspicious numbers, and costs two
/// queries for each new largest answer. Evidence is never carried from run to run: a cap may have been lowered since.
package struct Planner: Sendable {
    /// Answers below this many rows are trusted without a larger one. No archive in our field evidence cuts silently
    /// below 100 rows (F1); an archive known to do so gets `limits.max_results`.
    package static let smallestSilentCap = 50

    /// A second is the narrowest time range asked: below it lie fractions that string-comparing archives misread (F18).
    package static let narrowestTimeRange = 1_000_000  // microseconds

    /// `limits.max_results` of the source; nil: not known.
    package var configuredCap: Int?

    package init(configuredCap: Int?) {
        self.configuredCap = configuredCap
    }

    /// Judges one answer. `largestAnswer`: the most rows that any C-FIND of this run ending in Success has brought from
    /// this source, not counting this one. A stale, smaller number only costs queries.
    package func judge(_ range: SliceRange, _ answer: Answer, largestAnswer: Int) -> Verdict {
        guard let reason = doubt(answer, largestAnswer: largestAnswer) else { return .complete }
        if range.axis == .times, answer.outsideTimes > 0 {
            return .irreducible(.timeKeysIgnored)
        }
        let halves = Self.halves(of: range)
        return halves.isEmpty ? .irreducible(reason) : .split(halves, reason: reason)
    }

    private func doubt(_ answer: Answer, largestAnswer: Int) -> SplitReason? {
        switch answer.end {
        case .cropped: return .cropped
        case .refused: return .refused
        case .outOfTime: return .outOfTime
        case .success: break
        }
        if let configuredCap, answer.rawRows >= configuredCap { return .atConfiguredCap }
        if answer.rawRows >= Self.smallestSilentCap, answer.rawRows >= largestAnswer { return .largestAnswer }
        return nil
    }
}
