import Foundation

@testable import DIMSE

/// `scripts/lib/pynetdicom_peer.py` as the peer of our ends.
enum Pynetdicom {
    static let python = Certificates.repository.appending(path: ".build/python/bin/python").path
    static let script = Certificates.repository.appending(path: "scripts/lib/pynetdicom_peer.py").path
    static let isInstalled = FileManager.default.isExecutableFile(atPath: python)

    /// A provider; over TLS where `certificates` are given.
    static func start(_ certificates: Certificates? = nil) async throws -> Archive {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let peer = Peer(
            host: "127.0.0.1", port: try await DCMTK.freePort(), called: try AETitle("PYNETDICOM"),
            calling: try AETitle("CONCORD"), tls: certificates?.user())
        let files = certificates.map { made in ["server.pem", "server.key", "ca.pem"].map(made.path) } ?? []
        return try await Archive.start(
            python, [script, "serve", "\(peer.port)"] + files, directory: directory, peer: peer)
    }
}
