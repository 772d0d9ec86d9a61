import ArgumentParser
import DIMSE
import StudyIndex
import Sweep

struct EchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "C-ECHO to all sources, or the named ones, within their budgets.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Names of sources; all without.") var names: [String] = []

    func run() async throws {
        let configuration = try global.configuration()
        let chosen = try configuration.sources(named: names)
        let failures = try await OpenIndex.with(configuration) { open in
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            return try await withThrowingTaskGroup(of: (Int, String, Bool).self) { group in
                for (position, source) in chosen.enumerated() {
                    guard let id = ids[source.name] else { continue }
                    let live = LiveSource(source: source.sweepSource(id: id), index: open.index)
                    group.addTask {
                        do {
                            let duration = try await live.echo()
                            return (position, "\(source.name)  ok  \(Int(duration / .milliseconds(1))) ms", true)
                        } catch let error as DIMSEError {
                            return (position, "\(source.name)  failed: \(error)", false)
                        }
                    }
                }
                var lines: [(Int, String, Bool)] = []
                for try await line in group { lines.append(line) }
                for line in lines.sorted(by: { $0.0 < $1.0 }) { print(line.1) }
                return lines.count { !$0.2 }
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }
}
