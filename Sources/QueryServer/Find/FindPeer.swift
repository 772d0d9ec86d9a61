import DICOM
import DIMSE
import Glibc

/// Who may ask by C-FIND, and how it is answered.
package struct FindPeer: Sendable, Hashable {
    package var aeTitle: AETitle
    /// Where it calls from; nil: anywhere.
    package var network: Network?
    /// The certificate that it shows; nil: plain TCP.
    package var certificate: CertificateFingerprint?
    /// Qualifies patient IDs that it sends without an issuer (promise 9).
    package var issuer: String?
    /// Whose studies it sees. Default: all.
    package var visibility = Visibility.unrestricted
    /// What it reads; what this cannot write becomes `?` (F68). Default UTF-8.
    package var characterSet = SpecificCharacterSet.utf8
    /// Whether an answer that lacks a source ends in Success all the same, where it is not empty. Default false: a
    /// workstation would read an outage as “no priors” (F116).
    package var prefersSuccess = false

    package init(aeTitle: AETitle, network: Network? = nil) {
        self.aeTitle = aeTitle
        self.network = network
    }
}

/// An IPv4 or IPv6 network in CIDR notation.
package struct Network: Sendable, Hashable {
    private let bytes: [UInt8]
    private let bits: Int

    /// `10.0.0.0/8`, `192.168.1.7`, `fd00::/8`; nil: none of these.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), let bytes = Self.bytes(of: parts[0]) else { return nil }
        let bits = parts.count == 2 ? Int(parts[1]) ?? -1 : bytes.count * 8
        guard (0...bytes.count * 8).contains(bits) else { return nil }
        self.bytes = bytes
        self.bits = bits
    }

    package func contains(_ address: String) -> Bool {
        guard let other = Self.bytes(of: address), other.count == bytes.count else { return false }
        return (0..<bits).allSatisfy { bit in
            (bytes[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }

    private static func bytes(of text: String) -> [UInt8]? {
        var v4 = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &v4) == 1 { return v4 }
        var v6 = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        // An IPv4 peer of a socket that listens to both.
        return v6.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] ? Array(v6.suffix(4)) : v6
    }
}
