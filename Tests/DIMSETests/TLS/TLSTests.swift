import DICOM
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
import Testing

@testable import DIMSE

@Suite struct TLSTests {
    private func with(
        _ provider: (Certificates) -> ProviderTLS = { $0.provider() }, admits: (@Sendable (Caller) -> Bool)? = nil,
        _ body: (Certificates, SecureProvider) async throws -> Void
    ) async throws {
        let certificates = try await Certificates.make()
        defer { certificates.remove() }
        let secure = try await SecureProvider.start(provider(certificates), admits: admits)
        do { try await body(certificates, secure) } catch {
            await secure.server.stop()
            throw error
        }
        await secure.server.stop()
    }

    @Test func bothSidesShowTheirCertificatesAndTheProviderKnowsWhoAsks() async throws {
        let callers = NIOLockedValueBox<[Caller]>([])
        try await with(admits: { caller in
            callers.withLockedValue { $0.append(caller) }
            return true
        }) { certificates, secure in
            #expect(try await secure.failure(certificates.user()) == nil)
            let seen = callers.withLockedValue { $0 }
            #expect(seen.map(\.calling.value) == ["WS1"])
            #expect(seen.map(\.address) == ["127.0.0.1"])
            let printed = try await certificates.fingerprint(of: "client")
            #expect(seen.first?.certificate == CertificateFingerprint(printed))
            #expect(seen.first?.certificate?.description == "SHA256:" + printed)
        }
    }

    /// A caller that is refused, what it reads, and what the provider's log says.
    @Test(
        arguments: [
            (nil, "the peer demands a certificate of ours", "the peer shows no certificate"),
            ("stranger", "the peer does not accept our certificate", "neither pinned nor signed by an authority of ca"),
            ("expired", "the peer says that our certificate has expired", "the peer's certificate expired 20"),
        ] as [(String?, String, String)])
    func aCallerWithoutAGoodCertificateIsToldSoAndNoted(_ name: String?, _ told: String, _ noted: String) async throws {
        try await with { certificates, secure in
            let failure = try await secure.failure(certificates.user(as: name))
            #expect(failure?.code == .tlsFailed)
            #expect(failure?.isTransient == false)
            #expect(failure?.description.contains(told) == true, "\(failure?.description ?? "accepted")")
            let refusal = await secure.refusal()
            #expect(refusal?.contains(noted) == true, "\(refusal ?? "none")")
            // The next is served.
            #expect(try await secure.failure(certificates.user()) == nil)
        }
    }

