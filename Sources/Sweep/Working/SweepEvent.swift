import StudyIndex

/// What a sweep tells while it runs; progress displays are made of these.
package enum SweepEvent: Sendable {
    /// The run has been planned, or found unfinished and taken up again.
    case started(runID: Int64, source: String, slices: Int, resumed: Bool)
    case sliceEnded(source: String, ended: SliceEnd)
    /// Nothing is asked at the moment, and why.
    case waiting(source: String, WaitReason, Duration)
    /// Asking this source has ended for this run.
    case abandoned(source: String, reason: String)
    case finished(source: String)
}

package struct SliceEnd: Sendable {
    package enum Kind: Sendable { case complete, split(into: Int), irreducible, retry }
    package var kind: Kind
    /// Rows received, and of the studies in them what the merge found.
    package var rawRows: Int
    package var merged: MergeCounts
    package var duration: Duration

    /// nil: it was not asked.
    init?(_ slice: ClaimedSlice, _ outcome: SliceOutcome, rows: Int, _ merged: MergeCounts) {
        switch outcome {
        case .complete(let proof): self.init(.complete, rows, merged, proof.duration)
        case .split(let proof, _, let children): self.init(.split(into: children.count), rows, merged, proof.duration)
        case .irreducible(let proof, _): self.init(.irreducible, rows, merged, proof.duration)
        case .failed: self.init(.retry, rows, merged, .zero)
        case .deferred: return nil
        }
    }

    private init(_ kind: Kind, _ rows: Int, _ merged: MergeCounts, _ duration: Duration) {
        self.kind = kind
        rawRows = rows
        self.merged = merged
        self.duration = duration
    }
}
