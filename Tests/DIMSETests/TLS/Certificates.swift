import DICOM
import Foundation

@testable import DIMSE

/// What `scripts/make-certificates` makes, in a directory that goes with `remove()`.
struct Certificates: Sendable {
    let directory: URL

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func make() async throws -> Certificates {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID().uuidString)")
        let outcome = try await Tool.run(
            repository.appending(path: "scripts/make-certificates").path, [directory.path])
        guard outcome.status == 0 else { throw DIMSEError(.tlsFailed, outcome.output) }
        return Certificates(directory: directory)
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    /// `server.pem`, `client.key` …
    func path(_ name: String) -> String { directory.appending(path: name).path }

    func fingerprint(of name: String) async throws -> String {
        let outcome = try await Tool.run(
            "openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", path("\(name).pem")])
        return outcome.output.split(separator: "=").last.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            ?? ""
    }

    func provider(as name: String = "server") -> ProviderTLS {
        ProviderTLS(certificate: path("\(name).pem"), key: path("\(name).key"), ca: path("ca.pem"))
    }

    func user(as name: String? = "client") -> PeerTLS {
        PeerTLS(
            ca: path("ca.pem"), certificate: name.map { path("\($0).pem") }, key: name.map { path("\($0).key") },
            serverName: "server.test")
    }
}

/// A provider that speaks TLS, and what happened at its door.
struct SecureProvider: Sendable {
    let server: SCPServer
    let events: AsyncStream<AssociationEvent>

    static func start(
        _ tls: ProviderTLS, admits: (@Sendable (Caller) -> Bool)? = nil
    ) async throws -> SecureProvider {
        var configuration = SCPConfiguration()
        configuration.tls = tls
        configuration.aeTitles = [try AETitle("CONCORD")]
        configuration.admits = admits
        let (events, sink) = AsyncStream.makeStream(of: AssociationEvent.self)
        configuration.onAssociation = { sink.yield($0) }
        let server = try await SCPServer.start(configuration) { _, responder in
            for number in 0..<3 {
                var match = DataSet()
                match.set(.studyInstanceUID, "1.2.\(number)")
                try await responder.send(match)
            }
            return .success
        }
        return SecureProvider(server: server, events: events)
    }

    func peer(_ tls: PeerTLS?, calling: String = "WS1") throws -> Peer {
        Peer(
            host: "127.0.0.1", port: server.port, called: try AETitle("CONCORD"), calling: try AETitle(calling),
            tls: tls)
    }

    /// What a question of this peer ends in; nil: three matches.
    func failure(_ tls: PeerTLS?, calling: String = "WS1") async throws -> DIMSEError? {
        do {
            let association = try await Association.open(to: try peer(tls, calling: calling))
            let (uids, error) = await collect(association.find(question()))
            await association.release()
            return uids == ["1.2.0", "1.2.1", "1.2.2"] ? nil : error ?? DIMSEError(.malformed, "\(uids)")
        } catch let error as DIMSEError { return error }
    }

    /// Why the next connection did not become an association.
    func refusal() async -> String? {
        for await event in events {
            switch event {
            case .failed(_, let error): return error.description
            case .rejected(let caller, let rejection): return "\(caller.calling): \(rejection)"
            case .opened, .closed: continue
            }
        }
        return nil
    }
}
