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

    private struct Usage {
        var wall: Double
        var cpu: Double
        var peakMegabytes: Double
    }

    private func compare() async throws {
        let own = CommandLine.arguments[0]
        let provider = Process()
        provider.executableURL = URL(fileURLWithPath: own)
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
        var ours: [Usage] = []
        var theirs: [Usage] = []
        for _ in 0..<max(1, runs) {
            ours.append(try measure(own, ["bench", "find", "--pull", "\(port)"]))
            theirs.append(try measure("/usr/bin/findscu", Self.findscuArguments(port)))
        }
        show(median(ours), median(theirs))
    }

    private static func findscuArguments(_ port: Int) -> [String] {
        ["-q", "-S", "-aec", "REPLAY", "-aet", "FINDSCU", "127.0.0.1", "\(port)", "-k", "QueryRetrieveLevel=STUDY"]
            + AttributeDictionary.observation.flatMap { ["-k", $0.keyword] }
    }

    private func measure(_ executable: String, _ arguments: [String]) throws -> Usage {
        var before = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &before)
        let start = ContinuousClock.now
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ValidationError("\(executable) failed") }
        var after = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &after)
        return Usage(
            wall: (ContinuousClock.now - start) / .seconds(1), cpu: after.cpuSeconds - before.cpuSeconds,
            peakMegabytes: Double(after.ru_maxrss) / 1_024)
    }

    private func median(_ usages: [Usage]) -> Usage {
        usages.sorted { $0.cpu < $1.cpu }[usages.count / 2]
    }

    private func show(_ ours: Usage, _ theirs: Usage) {
        let tenThousand = Double(responses) / 10_000
        func row(_ name: String, _ usage: Usage) -> [String] {
            [
                name, "\(Int(Double(responses) / usage.wall))", String(format: "%.3f", usage.cpu / tenThousand),
                String(format: "%.2f", usage.wall),
            ]
        }
        Terminal.write(
            TextTable(
                header: ["\(responses) responses", "responses/s", "CPU s per 10,000", "seconds"],
                rows: [row("concord", ours), row("findscu -q", theirs)]
            ).rendered())
        Terminal.write(String(format: "CPU ratio concord : findscu = %.2f\n", ours.cpu / theirs.cpu))
    }
}

extension rusage {
    fileprivate var cpuSeconds: Double {
        Double(ru_utime.tv_sec + ru_stime.tv_sec) + Double(ru_utime.tv_usec + ru_stime.tv_usec) / 1_000_000
    }
}
