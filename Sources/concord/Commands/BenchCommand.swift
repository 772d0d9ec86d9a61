import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "The benchmarks of the README, each beside a peer.",
        subcommands: [
            BenchAnswer.self, BenchAssociations.self, BenchEdge.self, BenchFind.self, BenchIngest.self,
            BenchLive.self, BenchLookups.self, BenchPersons.self, BenchReconcile.self, BenchSweep.self,
        ])
}
