import DICOM
import Foundation
import Testing

@testable import DIMSE

/// DICOM TLS with certificates of both sides, with those who did not write ours.
@Suite(.enabled(if: DCMTK.isInstalled, "needs Debian's dcmtk"))
struct TLSInteroperabilityTests {
    private static let orthanc = "/usr/sbin/Orthanc"
    private static let uids = ["1.2.0", "1.2.1", "1.2.2"]

    /// A provider of ours that knows WS1 by its certificate.
    private func with(_ body: (Certificates, SecureProvider) async throws -> Void) async throws {
        let certificates = try await Certificates.make()
        defer { certificates.remove() }
        let known = CertificateFingerprint(try await certificates.fingerprint(of: "client"))
        let secure = try await SecureProvider.start(certificates.provider()) { caller in
            caller.calling.value == "WS1" && caller.certificate == known
        }
        do { try await body(certificates, secure) } catch {
            await secure.server.stop()
            throw error
        }
        await secure.server.stop()
    }

    // MARK: They ask us

    @Test func findscuIsAnsweredWhereItsCertificateAndItsTitleFit() async throws {
        try await with { certificates, secure in
            func ask(_ certificate: String, _ title: String) async throws -> Tool.Outcome {
                try await Tool.run(
                    "findscu",
                    [
                        "-v", "-S", "-aec", "CONCORD", "-aet", title, "-k", "QueryRetrieveLevel=STUDY", "-k",
                        "StudyInstanceUID",
                    ]
                        + ["+tls", certificates.path("\(certificate).key"), certificates.path("\(certificate).pem")]
                        + ["+cf", certificates.path("ca.pem"), "127.0.0.1", "\(secure.server.port)"])
            }
            let answered = try await ask("client", "WS1")
            #expect(answered.status == 0, "\(answered.output)")
            #expect(answered.output.matches(of: /UI \[(1\.2\.\d)/).map { String($0.1) } == Self.uids)

            let otherTitle = try await ask("client", "WS2")
            #expect(otherTitle.output.contains("Calling AE Title Not Recognized"), "\(otherTitle.output)")
            #expect(await secure.refusal()?.hasPrefix("WS2: ") == true)
            let otherCertificate = try await ask("server", "WS1")
            #expect(otherCertificate.output.contains("Calling AE Title Not Recognized"), "\(otherCertificate.output)")
            #expect(await secure.refusal()?.hasPrefix("WS1: ") == true)
            for (certificate, noted) in [
                ("expired", "certificate expired 20"), ("stranger", "neither pinned nor signed"),
            ] {
                let refused = try await ask(certificate, "WS1")
                #expect(refused.status != 0)
                #expect(await secure.refusal()?.contains(noted) == true)
            }
            let anonymous = try await Tool.run(
                "findscu",
                ["-S", "-aec", "CONCORD", "-aet", "WS1", "-k", "QueryRetrieveLevel=STUDY", "+tla"]
                    + ["+cf", certificates.path("ca.pem"), "127.0.0.1", "\(secure.server.port)"])
            #expect(anonymous.status != 0)
            #expect(await secure.refusal()?.contains("the peer shows no certificate") == true)
        }
    }

    @Test(.enabled(if: Pynetdicom.isInstalled, "needs scripts/lib/install.sh test"))
    func pynetdicomIsAnsweredWhereItsCertificateAndItsTitleFit() async throws {
        try await with { certificates, secure in
            func ask(_ certificate: String, _ title: String) async throws -> String {
                let files = [certificate + ".pem", certificate + ".key", "ca.pem"].map(certificates.path)
                return try await Tool.run(
                    Pynetdicom.python, [Pynetdicom.script, "ask", "\(secure.server.port)", title, "CONCORD"] + files
                ).output
            }
            let answered = try await ask("client", "WS1")
            #expect(answered.split(separator: "\n").map(String.init) == Self.uids)
            let otherTitle = try await ask("client", "WS2")
            #expect(otherTitle.contains("rejected"))
            let stranger = try await ask("stranger", "WS1")
            #expect(stranger.contains("aborted"))
        }
    }

    // MARK: We ask them

