import ArgumentParser
import DICOM
import Foundation
import Logging
import PACSSimulator
import PostgresClient
import StudyIndex
import Sweep

/// Sweeps eight simulated PACS from end to end: as fast as it goes, again when nothing has changed, and within a budget.
struct BenchSweep: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "A sweep from end to end beside the merge alone, and the use of a budget.")

    @Option(help: "Studies of the enterprise that is swept as fast as it goes.") var studies = 1_000_000
    @Option(help: "Studies of the enterprise that is swept within a budget.") var budgetedStudies = 400_000
    @Option(help: .hidden) var sweep: String?
    @Option(parsing: .upToNextOption, help: .hidden) var source: [String] = []

    /// Of the second enterprise, at each source.
    private static let budget = 5

    func run() async throws {
        if let sweep { return try await sweepOnce(sweep) }
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        if studies > 0 { try await sweepFast(directory + "/fast") }
        if budgetedStudies > 0 { try sweepWithinBudget(directory + "/budget") }
    }

    /// The sweep itself, in a process of its own, so that nothing else is counted.
    private func sweepOnce(_ file: String) async throws {
        let configuration = try Configuration.load(file)
        try await OpenSources.with(configuration, named: source, connections: 16) { open in
            let run = JobRun(
                name: "bench", sources: open.chosen, configuration: configuration, open: open,
                progress: SweepProgress(), logger: Logger(label: "concord.bench"))
            _ = try await run.run([.dates(DateRange(lower: nil, upper: nil))])
            // Before the threads end.
            print(String(decoding: try JSONEncoder().encode(ThreadUsage.now()), as: UTF8.self))
        }
    }

    // MARK: As fast as it goes

    private func sweepFast(_ directory: String) async throws {
        let merged = try await mergeAlone(directory + "/ingest")
        Terminal.complain("starting 8 PACS with \(studies) studies …")
        let simulator = try SimulatorProcess(
            studies: studies, queriesPerSecond: 1_000, associations: 4, directory: directory)
        defer { simulator.stop() }
        let cluster = try await EmbeddedCluster.start(
            dataDirectory: directory + "/data", settings: ServerUsage.settings)
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 1)
        Terminal.complain("sweeping …")
        let first = try await MeasuredSweep.run(simulator, pool)
        Terminal.complain("sweeping again …")
        let again = try await MeasuredSweep.run(simulator, pool)
        let copies = try await count("observation", pool)
        let least = try await LeastQuestions.all(
            pool,
            mostRows: Dictionary(
                uniqueKeysWithValues: SourceProfile.all.map { ($0.name, ($0.temper.cap?.count ?? 2_001) - 1) }))
        show(first, again, copies: copies, merged: merged)
        show(questions: first, again, least)
        await pool.close()
        await cluster.stop()
    }

    /// Observations a second of merging slices into an index of as many, and nothing else: what `concord bench ingest`
    /// calls new.
    private func mergeAlone(_ directory: String) async throws -> Double {
        let cluster = try await EmbeddedCluster.start(dataDirectory: directory)
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 1)
        let size = 5_000
        let slices = max(1, studies / size)
        let measured = max(1, slices / 5)
        Terminal.complain("merging \((slices + measured) * size) observations …")
        let workload = try await IngestWorkload(pool, size: size)
        _ = try await workload.merge(slices: 0..<slices)
        let spent = try await workload.merge(slices: slices..<(slices + measured))
        await pool.close()
        await cluster.stop()
        return Double(measured * size) / (spent / .seconds(1))
    }

    private func count(_ table: String, _ pool: PostgresPool) async throws -> Int {
        try await pool.withConnection { try $0.query("SELECT count(*) FROM \(table)")[0].int(0) ?? 0 }
    }

    private func show(_ first: MeasuredSweep, _ again: MeasuredSweep, copies: Int, merged: Double) {
        func row(_ name: String, _ value: (MeasuredSweep) -> Double, _ format: String = "%.1f") -> [String] {
            [name, String(format: format, value(first)), String(format: format, value(again))]
        }
        Terminal.write(
            TextTable(
                header: ["\(studies) studies, \(copies) copies", "first", "unchanged"],
                rows: [
                    row("seconds", { $0.usage.wall }),
                    row("copies/s", { Double(copies) / $0.usage.wall }, "%.0f"),
                    row("ratio to the merge alone", { Double(copies) / $0.usage.wall / merged }, "%.2f"),
                    row("CPU s, network", { $0.threads.network }),
                    row("CPU s, decoding", { $0.threads.decoding }),
                    row("CPU s, sending to PostgreSQL", { $0.threads.sending }),
                    row("CPU s, PostgreSQL", { $0.server.cpu }),
                    row("  s in COPY", { $0.server.copying }),
                    row("  s in merges", { $0.server.merging }),
                    row("  s in the ledger", { $0.server.ledger }),
                    row("CPU s, the simulated PACS", { $0.simulatorCPU }),
                    row("peak MB", { $0.threads.peakMegabytes }, "%.0f"),
                    row("study rows written", { Double($0.rowsWritten) }, "%.0f"),
                ]
            ).rendered())
        Terminal.write(
            String(
                format: "the merge alone: %.0f copies/s; unchanged : first = %.1f\n", merged,
                first.usage.wall / again.usage.wall))
    }

    private func show(questions first: MeasuredSweep, _ again: MeasuredSweep, _ least: [String: Int]) {
        let rows = least.sorted { $0.key < $1.key }.map { source, least in
            let asked = [first, again].map { $0.questions[source] ?? 0 }
            return [source, "\(least)"]
                + asked.flatMap { ["\($0)", String(format: "%.2f", Double($0) / Double(max(1, least)))] }
        }
        Terminal.write(
            TextTable(header: ["questions", "least", "first", "ratio", "unchanged", "ratio"], rows: rows).rendered())
    }

    // MARK: Within a budget

    /// Under another name: its questions, one after the other, are not the sweep's.
    private func probe(_ simulator: SimulatorProcess) throws {
        let configuration = try String(contentsOfFile: simulator.configuration, encoding: .utf8)
        let renamed = configuration.replacing("ae_title: CONCORD", with: "ae_title: PROBE")
        guard renamed != configuration else { throw ValidationError("the configuration has another AE title") }
        let file = simulator.directory + "/probe.yaml"
        try renamed.write(toFile: file, atomically: true, encoding: .utf8)
        _ = try ProcessUsage.ofRunning(CommandLine.arguments[0], ["probe", "--config", file])
    }

    /// Of the sources that cut their answers: the others have too few questions to be asked.
    private func sweepWithinBudget(_ directory: String) throws {
        let capped = SourceProfile.all.filter { $0.temper.cap != nil }.map(\.name)
        let simulator = try SimulatorProcess(
            studies: budgetedStudies, queriesPerSecond: Self.budget, associations: 4, directory: directory)
        Terminal.complain("sweeping within \(Self.budget) questions a second …")
        do {
            try probe(simulator)
            _ = try ProcessUsage.ofRunning(
                CommandLine.arguments[0],
                ["bench", "sweep", "--sweep", simulator.configuration, "--source"] + capped)
        } catch {
            simulator.stop()
            throw error
        }
        simulator.stop()
        let rate = Double(Self.budget)
        let use = try BudgetUse.all(directory + "/requests.csv", calling: "CONCORD", rate: rate)
        let rows = use.sorted { $0.key < $1.key }.map { source, use in
            [
                source, "\(use.requests)", String(format: "%.1f", use.seconds),
                String(format: "%.1f %%", 100 * use.used(of: rate)), String(format: "%.2f", use.excess),
            ]
        }
        Terminal.write(
            TextTable(
                header: ["\(Self.budget) questions/s", "requests", "seconds", "used", "most above the rate"], rows: rows
            ).rendered())
    }
}
