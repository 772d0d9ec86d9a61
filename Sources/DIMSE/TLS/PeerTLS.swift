import NIOCore
import NIOSSL

/// TLS towards one peer: chain and name of its certificate are both verified, or the certificate is the one that is pinned.
package struct PeerTLS: Sendable, Hashable {
    /// PEM file of the authorities that may have signed the peer's certificate; nil: those that the system trusts.
    package var ca: String?
    /// PEM files of our own certificate chain and its key, for peers that demand them: both or neither.
    package var certificate: String?
    package var key: String?
    /// The name that the peer's certificate must bear, unless it bears the address that we connect to; nil: the host.
    package var serverName: String?
    /// The one certificate that the peer may show, whoever signed it and whatever its name: archives often sign their own.
    /// Its dates count all the same. nil: any that `ca` and `serverName` allow.
    package var pin: CertificateFingerprint?
    package var minimum = TLSMinimum.v12

    package init(
        ca: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String? = nil,
        pin: CertificateFingerprint? = nil
    ) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
        self.pin = pin
    }

    func context() throws(DIMSEError) -> NIOSSLContext {
        var base = TLSConfiguration.makeClientConfiguration()
        base.certificateVerification = pin == nil ? .fullVerification : .noHostnameVerification
        switch (certificate, key) {
        case (nil, nil): break
        case (let certificate?, let key?):
            let identity = try TLSPolicy.identity(certificate: certificate, key: key)
            base.certificateChain = identity.chain
            base.privateKey = .privateKey(identity.key)
        default:
            throw DIMSEError(
                .tlsFailed, "a TLS certificate needs its key, and a key its certificate", hint: "give both")
        }
        return try TLSPolicy.context(base, minimum: minimum, ca: ca)
    }

    /// The handler that goes below the upper layer.
    func handler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let name = serverName ?? host
        // An address is verified as one, and is never sent as a name (RFC 6066 §3).
        let serverHostname = Self.isAddress(name) ? nil : name
        guard let pin else { return try NIOSSLClientHandler(context: context, serverHostname: serverHostname) }
        return try NIOSSLClientHandler(context: context, serverHostname: serverHostname) { chain, verified in
            let isPinned = chain.first.map { (try? CertificateFingerprint(of: $0)) == pin && $0.validity == .current }
            verified.succeed(isPinned == true ? .certificateVerified : .failed)
        }
    }

    private static func isAddress(_ name: String) -> Bool {
        (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }
}
