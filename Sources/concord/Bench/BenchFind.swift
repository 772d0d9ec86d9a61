import ArgumentParser
import DICOM
import DIMSE
import Foundation
import PACSSimulator

/// Pulls study-level responses from a provider at wire speed, beside DCMTK's and pynetdicom's findscu doing the same.
struct BenchFind: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "C-FIND throughput and CPU beside DCMTK's findscu -q.")

    @Option(help: "Responses.") var responses = 100_000
    @Option(help: "Runs of each; the median counts.") var runs = 5
    @Option(help: "A Python that has pynetdicom, whose findscu is measured once.") var python: String?
    @Option(help: .hidden) var pull: Int?
    @Flag(help: .hidden) var serve = false

    func run() async throws {
        if serve { return try await Self.serve(responses) }
        if let pull { return try await Self.pullOnce(port: pull) }
        try await compare()
    }

    /// The provider, in a process of its own so that its CPU is not counted.
    private static func serve(_ responses: Int) async throws {
        let server = try await ReplaySCP.start(responses: responses)
        print(server.port)
        fflush(nil)
        while readLine() != nil {}
        await server.stop()
    }

    private static func pullOnce(port: Int) async throws {
        let peer = Peer(host: "127.0.0.1", port: port, called: try AETitle("REPLAY"), calling: try AETitle("CONCORD"))
        let association = try await Association.open(to: peer)
        var question = DataSet()
        question.set(.queryRetrieveLevel, QueryLevel.study.rawValue)
        for attribute in AttributeDictionary.observation { question.setEmpty(attribute.tag) }
        var decoded = 0
        for try await response in association.find(question) {
            let record = try response.record()
            // Every attribute to its type: what a sweep makes of it.
            decoded +=
                (record.studyDate?.year ?? 0) + (record.studyTime?.microseconds ?? 0) + (record.birthDate?.day ?? 0)
            decoded += record.modalities.count + (record.numberOfSeries ?? 0) + (record.numberOfInstances ?? 0)
            decoded += record.patientName?.components.count ?? 0
        }
        await association.release()
        print(decoded)
    }

    // MARK: Comparison

    private struct Measured {
        let name: String
        let responses: Int
        let usage: ProcessUsage
    }

    private func compare() async throws {
        var measured: [Measured] = []
        for count in [max(1, responses / 10), responses] {
            try withProvider(responses: count) { port in
                var ours: [ProcessUsage] = []
                var theirs: [ProcessUsage] = []
                for _ in 0..<max(1, runs) {
                    ours.append(
                        try .ofRunning(CommandLine.arguments[0], ["bench", "find", "--pull", "\(port)"]))
                    theirs.append(try .ofRunning("/usr/bin/findscu", Self.findscuArguments(port)))
                }
                measured.append(Measured(name: "concord", responses: count, usage: median(ours)))
                measured.append(Measured(name: "findscu -q", responses: count, usage: median(theirs)))
                guard let python else { return }
                let usage = try ProcessUsage.ofRunning(
                    python, ["-m", "pynetdicom", "findscu"] + Self.findscuArguments(port))
                measured.append(Measured(name: "pynetdicom", responses: count, usage: usage))
            }
        }
        show(measured)
    }

    /// The provider runs in a process of its own, so that its CPU is not counted.
    private func withProvider(responses: Int, _ body: (Int) throws -> Void) throws {
        let provider = Process()
        provider.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        provider.arguments = ["bench", "find", "--serve", "--responses", "\(responses)"]
        let output = Pipe()
        let input = Pipe()
        provider.standardOutput = output
        provider.standardInput = input
        try provider.run()
        defer {
            try? input.fileHandleForWriting.close()
            provider.waitUntilExit()
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ValidationError("the provider did not start")
        }
        try body(port)
    }

    private static func findscuArguments(_ port: Int) -> [String] {
        ["-q", "-S", "-aec", "REPLAY", "-aet", "FINDSCU", "127.0.0.1", "\(port)", "-k", "QueryRetrieveLevel=STUDY"]
            + AttributeDictionary.observation.flatMap { ["-k", $0.keyword] }
    }

    private func median(_ usages: [ProcessUsage]) -> ProcessUsage {
        usages.sorted { $0.cpu < $1.cpu }[usages.count / 2]
    }

    private func show(_ measured: [Measured]) {
        let rows = measured.map { each in
            [
                each.name, "\(each.responses)", "\(Int(Double(each.responses) / each.usage.wall))",
                String(format: "%.3f", each.usage.cpu / Double(each.responses) * 10_000),
                String(format: "%.2f", each.usage.wall), String(format: "%.0f", each.usage.peakMegabytes),
            ]
        }
        Terminal.write(
            TextTable(
                header: ["", "responses", "responses/s", "CPU s per 10,000", "seconds", "peak MB"], rows: rows
            ).rendered())
        let all = measured.filter { $0.responses == responses }
        guard let ours = all.first else { return }
        for theirs in all.dropFirst() {
            Terminal.write(
                String(format: "CPU ratio concord : %@ = %.3f\n", theirs.name, ours.usage.cpu / theirs.usage.cpu))
        }
    }
}
