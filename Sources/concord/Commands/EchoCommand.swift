import ArgumentParser
import Sweep

struct EchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "C-ECHO to all sources, or the named ones, within their budgets.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Names of sources; all without.") var names: [String] = []

    func run() async throws {
        let failures = try await OpenSources.with(try global.configuration(), named: names) { open in
            let echoes = try await withThrowingTaskGroup(of: Echo.self) { group in
                for source in open.chosen {
                    group.addTask { try await Echo(source, open.pool) }
                }
                return try await group.reduce(into: [String: Echo]()) { $0[$1.source] = $1 }
            }
            for source in open.chosen { print(echoes[source.name]?.line ?? "") }
            return echoes.values.count { $0.failed }
        }
        if failures > 0 { throw ExitCode(1) }
    }
}

private struct Echo: Sendable {
    let source: String
    let line: String
    let failed: Bool

    init(_ source: SweepSource, _ pool: AssociationPool) async throws {
        self.source = source.name
        do {
            let duration = try await LiveSource(source: source, pool: pool).echo()
            line = "\(source.name)  ok  \(Int(duration / .milliseconds(1))) ms"
            failed = false
        } catch let refusal as LiveSource.Refusal {
            line = "\(source.name)  failed: \(refusal)"
            failed = true
        }
    }
}
