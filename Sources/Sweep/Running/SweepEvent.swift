import StudyIndex

/// What a sweep tells while it runs; progress displays are made of these.
package enum SweepEvent: Sendable {
    /// The run has been planned, or found unfinished and taken up again.
    case started(runID: Int64, source: String, slices: Int, resumed: Bool)
    case sliceEnded(source: String, ended: SliceEnd)
    /// Asking this source has ended for this run.
    case abandoned(source: String, reason: String)
    case finished(source: String)
}

package struct SliceEnd: Sendable {
    package enum Kind: Sendable { case complete, split(into: Int), irreducible, retry, dead }
    package var kind: Kind
    /// Rows received, and of the studies in them what the merge found.
    package var rawRows: Int
    package var merged: MergeCounts
    package var duration: Duration
}
