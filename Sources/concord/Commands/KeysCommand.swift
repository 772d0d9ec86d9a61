import ArgumentParser
import DICOM
import QueryServer
import StudyIndex

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "API keys of the query server, and keys of edge shards.",
        subcommands: [Create.self, Rotate.self, List.self, Revoke.self, PublisherKeys.self, SiteKeys.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a key; it is printed alone on standard output, once.")

        @OptionGroup var global: GlobalOptions
        @Option(help: "Who or what will use it.") var name: String
        @Option(parsing: .upToNextOption, help: "query, report, admin, metrics.") var scope: [KeyScope]
        @Option(parsing: .upToNextOption, help: "Whose studies it sees, as concord.yaml names them. Default: all.")
        var facility: [String] = []
        @Option(help: "How long it is good, as 90d. Default: until it is revoked.") var expires: KeyDuration?
        @Option(help: "Requests a second. Default: no limit of its own.") var rate: Int?
        @Option(help: "Requests at once. Default: the server's own limit.") var concurrent: Int?

        func validate() throws {
            if name.isEmpty { throw ValidationError("--name must not be empty") }
            for number in [rate, concurrent].compactMap({ $0 }) where !(1...1_000_000).contains(number) {
                throw ValidationError("--rate and --concurrent are numbers from 1 to 1000000")
            }
        }

        func run() async throws {
            let configuration = try global.configuration()
            if let unknown = Set(facility).subtracting(configuration.facilities).min() {
                let known = configuration.facilities.sorted().joined(separator: ", ")
                throw ValidationError(
                    "'\(unknown)' is no source's facility; \(known.isEmpty ? "none is" : "known: " + known)")
            }
            var terms = KeyTerms(scopes: Set(scope))
            terms.visibility = Visibility(facilities: facility)
            terms.requestsPerSecond = rate
            terms.concurrentRequests = concurrent
            terms.lifetime = expires?.duration
            try await global.changeKeys(configuration, "keys create") { [terms] index, audit in
                guard let key = try await index.createKey(name: name, terms) else {
                    Terminal.complain("two keys of the name \(name) are good already; `concord keys revoke` ends one")
                    throw ExitCode(1)
                }
                let words = (scope.map(\.rawValue) + facility).joined(separator: ", ")
                try await audit("\(key.id) \(name): \(words)")
                print(key.text)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Make another key of a name, on the same terms; its keys so far end after a while.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The name that the key was created with.") var name: String
        @Option(help: "How long the old key is good still.") var overlap = KeyDuration(duration: .seconds(7 * 86_400))

        func run() async throws {
            try await global.changeKeys(try global.configuration(), "keys rotate") { index, audit in
                guard let key = try await index.rotateKey(name: name, overlap: overlap.duration) else {
                    Terminal.complain("no live key has the name \(name); `concord keys list` shows them")
                    throw ExitCode(1)
                }
                try await audit("\(key.id) \(name)")
                print(key.text)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await OpenIndex.with(try global.configuration()) { open in
                let rows = try await open.index.keys().map { key in
                    [
                        key.id, key.name, key.scopes.joined(separator: ","), key.facilities.joined(separator: ","),
                        key.created, key.expires ?? "", key.revoked ?? "",
                    ]
                }
                let header = ["id", "name", "scopes", "facilities", "created", "expires", "revoked"]
                Terminal.write(TextTable(header: header, rows: rows).rendered())
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revoke a key, at once.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: "The key's id, as `keys list` shows it.") var id: String

        func run() async throws {
            try await global.changeKeys(try global.configuration(), "keys revoke") { index, audit in
                guard try await index.revokeKey(id: id) else {
                    Terminal.complain("no live key has the id \(id); `concord keys list` shows them")
                    throw ExitCode(1)
                }
                try await audit(id)
            }
        }
    }
}

extension GlobalOptions {
    /// Opens the index and the audit trail; `body` says what it has done before it shows it.
    fileprivate func changeKeys(
        _ configuration: Configuration, _ command: String,
        _ body: @escaping @Sendable (StudyIndex, _ audit: @Sendable (String) async throws -> Void) async throws -> Void
    ) async throws {
        let logger = logger("concord.keys")
        try await OpenIndex.with(configuration) { open in
            try await OpenAudit.with(configuration, open.index, logger) { spool in
                try await body(open.index) { try await spool.append(AuditRecord(.key, command: command, $0)) }
            }
        }
    }
}

/// `90d`, `12h`.
struct KeyDuration: ExpressibleByArgument {
    var duration: Duration

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        guard let duration = Duration(configuration: argument) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String { "\(Int(duration / .seconds(86_400)))d" }
}

extension KeyScope: ArgumentParser.ExpressibleByArgument {}
