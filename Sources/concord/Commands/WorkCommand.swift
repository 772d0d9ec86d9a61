import ArgumentParser
import Logging
import StudyIndex
import Sweep

struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work",
        abstract: "Take part in whatever sweeps are under way, until stopped.",
        discussion: """
            Any number of these, on any number of machines with one database, share the slices and the budgets of all \
            runs. They start none: `concord sweep` and `concord schedule` do.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Workers per source at most.") var workers = 4

    func validate() throws {
        if workers < 1 { throw ValidationError("--workers takes 1 or more") }
    }

    func run() async throws {
        let configuration = try global.configuration()
        let connections = min(16, configuration.sources.reduce(4) { $0 + min(workers, $1.limits.associations) })
        try await OpenSources.with(configuration, connections: connections) { open in
            try await StopSignal.untilStopped { try await work(open) }
        }
    }

    /// How often it looks for a run while there is none.
    private static let look = Duration.seconds(2)

    private func work(_ open: OpenSources) async throws {
        let logger = global.logger("concord.work")
        while !Task.isCancelled {
            let runs = try await open.pool.persistently { try await $0.openRuns() }
            guard
                let (run, names) = runs.first(where: { run in open.chosen.contains { run.sources.contains($0.name) } })
            else {
                try await Task.sleep(for: Self.look)
                continue
            }
            var sources: [SweepSource] = []
            for source in open.chosen where names.contains(source.name) {
                sources.append(try await source.informed(by: open.index))
            }
            Terminal.complain("run \(run.value): \(names.joined(separator: ", "))")
            let crew = SweepCrew(
                sources: sources, workers: workers, patience: JobConfiguration.usualPatience, pool: open.pool,
                logger: logger, report: { _ in })
            try await crew.work(run)
        }
    }
}
