import Reconcile
import StudyIndex

extension StudyIndex {
    /// What the ledger proves of every source, over all sweeps so far.
    func coverage() async throws -> Coverage {
        Coverage(
            try await askedRanges().map { asked in
                CoverageStatement(
                    source: asked.source, dates: asked.dates, isByTime: asked.isByTime,
                    outcome: asked.isComplete ? .complete : .open(reason: asked.reason), run: asked.run, at: asked.ended
                )
            })
    }
}
