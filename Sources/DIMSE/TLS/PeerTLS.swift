import NIOCore
import NIOSSL

/// TLS towards one peer, version 1.2 or newer (PS3.15 §B.12, F98): its chain and its name are both verified.
package struct PeerTLS: Sendable, Hashable {
    /// PEM file of the authorities that may have signed the peer's certificate; nil: those that the system trusts.
    package var ca: String?
    /// PEM files of our own certificate chain and its key, for peers that demand them: both or neither.
    package var certificate: String?
    package var key: String?
    /// The name that the peer's certificate must bear; nil: the host that we connect to.
    package var serverName: String?

    package init(ca: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String? = nil) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
    }

    /// Reads the files; throws when one of them cannot be used.
    func context() throws(DIMSEError) -> NIOSSLContext {
        guard (certificate == nil) == (key == nil) else {
            throw DIMSEError(
                .tlsFailed, "a TLS certificate needs its key, and a key its certificate", hint: "give both")
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        if let ca { configuration.trustRoots = .file(ca) }
        do {
            if let certificate, let key {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate)
                    .map { .certificate($0) }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let files = [ca, certificate, key].compactMap(\.self).joined(separator: ", ")
            throw DIMSEError(.tlsFailed, "the TLS files cannot be used: \(files)", hint: "are they PEM, and readable?")
        }
    }

    /// The handler that goes below the upper layer.
    func handler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let name = serverName ?? host
        // An address is verified as one, and is never sent as a name (RFC 6066 §3).
        return try NIOSSLClientHandler(context: context, serverHostname: Self.isAddress(name) ? nil : name)
    }

    private static func isAddress(_ name: String) -> Bool {
        (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }
}

extension DIMSEError {
    /// What a connection's error means.
    init(connection error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown: self.init(.connectionClosed, "the peer closed the connection")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self.init(.tlsFailed, "TLS failed: \(error)")
        default: self.init(.connectionClosed, "the connection broke: \(type(of: error))")
        }
    }
}
