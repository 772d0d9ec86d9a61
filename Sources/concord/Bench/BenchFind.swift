import ArgumentParser
import DICOM
import DIMSE
import Foundation
import PACSSimulator

/// Pulls study-level responses from a provider at wire speed, beside DCMTK's findscu doing the same.
struct BenchFind: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "C-FIND throughput and CPU beside DCMTK's findscu -q.")

    @Option(help: "Responses.") var responses = 100_000
    @Option(help: "Runs of each; the median counts.") var runs = 5
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

    private func compare() async throws {
        let counts = [max(1, responses / 10), responses]
        var medians: [(ours: ProcessUsage, theirs: ProcessUsage)] = []
        for count in counts {
            try withProvider(responses: count) { port in
                var ours: [ProcessUsage] = []
                var theirs: [ProcessUsage] = []
                for _ in 0..<max(1, runs) {
                    ours.append(
                        try .ofRunning(CommandLine.arguments[0], ["bench", "find", "--pull", "\(port)"]))
                    theirs.append(try .ofRunning("/usr/bin/findscu", Self.findscuArguments(port)))
                }
                medians.append((median(ours), median(theirs)))
            }
        }
        show(counts, medians)
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

    private func show(_ counts: [Int], _ medians: [(ours: ProcessUsage, theirs: ProcessUsage)]) {
        func row(_ name: String, _ count: Int, _ usage: ProcessUsage) -> [String] {
            [
                name, "\(count)", "\(Int(Double(count) / usage.wall))",
                String(format: "%.3f", usage.cpu / Double(count) * 10_000), String(format: "%.2f", usage.wall),
                String(format: "%.0f", usage.peakMegabytes),
            ]
        }
        let rows = zip(counts, medians).flatMap { count, median in
            [row("concord", count, median.ours), row("findscu -q", count, median.theirs)]
        }
        Terminal.write(
            TextTable(
                header: ["", "responses", "responses/s", "CPU s per 10,000", "seconds", "peak MB"], rows: rows
            ).rendered())
        guard let last = medians.last else { return }
        Terminal.write(String(format: "CPU ratio concord : findscu = %.2f\n", last.ours.cpu / last.theirs.cpu))
    }
}
