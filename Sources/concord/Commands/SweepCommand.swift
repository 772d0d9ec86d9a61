import ArgumentParser
import DICOM
import Foundation
import StudyIndex
import Sweep

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Sweep sources by study date into the index, to the end.",
        discussion: """
            Without dates everything that a date range can reach is swept, absurd dates included. Started again after \
            an interruption, it goes on where it was. Exit code 0: every range is proven, or enumerated and listed as \
            such; 3: holes remain, and are listed; 1: error.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A job, e.g. jobs/full.yaml; options given here override it.") var job: String?
    @Option(parsing: .upToNextOption, help: "Names of sources; all without.") var source: [String] = []
    @Option(help: "First study date, e.g. 20200101.") var from: DICOMDate?
    @Option(help: "Last study date.") var to: DICOMDate?
    @Option(help: "Workers per source at most; a source's associations may allow fewer (default: 4).")
    var workers: Int?

    func validate() throws {
        if let from, let to, from > to { throw ValidationError("--from \(from.da) is after --to \(to.da)") }
        if let workers, workers < 1 { throw ValidationError("--workers takes 1 or more") }
    }

    func run() async throws {
        let configuration = try global.configuration()
        let job = try job.map(JobConfiguration.load)
        let chosen = try configuration.sources(named: source.isEmpty ? job?.sources ?? [] : source)
        let dates = DateRange(lower: from ?? job?.from, upper: to ?? job?.to)
        let workers = workers ?? job?.workers ?? 4
        let connections = min(16, chosen.reduce(4) { $0 + min(workers, $1.limits.associations) })
        let holes = try await OpenIndex.with(configuration, connections: connections) { open in
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            let sources = chosen.compactMap { source in ids[source.name].map(source.sweepSource(id:)) }
            let run = SweepRun(
                job: job?.name ?? "sweep", sources: sources, dates: dates, workers: workers,
                index: open.index, today: .today(), logger: global.logger("concord.sweep"))
            let progress = SweepProgress()
            let runID = try await progress.whileShowing {
                let runID = try await run.run(report: progress.note)
                try await Confirmation(run: run, expects: configuration.expectations(ids)).confirm()
                return runID
            }
            return try await SweepOutcome(runID, index: open.index).show()
        }
        if holes > 0 { throw ExitCode(3) }
    }
}

/// What a finished sweep has proven, on standard output.
private struct SweepOutcome {
    let runID: RunID
    let index: StudyIndex

    init(_ runID: RunID, index: StudyIndex) {
        self.runID = runID
        self.index = index
    }

    /// Prints a table and every hole; returns the number of holes.
    func show() async throws -> Int {
        let summary = try await index.runSummary(run: runID)
        let rows = summary.map { source in
            [
                source.source, "\(source.complete)", "\(source.split)", "\(source.enumerated)", "\(source.holes.count)",
                "\(source.rawRows)", "\(source.studies)",
            ]
        }
        Terminal.write(
            TextTable(
                header: ["source", "proven", "split", "enumerated", "holes", "rows", "studies"], rows: rows
            ).rendered())
        for source in summary {
            for hole in source.holes { Terminal.write("hole  \(source.source)  \(hole.range)  \(hole.reason)\n") }
        }
        Terminal.write(
            "Studies with blank or malformed dates are out of a date sweep's reach; the patient pass has not been made.\n"
        )
        return summary.reduce(0) { $0 + $1.holes.count }
    }
}

extension DICOMDate: ArgumentParser.ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }

    /// Today in this machine's time zone.
    static func today() -> DICOMDate {
        let parts = Calendar(identifier: .gregorian).dateComponents([.year, .month, .day], from: Date())
        return DICOMDate(year: parts.year ?? 1970, month: parts.month ?? 1, day: parts.day ?? 1) ?? .latest
    }
}
