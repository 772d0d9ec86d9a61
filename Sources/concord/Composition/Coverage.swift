import DICOM
import Reconcile
import StudyIndex

extension StudyIndex {
    /// What the ledger knows of every source's days, over all sweeps so far.
    func coverage() async throws -> Coverage {
        Coverage(
            try await coveredDays().filter { $0.level == .study }.map { covered in
                Coverage.Span(
                    source: covered.source, dates: covered.days,
                    state: Coverage.State(rawValue: covered.state.rawValue) ?? .hole,
                    reason: covered.state == .hole ? covered.reason : "", at: covered.verifiedAt)
            })
    }
}
