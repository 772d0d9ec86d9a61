import ArgumentParser
import Foundation

/// `concord serve` in a process of its own, on the database of a benchmark, and a key for it.
struct ServedIndex {
    let address: String
    let key: String
    private let process = Process()

    /// The source of `LookupWorkload`. It cannot be asked, and need not be: all days are proven, for longer than any benchmark
    /// takes.
    static let benchSource =
        "{ name: bench, ae_title: BENCH, host: 127.0.0.1, port: 104, issuer: BENCH, limits: { queries_per_second: 1 } }"

    /// Returns when it answers.
    init(directory: String, sources: [String] = [benchSource], deadline: String = "5s") throws {
        let configuration = directory + "/concord.yaml"
        try """
        data_dir: \(directory)/data
        sources: [ \(sources.joined(separator: ", ")) ]
        server:
          http: { port: 0 }
          deadline: \(deadline)
          freshness: { recent: 100d, history: 1000d }

        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        let concord = CommandLine.arguments[0]
        let file = directory + "/key"
        _ = try ProcessUsage.ofRunning(
            concord,
            [
                "keys", "create", "--name", "bench-\(UUID().uuidString.prefix(8))", "--scope", "query", "--config",
                configuration,
            ], output: file)
        key = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        process.executableURL = URL(fileURLWithPath: concord)
        process.arguments = ["serve", "--config", configuration]
        let said = Pipe()
        process.standardError = said
        try process.run()
        let line = String(decoding: said.fileHandleForReading.availableData, as: UTF8.self)
        guard let start = line.range(of: "http://"), let end = line.range(of: "/dicom-web") else {
            throw ValidationError("the server did not start: \(line)")
        }
        address = String(line[start.lowerBound..<end.lowerBound])
    }

    var peakMegabytes: Double {
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split { !$0.isNumber }.first.flatMap { Double($0) } ?? 0) / 1_024
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
