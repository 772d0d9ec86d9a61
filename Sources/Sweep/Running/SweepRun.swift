import DICOM
import DIMSE
import Logging
import StudyIndex

/// One sweep: planned into the ledger, worked off by workers of this process, and summed up.
///
/// Killed at any moment, the same sweep started again finds its run in the ledger and goes on with what is left.
package struct SweepRun: Sendable {
    package var job: String
    package var sources: [SweepSource]
    /// The study dates to prove. Open ends reach studies with absurd dates (F24).
    package var dates: DateRange
    /// Workers per source at most; a source's own `associations` may allow fewer.
    package var workers: Int
    package var index: StudyIndex
    package var clock: any Clock<Duration>
    package var today: DICOMDate
    package var logger: Logger

    package init(
        job: String, sources: [SweepSource], dates: DateRange, workers: Int, index: StudyIndex,
        clock: any Clock<Duration> = ContinuousClock(), today: DICOMDate, logger: Logger
    ) {
        self.job = job
        self.sources = sources
        self.dates = dates
        self.workers = workers
        self.index = index
        self.clock = clock
        self.today = today
        self.logger = logger
    }

    /// Runs to the end. A source that fails never stops the others; only the database's failure, or cancellation,
    /// ends the run early.
    package func run(report: @escaping @Sendable (SweepEvent) -> Void) async throws -> RunID {
        let roots = Planner.roots(of: dates, today: today)
        let slices = sources.flatMap { source in
            roots.map { NewSlice(sourceID: source.id, level: .study, range: $0) }
        }
        let names = sources.map(\.name).sorted().joined(separator: ",")
        let run = try await index.openRun(job: job, slices: slices, resumeKey: "\(job)|\(dates.da)|\(names)")
        for left in try await index.runSummary(run: run.id) {
            report(
                .started(
                    runID: run.id.value, source: left.source, slices: left.unfinished, resumed: run.isResumed))
        }
        try await work(run.id, report: report)
        try await index.closeRun(run.id)
        return run.id
    }

    func work(_ run: RunID, report: @escaping @Sendable (SweepEvent) -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources {
                group.addTask { try await workOff(source, of: run, report: report) }
            }
            try await group.waitForAll()
        }
    }

    private func workOff(
        _ source: SweepSource, of run: RunID, report: @escaping @Sendable (SweepEvent) -> Void
    ) async throws {
        let condition = SourceCondition()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...max(1, min(workers, source.associations)) {
                let worker = Worker(
                    name: "\(source.name)/\(number)", run: run, source: source, index: index, condition: condition,
                    planner: Planner(configuredCap: source.maximumResults), clock: clock, report: report, logger: logger
                )
                group.addTask { try await worker.work() }
            }
            try await group.waitForAll()
        }
        report(.finished(source: source.name))
    }
}
