import ArgumentParser
import StudyIndex

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database to this version's schema.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration) { open in
            // Where facilities have changed, studies are assigned anew.
            _ = try await open.index.register(configuration.sources.map(\.definition))
            print("Schema version \(try await open.index.schemaVersion()).")
        }
    }
}

struct DatabaseURLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "database-url",
        abstract: "Print the database's connection string and keep it running until standard input ends.",
        discussion: "For psql and scripts: an embedded database runs only while a Concord process uses it.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await OpenIndex.with(try global.configuration()) { open in
            Terminal.write(open.connectionString + "\n")
            while readLine() != nil {}
        }
    }
}
