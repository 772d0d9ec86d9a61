import DICOM
import DIMSE
import Foundation
import Testing

@testable import PACSSimulator

/// The simulated PACS through another toolkit's clients, where Debian's `dcmtk` is installed.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/findscu")))
struct DCMTKTests {
    @Test func echoAndFindOnEverySource() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("concord-dcmtk-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        let running = try await SimulatedEnterprise.start(studies: 3000, seed: 5, directory: directory.path)
        for (index, source) in running.sources.enumerated() {
            let called = ["-aec", source.profile.aeTitle, "127.0.0.1", String(source.port)]
            #expect(try await run("echoscu", called).status == 0)

            let copies = running.enterprise.copies(at: index)
            let found = try await run(
                "findscu",
                ["-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyDate=-20991231", "-k", "PatientName"]
                    + called)
            let responses = found.output.components(separatedBy: "Find Response: ").count - 1
            let cap = source.profile.temper.cap
            switch cap {
            case .refused(let count) where copies.count > count:
                #expect(responses == 0 && found.output.contains("UnableToProcess"), "\(source.profile.name)")
            default:
                #expect(responses == min(copies.count, cap?.count ?? .max), "\(source.profile.name)")
            }
        }
        await running.stop()
    }

    private func run(_ tool: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/\(tool)")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        // Read off the cooperative pool: the servers need it to answer.
        let output = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: pipe.fileHandleForReading.readDataToEndOfFile()) }
        }
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
