import DICOM
import StudyIndex

/// What the planner makes of a slice's answer.
package enum Verdict: Sendable, Hashable {
    /// The answer is all that there is in its range.
    case complete
    /// The answer may lack studies: these ranges, which cover the slice's own as well as can be, are asked instead.
    case split([SliceRange], reason: SplitReason)
    /// The answer may lack studies, and no narrower question is left to ask. Recorded and reported, never dropped.
    case irreducible(SplitReason)
}

/// Why an answer does not prove its range.
package enum SplitReason: String, Sendable {
    case cropped = "cropped by the source"
    case refused = "refused as too broad"
    case atKnownCap = "as many rows as the source ever sends"
    case largestAnswer = "no larger answer seen: a silent cap is possible"
    case outOfTime = "ran out of time"
    /// Not asked: its times are.
    case crowdedDay = "more studies expected than the source sends"
    /// One part of a day, of which all is asked after all.
    case notCrowded = "fewer studies than expected: the whole day is asked"
    case dateKeysIgnored = "the source ignores dates"
    case timeKeysIgnored = "the source ignores times"
    case modalityKeysIgnored = "the source ignores modalities"
    case patientKeysIgnored = "the source ignores patient IDs"
    /// Not asked: it stands for its parts.
    case allPatients = "asked by the beginnings of patient IDs"
}

/// Decides which C-FINDs a sweep asks. Pure: ranges and answers in, ranges out.
///
/// The rule on silent caps (F1): a source that cuts its answers at N rows without saying so never sends more than N.
/// An answer is therefore trusted when the same source has sent a strictly larger one in the same run, and split
/// otherwise; also one that it has ended by saying that there are more, because it has sent as many. That finds a cap of 347 as well as one of 500, without a list of suspicious numbers, and costs two
/// queries for each new largest answer. Evidence is never carried from run to run: a cap may have been lowered since.
///
/// The axes, in order: dates; within a day times; then modalities; then the beginnings of patient IDs. Dates partition a
/// source's dated studies; what is split any further enumerates its day and does not prove it (F38).
package struct Planner: Sendable {
    /// Answers below this many rows are trusted without a larger one. No archive in our field evidence cuts silently
    /// below 100 rows (F1); an archive known to do so gets `limits.max_results`.
    package static let smallestSilentCap = 50

    /// The most rows that a sweep aims at where no cap is known: more would be unkind to the source (F108).
    static let mostRowsWanted = 2_000.0

    /// The most rows that the source sends: `limits.max_results`, or what a sweep has learned; nil: not known.
    package var cap: Int?
    package var capabilities: Capabilities

    package init(cap: Int? = nil, capabilities: Capabilities = Capabilities()) {
        self.cap = cap ?? [capabilities.silentCap, capabilities.announcedCap].compactMap { $0 }.min()
        self.capabilities = capabilities
    }

    /// Judges one answer. `largestAnswer`: the most rows that any C-FIND of this run has brought from this source which the
    /// source itself has ended, in Success or with the word that there are more, not counting this one. A stale, smaller
    /// number only costs queries.
    package func judge(
        _ range: SliceRange, _ answer: Answer, records: [StudyRecord] = [], largestAnswer: Int,
        experience: Experience = Experience()
    ) -> Verdict {
        guard let reason = doubt(answer, largestAnswer: largestAnswer) else { return .complete }
        if let ignored = ignoredKey(of: range, answer, experience) { return .irreducible(ignored) }
        let parts = parts(of: range, answer, records, experience)
        return parts.isEmpty ? .irreducible(reason) : .split(parts, reason: reason)
    }

    func doubt(_ answer: Answer, largestAnswer: Int) -> SplitReason? {
        switch answer.end {
        case .cropped: return .cropped
        case .refused: return .refused
        case .outOfTime: return .outOfTime
        case .success: break
        }
        if let cap, answer.rawRows >= cap { return .atKnownCap }
        if answer.rawRows >= Self.smallestSilentCap, answer.rawRows >= largestAnswer { return .largestAnswer }
        return nil
    }

    /// Asking a narrower question with a key that does not filter would bring the same answer for ever.
    private func ignoredKey(of range: SliceRange, _ answer: Answer, _ experience: Experience) -> SplitReason? {
        let outside = answer.outside[range.axis] ?? 0
        // Some file a study under another time than they show; that a key does not filter shows in many rows.
        let many = range.axis == .dates ? 2 : 4
        guard outside * many > answer.rawRows || (range.axis != .dates && experience.isUnusable(range.axis)) else {
            return nil
        }
        switch range.axis {
        case .dates: return .dateKeysIgnored
        // The day's other axes are asked beside its times.
        case .times: return .timeKeysIgnored
        case .modalities: return .modalityKeysIgnored
        case .prefixes, .patient: return .patientKeysIgnored
        case .uids: return nil
        }
    }
}
