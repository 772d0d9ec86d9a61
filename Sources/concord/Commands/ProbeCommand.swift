import ArgumentParser
import StudyIndex
import Sweep
import Synchronization

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Learn what sources, or the named ones, really support.",
        discussion: """
            Asks some thirty small questions whose right answers are known, within each source's budget, stores what \
            they show, and prints it with what it means for sweeps. A first sweep of a source does so by itself.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Names of sources; all without.") var names: [String] = []

    func run() async throws {
        let failures = try await OpenSources.with(try global.configuration(), named: names) { open in
            let tables = Mutex<[String: String]>([:])
            let failures = try await Probing(open: open).run(open.chosen) { source, result in
                switch result {
                case .success(let findings): tables.withLock { $0[source] = Self.table(source, findings) }
                case .failure(let refusal): Terminal.complain("\(source): could not be probed: \(refusal)")
                }
            }
            for source in open.chosen { Terminal.write(tables.withLock { $0[source.name] } ?? "") }
            return failures
        }
        if failures > 0 { throw ExitCode(1) }
    }

    static func table(_ source: String, _ findings: [StudyIndex.Capability]) -> String {
        let rows = ProbeTable.rows(findings).map { [$0.question, $0.finding, $0.meaning, $0.evidence] }
        return "\n\(source)\n" + TextTable(header: ["asked", "found", "so", "seen"], rows: rows).rendered()
    }
}

/// Probes of several sources, side by side.
struct Probing: Sendable {
    let open: OpenSources

    /// Hands over each source's findings as they come; returns how many sources could not be probed.
    func run(
        _ sources: [SweepSource],
        _ tell: @escaping @Sendable (String, Result<[StudyIndex.Capability], LiveSource.Refusal>) -> Void
    ) async throws -> Int {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for source in sources {
                group.addTask {
                    do {
                        let probe = Probe(source: source, pool: open.pool, today: .today())
                        tell(source.name, .success(try await probe.run()))
                        return true
                    } catch let refusal as LiveSource.Refusal {
                        tell(source.name, .failure(refusal))
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 0 : 1) }
        }
    }

    /// The sources that were never probed, or not for so long.
    func due(_ sources: [SweepSource], after age: Duration?) async throws -> [SweepSource] {
        var due: [SweepSource] = []
        for source in sources {
            let probed = try await open.pool.persistently { try await $0.capabilities(of: source.id) }
                .first { $0.name == Capabilities.Name.probed }
            guard let probed, age.map({ probed.age <= $0 }) ?? true else {
                due.append(source)
                continue
            }
        }
        return due
    }
}
