import Glibc
import NIOSSL

extension DIMSEError {
    /// What a connection's error means, and what can be done about it.
    ///
    /// - Parameter certificate: what the peer has shown.
    init(connection error: any Error, certificate: NIOSSLCertificate?) {
        switch error {
        case NIOSSLError.uncleanShutdown: self.init(.connectionClosed, "the peer closed the connection")
        case NIOSSLError.unableToValidateCertificate:
            self.init(misnamed: certificate)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.init(misnamed: certificate)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self.init(tls: "\(error)", certificate)
        default: self.init(.connectionClosed, "the connection broke: \(type(of: error))")
        }
    }

    private init(misnamed certificate: NIOSSLCertificate?) {
        self.init(
            .tlsFailed, "the peer's certificate is made out for another name",
            hint: "set server_name to a name in it, or pin_sha256 to \(Self.fingerprint(certificate))")
    }

    private init(tls text: String, _ certificate: NIOSSLCertificate?) {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            self.init(distrusting: certificate)
        } else if let reason = Self.reasons.first(where: { $0.marks.contains(where: text.contains) }) {
            self.init(reason.code, reason.detail, hint: reason.hint)
        } else {
            self.init(.tlsFailed, "TLS failed: \(text)")
        }
    }

    private init(distrusting certificate: NIOSSLCertificate?) {
        let shown = Self.fingerprint(certificate)
        switch certificate?.validity {
        case .expired(let since):
            self.init(
                .tlsFailed, "the peer's certificate expired \(since)", hint: "it has to be renewed; it is \(shown)")
        case .early(let until):
            self.init(.tlsFailed, "the peer's certificate is not valid before \(until)", hint: "are both clocks right?")
        case .current, nil:
            self.init(
                .tlsFailed, "the peer's certificate is neither pinned nor signed by an authority of ca",
                hint: "it is \(shown)")
        }
    }

    private static func fingerprint(_ certificate: NIOSSLCertificate?) -> String {
        certificate.flatMap { try? CertificateFingerprint(of: $0) }.map(\.description) ?? "unknown"
    }

    private struct Reason: Sendable {
        /// As BoringSSL words it; an alert is what the peer says.
        var marks: [String]
        var code = Code.tlsFailed
        var detail: String
        var hint: String
    }

    private static let reasons = [
        Reason(
            marks: ["ALERT_CERTIFICATE_EXPIRED"], detail: "the peer says that our certificate has expired",
            hint: "renew it"),
        Reason(
            marks: [
                "ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_UNKNOWN",
                "ALERT_UNSUPPORTED_CERTIFICATE",
                "ALERT_CERTIFICATE_REVOKED", "ALERT_ACCESS_DENIED", "ALERT_DECRYPT_ERROR",
            ], detail: "the peer does not accept our certificate", hint: "does it know the authority that signed it?"),
        Reason(
            marks: ["ALERT_CERTIFICATE_REQUIRED", "ALERT_NO_CERTIFICATE"],
            detail: "the peer demands a certificate of ours", hint: "give certificate and key"),
        Reason(
            marks: ["ALERT_HANDSHAKE_FAILURE"], detail: "the peer broke off the TLS handshake",
            hint: "does it demand a certificate of ours, does it have TLS 1.2 with ECDHE and AES-GCM?"),
        Reason(
            marks: ["PEER_DID_NOT_RETURN_A_CERTIFICATE"], detail: "the peer shows no certificate",
            hint: "it needs one that an authority of ca has signed"),
        Reason(
            marks: ["PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"], detail: "the peer has no TLS version that we agree to",
            hint: "TLS 1.2 at least, or what minimum_version says"),
        Reason(
            marks: ["NO_SHARED_CIPHER"], detail: "the peer has no cipher suite that we agree to",
            hint: "of TLS 1.2: ECDHE with AES-GCM or ChaCha20-Poly1305"),
        Reason(
            marks: ["WRONG_VERSION_NUMBER", "HTTP_REQUEST"], detail: "the peer does not speak TLS on this connection",
            hint: "TLS and plain DICOM have ports of their own"),
        Reason(
            marks: ["EOF during handshake"], code: .connectionClosed,
            detail: "the peer closed the connection during the TLS handshake", hint: "does it speak TLS on this port?"),
    ]
}

extension NIOSSLCertificate {
    enum Validity: Equatable {
        case current
        /// ISO 8601 dates.
        case expired(String)
        case early(String)
    }

    /// Now, as TLS itself has it: by this machine's clock.
    var validity: Validity {
        let now = time(nil)
        if notValidAfter < now { return .expired(Self.date(notValidAfter)) }
        return notValidBefore > now ? .early(Self.date(notValidBefore)) : .current
    }

    private static func date(_ time: time_t) -> String {
        var time = time
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
