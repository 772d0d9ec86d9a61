import ArgumentParser
import Foundation
import PACSSimulator

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run 8 simulated PACS on loopback, with the truth about them.",
        discussion:
            "Writes truth.json and a matching concord.yaml into --dir, serves until Ctrl-C, and then writes requests.csv: who asked what when."
    )

    @Option(help: "Studies of the enterprise.") var studies = 5_000
    @Option(help: "The same seed makes the same enterprise.") var seed: UInt64 = 1
    @Option(help: "Where truth.json and concord.yaml are written.") var dir: String
    @Option(help: "The address that they listen on; another one only in a network of your own.") var host = "127.0.0.1"
    @Option(help: "First of eight consecutive ports (default: free ones).") var ports: Int = 0

    @Option(help: "What concord.yaml allows at each PACS.") var queriesPerSecond = 40
    @Option(help: "What concord.yaml allows at each PACS.") var associations = 2

    func run() async throws {
        let enterprise = try await SimulatedEnterprise.start(
            studies: studies, seed: seed, directory: dir, host: host, portsFrom: ports,
            limits: .init(queriesPerSecond: queriesPerSecond, associations: associations))
        print("serving \(studies) studies on 8 PACS, ports \(enterprise.ports); \(dir)/concord.yaml")
        fflush(nil)
        await StopSignal.wait()
        try enterprise.writeRequests()
        await enterprise.stop()
    }
}
