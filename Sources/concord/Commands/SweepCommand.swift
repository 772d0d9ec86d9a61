import ArgumentParser
import DICOM
import StudyIndex
import Sweep

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Sweep sources into the index, to the end.",
        discussion: """
            Without options everything that a date range can reach is swept, absurd dates included. Started again after \
            an interruption, it goes on where it was. Exit code 0: every range is proven, or enumerated and listed as \
            such; 3: holes remain, and are listed; 1: error.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A job, e.g. jobs/nightly.yaml; options given here override it.") var job: String?
    @Option(parsing: .upToNextOption, help: "Names of sources; all without.") var source: [String] = []
    @Option(help: "First study date, e.g. 20200101.") var from: DICOMDate?
    @Option(help: "Last study date.") var to: DICOMDate?
    @Option(help: "study, or series: the series of studies, newest first, that were not asked for since they changed.")
    var level = Level.study
    @Option(help: "Sweep the patients of a file, one patient ID a line.") var patients: String?
    @Flag(help: "Sweep all patients, by the beginnings of their IDs: this reaches studies without a date.")
    var byPatient = false
    @Option(help: "Workers per source at most; a source's associations may allow fewer (default: 4).")
    var workers: Int?
    @Flag(help: "Print what would be asked, how often and for how long, and stop.") var plan = false
    @Option(help: "Believe that many studies are gone at this source, after having looked.")
    var acceptDeletes: String?

    enum Level: String, ExpressibleByArgument { case study, series }

    func validate() throws {
        if let from, let to, from > to { throw ValidationError("--from \(from.da) is after --to \(to.da)") }
        if let workers, workers < 1 { throw ValidationError("--workers takes 1 or more") }
        let dated = from != nil || to != nil
        let kinds = [dated, level == .series, patients != nil, byPatient].count { $0 }
        if kinds > 1 { throw ValidationError("dates, --level series, --patients and --by-patient exclude each other") }
    }

    func run() async throws {
        let configuration = try global.configuration()
        let job = try job.map(JobConfiguration.load)
        let steps = try self.steps ?? job?.steps ?? [.dates(DateRange(lower: nil, upper: nil))]
        let workers = workers ?? job?.workers ?? 4
        let names = source.isEmpty ? job?.sources ?? [] : source
        let chosen = try configuration.sources(named: names)
        let connections = min(16, chosen.reduce(4) { $0 + min(workers, $1.limits.associations) })
        let holes = try await OpenSources.with(configuration, named: names, connections: connections) { open in
            if let acceptDeletes { try await accept(acceptDeletes, open) }
            var run = JobRun(
                name: job?.name ?? "sweep", sources: open.chosen, configuration: configuration, open: open,
                progress: SweepProgress(), logger: global.logger("concord.sweep"))
            run.workers = workers
            run.time = job?.time
            run.patience = job?.patience ?? JobConfiguration.usualPatience
            if plan {
                let limits = Dictionary(configuration.sources.map { ($0.name, $0.limits) }, uniquingKeysWith: { $1 })
                try await SweepPlan(run: run, steps: steps, limits: limits).show()
                return 0
            }
            let outcome = try await run.run(steps)
            try await SweepSummary(open.pool).show(outcome)
            return outcome.holes
        }
        if holes > 0 { throw ExitCode(3) }
    }

    /// What the options say; nil: nothing.
    private var steps: [JobConfiguration.Step]? {
        get throws {
            if from != nil || to != nil { return [.dates(DateRange(lower: from, upper: to))] }
            if level == .series { return [.series(limit: 1_000_000)] }
            if let patients { return [.patients(.list(patients))] }
            return byPatient ? [.patients(.prefixes)] : nil
        }
    }

    private func accept(_ name: String, _ open: OpenSources) async throws {
        guard let id = open.ids[name] else {
            throw ValidationError(
                "no source is called \(name); known: \(open.ids.keys.sorted().joined(separator: ", "))")
        }
        try await open.index.acceptDeletes(at: id, true)
    }
}

extension DICOMDate: ArgumentParser.ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
