import ArgumentParser
import Foundation
import Logging
import PostgresClient
import StudyIndex
import Sweep

struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule",
        abstract: "Run jobs at their times, until stopped.",
        discussion: """
            Of any number of these on one database one leads and the others stand by. A run that was missed, because \
            none was up, is caught up once; one that was interrupted is taken up again.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "The directory of the jobs (default: jobs beside the configuration).") var jobs: String?

    func run() async throws {
        let configuration = try global.configuration()
        let scheduled = try loadJobs(configuration)
        guard !scheduled.isEmpty else {
            throw ConfigurationError(
                file: directory(configuration), line: nil, key: "", message: "holds no job with a schedule")
        }
        for job in scheduled {
            Terminal.complain("\(job.name): \(job.schedule?.description ?? "") (\(job.timeZone.identifier))")
        }
        try await OpenSources.with(configuration, connections: 16) { open in
            let scheduler = Scheduler(
                jobs: scheduled, configuration: configuration, open: open, logger: global.logger("concord.schedule"))
            try await StopSignal.untilStopped { try await scheduler.run() }
        }
    }

    private func directory(_ configuration: Configuration) -> String {
        jobs ?? URL(fileURLWithPath: configuration.file).deletingLastPathComponent().appending(path: "jobs").path
    }

    private func loadJobs(_ configuration: Configuration) throws -> [JobConfiguration] {
        let directory = directory(configuration)
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw ConfigurationError(
                file: directory, line: nil, key: "", message: "cannot be read; --jobs names another")
        }
        let jobs = try files.filter { $0.hasSuffix(".yaml") }.sorted().map {
            try JobConfiguration.load(URL(fileURLWithPath: directory).appending(path: $0).path)
        }
        if let twice = jobs.map(\.name).first(where: { name in jobs.count { $0.name == name } > 1 }) {
            throw ConfigurationError(file: directory, line: nil, key: "", message: "two jobs are called \(twice)")
        }
        return jobs.filter { $0.schedule != nil }
    }
}

/// Starts jobs when they are due, as long as this process leads.
struct Scheduler: Sendable {
    let jobs: [JobConfiguration]
    let configuration: Configuration
    let open: OpenSources
    let logger: Logger

    private static let tick = Duration.seconds(5)

    func run() async throws {
        let seat = PostgresPool(connectionString: open.connectionString, size: 1)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for job in jobs { group.addTask { try await follow(job, seat) } }
                try await group.waitForAll()
            }
        } catch {
            await seat.close()
            throw error
        }
    }

    private func follow(_ job: JobConfiguration, _ seat: PostgresPool) async throws {
        while true {
            try Task.checkCancellation()
            if await StudyIndex.leads(seat) {
                do { try await runIfDue(job) } catch let error where !(error is CancellationError) {
                    // Tried again at the next look; the run's row says that it has not ended.
                    Terminal.complain("\(job.name): \(error)")
                }
            }
            try await Task.sleep(for: Self.tick)
        }
    }

    private func runIfDue(_ job: JobConfiguration) async throws {
        guard let schedule = job.schedule else { return }
        let clock = try await open.index.jobClock(job.name)
        var due = clock.last
        if !clock.isUnfinished {
            guard let next = schedule.due(after: clock.last, by: clock.now, in: job.timeZone),
                try await open.index.startJob(job.name, due: next)
            else { return }
            due = next
        }
        Terminal.complain(
            "\(job.name): \(clock.isUnfinished ? "goes on with" : "starts") the run of \(due.ISO8601Format())")
        try await carryOut(job, due)
    }

    private func carryOut(_ job: JobConfiguration, _ due: Date) async throws {
        var run = JobRun(
            name: job.name, sources: try open.sources(named: job.sources), configuration: configuration, open: open,
            progress: SweepProgress(isLive: false), logger: logger)
        run.workers = job.workers
        run.patience = job.patience
        run.time = job.time
        let outcome = try await run.run(job.steps)
        try await open.index.endJob(job.name, due: due, outcome.holes > 0 ? .holes : .ok)
        Terminal.complain("\(job.name): ended, \(outcome.holes) holes")
        for held in outcome.heldDeletes {
            Terminal.complain(
                "\(job.name): \(held.source): \(held.studies) studies seem to be gone; look, then "
                    + "concord sweep --accept-deletes \(held.source)")
        }
    }
}
