import ArgumentParser
import Foundation

/// `concord simulate` in a process of its own.
struct SimulatorProcess {
    let directory: String
    private let process = Process()

    /// Returns when all its PACS listen.
    init(studies: Int, queriesPerSecond: Int, associations: Int, directory: String) throws {
        self.directory = directory
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = [
            "simulate", "--studies", "\(studies)", "--queries-per-second", "\(queriesPerSecond)", "--associations",
            "\(associations)", "--dir", directory,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("serving") else {
            throw ValidationError("the simulator did not start")
        }
    }

    var configuration: String { "\(directory)/concord.yaml" }

    /// Seconds that it has used so far.
    var cpu: Double { ProcessStatistics("/proc/\(process.processIdentifier)")?.own ?? 0 }

    /// Ends it; its `requests.csv` is written.
    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
