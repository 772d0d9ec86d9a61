import ArgumentParser
import DIMSE
import StudyIndex

struct SourcesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources", abstract: "List the configured sources, or stop and start all questions to one.",
        subcommands: [List.self, Pause.self, Resume.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The configured sources, their budgets, and how they are.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let configuration = try global.configuration()
            try await OpenSources.with(configuration) { open in
                let conditions = try await open.index.conditions()
                let rows = configuration.sources.map { source in
                    [
                        source.name, source.peer.called.value, "\(source.peer.host):\(source.peer.port)", source.issuer,
                        "\(source.priority)", "\(source.limits.queriesPerSecond)", "\(source.limits.associations)",
                        conditions[source.name]?.words ?? "",
                    ]
                }
                Terminal.write(
                    TextTable(
                        header: [
                            "source", "AE title", "address", "issuer", "priority", "queries/s", "associations", "now",
                        ], rows: rows
                    ).rendered())
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Stop everything that any process asks of a source, within 5 seconds.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The source's name.") var name: String

        func run() async throws { try await SourcesCommand.set(name, paused: true, global) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Let a paused source be asked again.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The source's name.") var name: String

        func run() async throws { try await SourcesCommand.set(name, paused: false, global) }
    }

    private static func set(_ name: String, paused: Bool, _ global: GlobalOptions) async throws {
        try await OpenSources.with(try global.configuration(), named: [name]) { open in
            _ = try await open.index.pause(sourceNamed: name, paused)
        }
        print(paused ? "\(name) is asked nothing any more." : "\(name) may be asked again.")
    }
}

extension SourceCondition {
    fileprivate var words: String {
        if isPaused { return "paused" }
        if restsFor > .zero { return "resting \(restsFor.components.seconds) s after failures" }
        var parts: [String] = []
        if brake < 1 { parts.append("slowed to \(Int(brake * 100)) %") }
        if openAssociations > 0 { parts.append("\(openAssociations) associations open") }
        return parts.joined(separator: ", ")
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
