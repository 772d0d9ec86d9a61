import DIMSE
import StudyIndex

/// How far the answer to a slice has come that is asked for page by page, each after the last record of the one before (F9).
struct RecordPages: Sendable {
    private var ends: Set<RecordKey> = []
    /// Whether nothing comes after the last page.
    private(set) var areComplete = false

    /// What the next page is asked after. nil: this was the last one, or it cannot be gone on with, because it has no key or
    /// goes in circles.
    ///
    /// - Parameter isCut: the source says that there are more. Where it does not, it may still have cut its answer without a
    ///   word (F1): a page is trusted to be the last where the source has sent a larger one, or nothing comes after it.
    mutating func next(after page: SliceAnswer, isCut: Bool, largestPage: Int) -> RecordKey? {
        if !isCut, page.rawRows < max(Planner.smallestSilentCap, largestPage) {
            areComplete = true
            return nil
        }
        guard let key = page.lastKey, ends.insert(key).inserted else { return nil }
        return key
    }
}
