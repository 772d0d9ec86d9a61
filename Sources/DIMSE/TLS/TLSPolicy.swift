import NIOSSL

/// The oldest version that is agreed to. The newest that both sides have is taken (PS3.15 §B.12).
package enum TLSMinimum: String, Sendable, CaseIterable {
    case v12 = "1.2"
    case v13 = "1.3"
}

/// What holds for both directions: BCP 195 (RFC 8996, RFC 9325).
enum TLSPolicy {
    /// Of TLS 1.2: ephemeral keys and authenticated encryption, nothing else (RFC 9325 §4.2). TLS 1.3 has no others.
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// Our own certificate chain and its key.
    typealias Identity = (chain: [NIOSSLCertificateSource], key: NIOSSLPrivateKey)

    static func identity(certificate: String, key: String) throws(DIMSEError) -> Identity {
        do {
            return (
                try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                try NIOSSLPrivateKey(file: key, format: .pem)
            )
        } catch { throw unusable([certificate, key]) }
    }

    static func context(
        _ base: TLSConfiguration, minimum: TLSMinimum, ca: String?
    ) throws(DIMSEError) -> NIOSSLContext {
        var configuration = base
        configuration.minimumTLSVersion = minimum == .v13 ? .tlsv13 : .tlsv12
        configuration.cipherSuiteValues = cipherSuites
        configuration.renegotiationSupport = .none
        if let ca { configuration.trustRoots = .file(ca) }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw unusable([ca].compactMap(\.self))
        }
    }

    private static func unusable(_ files: [String]) -> DIMSEError {
        DIMSEError(
            .tlsFailed, "the TLS files cannot be used: \(files.joined(separator: ", "))",
            hint: "are they PEM and readable, and is the key the certificate's?")
    }
}
