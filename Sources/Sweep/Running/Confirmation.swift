import DICOM
import StudyIndex

/// One source should hold what another does, for studies from a date on.
package struct Expectation: Sendable {
    package var from: Int32
    package var to: Int32
    package var since: DICOMDate

    package init(from: Int32, to: Int32, since: DICOMDate) {
        self.from = from
        self.to = to
        self.since = since
    }
}

/// Asks for every study that seems to be missing where it is expected, by its UID: a source whose dates differ would
/// otherwise be accused falsely (F161).
package struct Confirmation: Sendable {
    private let run: SweepRun
    private let expects: [Expectation]

    package init(run: SweepRun, expects: [Expectation]) {
        self.run = run
        self.expects = expects
    }

    /// Returns how many questions were asked.
    @discardableResult
    package func confirm(report: @escaping @Sendable (SweepEvent) -> Void = { _ in }) async throws -> Int {
        var slices: [NewSlice] = []
        for expectation in expects where run.sources.contains(where: { $0.id == expectation.to }) {
            let missing = try await run.index.missingCopyCandidates(
                from: expectation.from, to: expectation.to, since: expectation.since)
            // One UID a question: archives exist that find nothing for a list of three (N5).
            slices += missing.map { NewSlice(sourceID: expectation.to, level: .study, range: SliceRange(uids: [$0])) }
        }
        guard !slices.isEmpty else { return 0 }
        let opened = try await run.index.openRun(job: "\(run.job)-confirm", slices: slices, resumeKey: nil)
        try await run.work(opened.id, report: report)
        try await run.index.closeRun(opened.id)
        return slices.count
    }
}
