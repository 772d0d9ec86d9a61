import COpenSSL

/// A SHA-256 digest.
package struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
    package static let count = 32
    package let bytes: [UInt8]

    /// nil: not 32 bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.count else { return nil }
        self.bytes = bytes
    }

    fileprivate init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Sixty-four lower-case hexadecimal digits, and nothing else.
    package init?(hex: String) {
        guard let bytes = [UInt8](hex: hex) else { return nil }
        self.init(bytes)
    }

    static let zero = Digest(unchecked: [UInt8](repeating: 0, count: count))

    package static func of(_ bytes: [UInt8]) -> Digest {
        let hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    package var hex: String { bytes.hex }
    package var description: String { hex }

    package static func < (left: Digest, right: Digest) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

extension Digest: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no SHA-256 in hexadecimal")
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// SHA-256 by the system's libcrypto, fed piece by piece.
final class SHA256Hasher {
    private let context: OpaquePointer?
    // Looked up once: OpenSSL 3 searches its providers whenever a digest is named.
    private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    init() {
        context = EVP_MD_CTX_new()
        _ = EVP_DigestInit_ex2(context, Self.algorithm, nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes(update) }

    /// The digest of all that came since it was made or finished last.
    func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: Digest.count)
        _ = EVP_DigestFinal_ex(context, &bytes, nil)
        _ = EVP_DigestInit_ex2(context, Self.algorithm, nil)
        return Digest(unchecked: bytes)
    }
}

/// Random bytes by the system's libcrypto.
func randomBytes(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard RAND_bytes(&bytes, Int32(count)) == 1 else {
        throw ShardError(.key, "the system's libcrypto has no random bytes to give")
    }
    return bytes
}

extension Sequence<UInt8> {
    package var hex: String {
        reduce(into: "") { hex, byte in hex += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    }
}

extension [UInt8] {
    /// Lower-case hexadecimal digits; nil: something else.
    package init?(hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0 else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for position in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[position]), let low = Self.value(digits[position + 1]) else {
                return nil
            }
            append(high << 4 | low)
        }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
