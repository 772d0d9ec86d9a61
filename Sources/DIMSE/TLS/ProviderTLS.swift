import NIOSSL

/// TLS of a provider: whoever connects shows a certificate that an authority of `ca` has signed (PS3.15 §B.12).
package struct ProviderTLS: Sendable, Hashable {
    /// PEM files of our certificate chain and its key.
    package var certificate: String
    package var key: String
    /// PEM file of the authorities that sign callers' certificates, or of those certificates themselves.
    package var ca: String
    package var minimum = TLSMinimum.v12

    package init(certificate: String, key: String, ca: String) {
        self.certificate = certificate
        self.key = key
        self.ca = ca
    }

    func context() throws(DIMSEError) -> NIOSSLContext {
        let identity = try TLSPolicy.identity(certificate: certificate, key: key)
        var base = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain, privateKey: .privateKey(identity.key))
        // A certificate is demanded and its chain verified; its name means nothing, the caller's identity is checked
        // with the AE title that it calls by.
        base.certificateVerification = .noHostnameVerification
        return try TLSPolicy.context(base, minimum: minimum, ca: ca)
    }
}
