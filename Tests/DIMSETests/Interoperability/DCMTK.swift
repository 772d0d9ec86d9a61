import Foundation

@testable import DIMSE

/// DCMTK's tools, run as the peers of our ends.
enum DCMTK {
    static let isInstalled = ["echoscu", "findscu", "dcmqrscp", "dcmqridx", "dump2dcm", "storescp", "openssl"]
        .allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }

    /// A port that was free a moment ago.
    static func freePort() async throws -> Int {
        let probe = try await SCPServer.start(SCPConfiguration()) { _, _ in .success }
        await probe.stop()
        return probe.port
    }
}

/// Programs that tests run: by name in /usr/bin, or by path.
enum Tool {
    struct Outcome: Sendable {
        var status: Int32
        var output: String
    }

    /// Runs a tool to its end, without holding a thread of the pool meanwhile.
    static func run(_ tool: String, _ arguments: [String]) async throws -> Outcome {
        let output = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString).log")
        try Data().write(to: output)
        defer { try? FileManager.default.removeItem(at: output) }
        let process = try launchable(tool, arguments, output: output)
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(status: status, output: String(decoding: try Data(contentsOf: output), as: UTF8.self))
    }

    /// DCMTK without Nagle's algorithm, or each small exchange takes 44 ms (N1).
    static func launchable(_ tool: String, _ arguments: [String], output: URL) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: tool.hasPrefix("/") ? tool : "/usr/bin/\(tool)")
        process.arguments = arguments
        process.environment = ["TCP_NODELAY": "1", "PATH": "/usr/bin"]
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        return process
    }
}

/// A server of DCMTK's, in a directory of its own that goes with it.
final class Archive: Sendable {
    private struct Running: @unchecked Sendable { let process: Process }
    private let running: Running
    private let directory: URL
    let peer: Peer

    private init(running: Running, directory: URL, peer: Peer) {
        self.running = running
        self.directory = directory
        self.peer = peer
    }

    /// A `dcmqrscp` with a few studies.
    static func start(studies: Int) async throws -> Archive {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString)")
        let store = directory.appending(path: "store")
        try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
        for number in 1...studies { try await add(number, to: store) }
        let port = try await DCMTK.freePort()
        let configuration = directory.appending(path: "dcmqrscp.cfg")
        try """
        NetworkTCPPort = \(port)
        MaxPDUSize = 16384
        MaxAssociations = 16
        HostTable BEGIN
        HostTable END
        VendorTable BEGIN
        VendorTable END
        AETable BEGIN
        ARCHIVE \(store.path) R (200, 1024mb) ANY
        AETable END

        """.write(to: configuration, atomically: true, encoding: .utf8)
        let peer = Peer(
            host: "127.0.0.1", port: port, called: try AETitle("ARCHIVE"), calling: try AETitle("CONCORD"))
        return try await start("dcmqrscp", ["-c", configuration.path], directory: directory, peer: peer)
    }

    /// A `storescp` that talks TLS only and demands a certificate; `peer` is one that it lets in.
    static func startSecure(_ certificates: Certificates) async throws -> Archive {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let port = try await DCMTK.freePort()
        let peer = Peer(
            host: "127.0.0.1", port: port, called: try AETitle("ARCHIVE"), calling: try AETitle("CONCORD"),
            tls: certificates.user())
        return try await start(
            "storescp",
            [
                "+tls", certificates.path("server.key"), certificates.path("server.pem"), "+cf",
                certificates.path("ca.pem"),
            ]
                + ["\(port)"], directory: directory, peer: peer)
    }

    static func start(
        _ tool: String, _ arguments: [String], directory: URL, peer: Peer
    ) async throws -> Archive {
        let log = directory.appending(path: "log")
        try Data().write(to: log)
        let process = try Tool.launchable(tool, arguments, output: log)
        try process.run()
        let archive = Archive(running: Running(process: process), directory: directory, peer: peer)
        try await archive.untilListening()
        return archive
    }

    private static func add(_ number: Int, to store: URL) async throws {
        let dump = store.appending(path: "\(number).dump")
        let file = store.appending(path: "\(number).dcm")
        try """
        (0008,0005) CS [ISO_IR 192]
        (0008,0016) UI =CTImageStorage
        (0008,0018) UI [1.2.3.\(number).1.1]
        (0008,0020) DA [202401\(number < 10 ? "0" : "")\(number)]
        (0008,0050) SH [A\(number)]
        (0010,0010) PN [MÜLLER^NUMMER\(number)]
        (0010,0020) LO [P\(number)]
        (0020,000d) UI [1.2.3.\(number)]
        (0020,000e) UI [1.2.3.\(number).1]

        """.write(to: dump, atomically: true, encoding: .utf8)
        _ = try await Tool.run("dump2dcm", [dump.path, file.path])
        try FileManager.default.removeItem(at: dump)
        _ = try await Tool.run("dcmqridx", [store.path, file.path])
    }

    /// A process of its own says nothing when it is ready: it is when it lets us in.
    private func untilListening() async throws {
        for _ in 0..<500 where running.process.isRunning {
            if let association = try? await Association.open(to: peer) { return await association.release() }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw DIMSEError(.connectFailed, "the archive did not start")
    }

    func stop() {
        // SIGTERM is blocked in what a thread of Swift's pool starts, unless it unblocks it itself.
        kill(running.process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: directory)
    }
}
