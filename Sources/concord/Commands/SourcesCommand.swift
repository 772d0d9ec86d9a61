import ArgumentParser
import DIMSE
import StudyIndex

struct SourcesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources", abstract: "List the configured sources and their budgets.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let sources = try global.configuration().sources
        let rows = sources.map { source in
            [
                source.name, source.peer.called.value, "\(source.peer.host):\(source.peer.port)", source.issuer,
                "\(source.priority)", "\(source.limits.queriesPerSecond)", "\(source.limits.associations)",
            ]
        }
        Terminal.write(
            TextTable(
                header: ["source", "AE title", "address", "issuer", "priority", "queries/s", "associations"],
                rows: rows
            ).rendered())
    }
}

extension Configuration {
    /// The named sources, or all.
    func sources(named names: [String]) throws(ConfigurationError) -> [SourceConfiguration] {
        guard !names.isEmpty else { return sources }
        var chosen: [SourceConfiguration] = []
        for name in names {
            guard let source = sources.first(where: { $0.name == name }) else {
                let known = sources.map(\.name).joined(separator: ", ")
                throw ConfigurationError(
                    file: file, line: nil, key: "sources", message: "no source is called \(name); known: \(known)")
            }
            chosen.append(source)
        }
        return chosen
    }
}
