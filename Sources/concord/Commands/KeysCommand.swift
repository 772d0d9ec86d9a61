import ArgumentParser
import StudyIndex

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "API keys of the query server, and keys of edge shards.",
        subcommands: [Create.self, List.self, Revoke.self, PublisherKeys.self, SiteKeys.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a key; it is printed alone on standard output, once.")

        @OptionGroup var global: GlobalOptions
        @Option(help: "Who or what will use it.") var name: String
        @Option(parsing: .upToNextOption, help: "query, report, admin, metrics.") var scope: [String]

        func validate() throws {
            if name.isEmpty { throw ValidationError("--name must not be empty") }
            for scope in scope where !StudyIndex.scopes.contains(scope) {
                throw ValidationError("'\(scope)' is no scope; known: \(StudyIndex.scopes.joined(separator: ", "))")
            }
        }

        func run() async throws {
            try await OpenIndex.with(try global.configuration()) { open in
                print(try await open.index.createKey(name: name, scopes: scope))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await OpenIndex.with(try global.configuration()) { open in
                let rows = try await open.index.keys().map { key in
                    [key.id, key.name, key.scopes.joined(separator: ","), key.created, key.revoked ?? ""]
                }
                Terminal.write(
                    TextTable(header: ["id", "name", "scopes", "created", "revoked"], rows: rows).rendered())
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revoke a key, at once.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: "The key's id, as `keys list` shows it.") var id: String

        func run() async throws {
            try await OpenIndex.with(try global.configuration()) { open in
                guard try await open.index.revokeKey(id: id) else {
                    Terminal.complain("no live key has the id \(id); `concord keys list` shows them")
                    throw ExitCode(1)
                }
            }
        }
    }
}
