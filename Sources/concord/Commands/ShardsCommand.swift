import ArgumentParser
import EdgeShard
import StudyIndex

struct ShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards", abstract: "Parts of the index for edge sites.", subcommands: [Publish.self])

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "publish",
            abstract: "Publish a new generation of every shard into a directory that any web server can serve.",
            discussion: """
                The shards themselves, unencrypted, are kept below data_dir; what is published is encrypted for the sites \
                of `edge.sites` and signed.
                """)

        @OptionGroup var global: GlobalOptions
        @Option(help: "The directory to publish into.") var out: String
        @Option(
            parsing: .upToNextOption,
            help: "Sources that a person has looked at, and whose studies have really gone.")
        var acceptDeletes: [String] = []

        func run() async throws {
            let configuration = try global.configuration()
            guard let edge = configuration.edge else {
                throw ConfigurationError(
                    file: configuration.file, line: nil, key: "edge",
                    message: "is needed to publish shards: signing_key, shards, sites")
            }
            _ = try configuration.sources(named: acceptDeletes)
            try await OpenIndex.with(configuration) { open in
                _ = try await open.index.register(configuration.sources.map(\.definition))
                var publication = Publication(index: open.index, edge: edge, output: out)
                publication.state = configuration.dataDirectory + "/shards"
                publication.acceptedDeletes = Set(acceptDeletes)
                for line in try await publication.run() { print(line) }
            }
        }
    }
}
