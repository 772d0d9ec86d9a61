import ArgumentParser
import DICOM
import Foundation
import PACSSimulator

/// Asks `concord serve` for patients of whom its index knows nothing: each question goes to eight PACS.
struct BenchLive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Live questions of many clients, beside the budgets of eight simulated PACS.")

    @Option(help: "Clients that ask at the same time, each for another patient.") var clients = 1_000
    @Option(help: "Seconds that they go on asking.") var seconds = 20

    /// Of each source.
    private static let (rate, burst, associations) = (200, 10, 10)
    private static let latency = Duration.milliseconds(50)

    func run() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let enterprise = Enterprise(seed: 1, studies: 1_000)
        var pacs: [SimulatedPACS] = []
        for (position, profile) in enterprise.sources.enumerated() {
            let even = profile.tempered { $0.latency = Self.latency }
            pacs.append(try await SimulatedPACS.start(even, copies: enterprise.copies(at: position)))
        }
        do {
            let server = try ServedIndex(directory: directory, sources: pacs.map(Self.source), deadline: "20s")
            defer { server.stop() }
            Terminal.complain("\(clients) clients, \(seconds) s …")
            let load = LookupLoad(name: "live", paths: ["nobody()"], looksForWarnings: true)
            let seen = try load.run(
                clients: clients, seconds: seconds, workload: LookupWorkload(studies: 1), server: server.address,
                key: server.key, directory: directory)
            show(seen, pacs)
        } catch {
            for each in pacs { await each.stop() }
            throw error
        }
        for each in pacs { await each.stop() }
    }

    private static func source(_ pacs: SimulatedPACS) -> String {
        """
        { name: \(pacs.profile.name), ae_title: \(pacs.profile.aeTitle), host: 127.0.0.1, port: \(pacs.port), \
        issuer: \(pacs.profile.issuer), limits: { queries_per_second: \(rate), burst: \(burst), associations: \(associations) } }
        """
    }

    private func show(_ seen: LookupLoad.Seen, _ pacs: [SimulatedPACS]) {
        Terminal.write(
            TextTable(
                header: ["\(clients) clients", "answered", "failed", "answers/s", "p50 s", "p99 s", "slowest s"],
                rows: [
                    [
                        "live", "\(seen.answered)", "\(seen.failed)", String(format: "%.0f", seen.perSecond),
                        String(format: "%.1f", seen.median / 1_000), String(format: "%.1f", seen.p99 / 1_000),
                        String(format: "%.1f", seen.slowest / 1_000),
                    ]
                ]
            ).rendered())
        let rows = pacs.map { pacs in
            let use = BudgetUse(times: pacs.log.requests.map { $0 / .seconds(1) }, rate: Double(Self.rate))
            return [
                pacs.profile.name, "\(use.requests)", String(format: "%.1f %%", 100 * use.used(of: Double(Self.rate))),
                String(format: "%.1f", use.excess), "\(pacs.log.maximumOpenAssociations)",
            ]
        }
        Terminal.write(
            TextTable(
                header: [
                    "\(Self.rate) questions/s, burst \(Self.burst)", "questions", "used", "most above the rate",
                    "associations",
                ], rows: rows
            ).rendered())
    }
}
