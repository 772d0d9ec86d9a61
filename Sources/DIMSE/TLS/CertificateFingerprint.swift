import COpenSSL
import NIOSSL

/// SHA-256 of a certificate: what `openssl x509 -noout -fingerprint -sha256 -in FILE` prints.
package struct CertificateFingerprint: Sendable, Hashable, CustomStringConvertible {
    private let digest: [UInt8]

    /// 32 bytes in hexadecimal, with colons or without, after `SHA256:` or nothing; nil: something else.
    package init?(_ text: String) {
        let prefix = "SHA256:"
        let body = text.uppercased().hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
        let digits = Array(body.utf8.filter { $0 != 0x3A })
        guard digits.count == 64, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else { return nil }
        digest = stride(from: 0, to: 64, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }

    init(of certificate: NIOSSLCertificate) throws {
        let der = try certificate.toDERBytes()
        var digest = [UInt8](repeating: 0, count: 32)
        _ = SHA256(der, der.count, &digest)
        self.digest = digest
    }

    package var description: String {
        let digits = digest.map { String($0 >> 4, radix: 16) + String($0 & 0xF, radix: 16) }
        return "SHA256:" + digits.joined(separator: ":").uppercased()
    }
}