    @Test func anArchiveIsBelievedByChainAndNameOnly() async throws {
        try await with { certificates, secure in
            var byHost = certificates.user()
            byHost.serverName = nil
            #expect(try await secure.failure(byHost) == nil, "its certificate names 127.0.0.1")
            var foreign = certificates.user()
            foreign.ca = certificates.path("stranger.pem")
            let distrusted = try await secure.failure(foreign)
            let shown = try await certificates.fingerprint(of: "server")
            #expect(distrusted?.description.contains("signed by an authority of ca (it is SHA256:\(shown)") == true)
        }
        try await with({ $0.provider(as: "client") }) { certificates, secure in
            var tls = certificates.user()
            tls.serverName = "client.test"
            #expect(try await secure.failure(tls) == nil)
            for name in ["another.test", nil] {
                tls.serverName = name
                let misnamed = try await secure.failure(tls)
                #expect(
                    misnamed?.description.contains("another name") == true, "\(misnamed?.description ?? "accepted")")
            }
        }
        try await with({ $0.provider(as: "expired") }) { certificates, secure in
            let expired = try await secure.failure(certificates.user())
            #expect(expired?.description.contains("the peer's certificate expired 20") == true)
        }
    }

    @Test func aPinnedCertificateNeedsNoChainAndNoNameButItsDates() async throws {
        for (name, isAccepted) in [("server", true), ("stranger", true), ("expired", false)] {
            try await with({ $0.provider(as: name) }) { certificates, secure in
                var tls = certificates.user()
                tls.ca = certificates.path("stranger.pem")
                tls.serverName = "another.test"
                tls.pin = CertificateFingerprint(try await certificates.fingerprint(of: name))
                #expect((try await secure.failure(tls) == nil) == isAccepted)
                tls.pin = CertificateFingerprint(try await certificates.fingerprint(of: "client"))
                #expect(try await secure.failure(tls)?.code == .tlsFailed)
            }
        }
    }

    @Test func aGoodCertificateWithAnothersTitleIsRejectedAndNoted() async throws {
        let own = CertificateFingerprint(String(repeating: "00", count: 32))
        try await with(admits: { $0.calling.value == "WS1" && $0.certificate != own }) { certificates, secure in
            let failure = try await secure.failure(certificates.user(), calling: "WS2")
            #expect(failure?.rejection == Rejection(result: 1, source: 1, reason: 3))
            #expect(
                await secure.refusal() == "WS2: association rejected permanently: calling AE title not recognised")
        }
    }

    @Test func plainAndTLSDoNotMix() async throws {
        try await with { certificates, secure in
            let plain = try await secure.failure(nil)
            #expect(plain?.description.contains("the peer wants TLS") == true, "\(plain?.description ?? "accepted")")
            #expect(await secure.refusal()?.contains("does not speak TLS") == true)
            let server = try await SCPServer.start(SCPConfiguration()) { _, _ in .success }
            var peer = try secure.peer(certificates.user())
            peer.port = server.port
            do {
                _ = try await Association.open(to: peer)
                Issue.record("accepted")
            } catch let error as DIMSEError {
                #expect(error.description.contains("TLS"), "\(error)")
            }
            await server.stop()
        }
    }

    /// What OpenSSL's client may agree with us on: its exit status tells whether the handshake succeeded.
    @Test(
        arguments: [
            (TLSMinimum.v12, ["-tls1_3"], true), (.v12, ["-tls1_2"], true), (.v13, ["-tls1_3"], true),
            (.v13, ["-tls1_2"], false), (.v12, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"], false),
            (.v12, ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], true),
            (.v12, ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
        ] as [(TLSMinimum, [String], Bool)])
    func versionsAndCipherSuitesAreThoseOfBCP195(
        _ minimum: TLSMinimum, _ arguments: [String], _ isAccepted: Bool
    ) async throws {
        let provider: (Certificates) -> ProviderTLS = {
            var tls = $0.provider()
            tls.minimum = minimum
            return tls
        }
        try await with(provider) { certificates, secure in
            let outcome = try await Tool.run(
                "openssl",
                ["s_client", "-connect", "127.0.0.1:\(secure.server.port)", "-CAfile", certificates.path("ca.pem")]
                    + ["-cert", certificates.path("client.pem"), "-key", certificates.path("client.key")] + arguments)
            #expect(outcome.output.contains("Cipher is (NONE)") != isAccepted, "\(outcome.output)")
        }
    }

    @Test func filesThatCannotBeUsedAreNamed() async throws {
        let certificates = try await Certificates.make()
        defer { certificates.remove() }
        var wrongKey = certificates.provider()
        wrongKey.key = certificates.path("client.key")
        var noFile = certificates.provider()
        noFile.ca = certificates.path("nowhere.pem")
        for tls in [wrongKey, noFile] {
            var configuration = SCPConfiguration()
            configuration.tls = tls
            await #expect(throws: DIMSEError(.tlsFailed, "")) {
                _ = try await SCPServer.start(configuration) { _, _ in .success }
            }
        }
    }

    @Test(arguments: ["", "SHA256:", "12:34", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func whatIsNoFingerprintIsRefused(_ text: String) { #expect(CertificateFingerprint(text) == nil) }

    @Test func aFingerprintIsReadInEveryFormThatToolsPrint() {
        let plain = CertificateFingerprint(String(repeating: "0a", count: 32))
        #expect(plain != nil)
        #expect(plain == CertificateFingerprint(Array(repeating: "0A", count: 32).joined(separator: ":")))
        #expect(plain == plain.flatMap { CertificateFingerprint($0.description) })
    }
}