    @Test func storescpIsSpokenToWhereBothCertificatesFit() async throws {
        let certificates = try await Certificates.make()
        defer { certificates.remove() }
        let archive = try await Archive.startSecure(certificates)
        defer { archive.stop() }
        let association = try await Association.open(to: archive.peer)
        try await association.echo()
        await association.release()
        for name in [nil, "stranger", "expired"] {
            let failure = await Self.failure(to: archive.peer, certificates.user(as: name))
            #expect(failure?.code == .tlsFailed, "\(name ?? "none"): \(failure?.description ?? "accepted")")
            #expect(failure?.isTransient == false)
            #expect(failure?.hint != nil)
        }
        #expect(await Self.failure(to: archive.peer, nil)?.description.contains("TLS") == true)
    }

    @Test(.enabled(if: Pynetdicom.isInstalled, "needs scripts/lib/install.sh test"))
    func pynetdicomAnswersUs() async throws {
        let certificates = try await Certificates.make()
        defer { certificates.remove() }
        let archive = try await Pynetdicom.start(certificates)
        defer { archive.stop() }
        let association = try await Association.open(to: archive.peer)
        #expect(await collect(association.find(question())) == (Self.uids, nil))
        await association.release()
        for name in [nil, "stranger", "expired"] {
            #expect(await Self.failure(to: archive.peer, certificates.user(as: name)) != nil, "\(name ?? "none")")
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: orthanc), "needs Debian's orthanc"))
    func orthancAsksUsAndAnswersUs() async throws {
        try await with { certificates, secure in
            let (port, web) = (try await DCMTK.freePort(), try await DCMTK.freePort())
            let configuration = certificates.path("orthanc.json")
            try """
            { "Name": "test", "StorageDirectory": "\(certificates.path("orthanc"))", "DicomAet": "WS1", "DicomPort": \(port),
              "IndexDirectory": "\(certificates.path("orthanc"))", "HttpPort": \(web), "AuthenticationEnabled": false,
              "DicomTlsEnabled": true, "DicomTlsCertificate": "\(certificates.path("client.pem"))",
              "DicomTlsPrivateKey": "\(certificates.path("client.key"))",
              "DicomTlsTrustedCertificates": "\(certificates.path("ca.pem"))",
              "DicomTlsRemoteCertificateRequired": true, "DicomAlwaysAllowEcho": true, "DicomAlwaysAllowFind": true,
              "DicomModalities": {
                "concord": { "AET": "CONCORD", "Host": "127.0.0.1", "Port": \(secure.server.port), "UseDicomTls": true } } }
            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            var tls = certificates.user(as: "server")
            tls.serverName = "client.test"
            let peer = Peer(
                host: "127.0.0.1", port: port, called: try AETitle("WS1"), calling: try AETitle("CONCORD"), tls: tls)
            let archive = try await Archive.start(
                Self.orthanc, [configuration], directory: certificates.directory, peer: peer)
            defer { archive.stop() }
            // We ask it.
            let association = try await Association.open(to: peer)
            try await association.echo()
            #expect(await collect(association.find(question())) == ([], nil))
            await association.release()
            for name in [nil, "stranger", "expired"] {
                #expect(await Self.failure(to: peer, certificates.user(as: name)) != nil, "\(name ?? "none")")
            }
            // It asks us.
            let answer = try await Tool.run(
                "curl",
                ["-s", "-d", #"{"Level": "Study", "Query": {}}"#, "http://127.0.0.1:\(web)/modalities/concord/query"])
            let query = try #require(answer.output.firstMatch(of: /"ID"\s*:\s*"([0-9a-f-]+)"/)?.1)
            let answers = try await Tool.run("curl", ["-s", "http://127.0.0.1:\(web)/queries/\(query)/answers?expand"])
            #expect(answers.output.matches(of: /"(1\.2\.\d)"/).map { String($0.1) }.sorted() == Self.uids)
        }
    }

    private static func failure(to peer: Peer, _ tls: PeerTLS?) async -> DIMSEError? {
        var peer = peer
        peer.tls = tls
        do {
            let association = try await Association.open(to: peer)
            // TLS 1.3: whoever demands our certificate says so after the handshake.
            defer { association.abort() }
            try await association.echo()
            return nil
        } catch {
            return error
        }
    }
}
