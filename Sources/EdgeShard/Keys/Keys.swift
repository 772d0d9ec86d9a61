import COpenSSL
import Foundation

/// A key pair, or its public half, as libcrypto holds it: Ed25519 for signing, X25519 for sealing.
final class KeyHandle: @unchecked Sendable {
    // Never changed after it was made; libcrypto counts references to it with atomics.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { EVP_PKEY_free(pointer) }

    var publicBytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        _ = EVP_PKEY_get_raw_public_key(pointer, &bytes, &count)
        return bytes
    }

    static func generate(_ algorithm: Int32) throws -> KeyHandle {
        let context = EVP_PKEY_CTX_new_id(algorithm, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1, let key else {
            throw ShardError(.key, "the system's libcrypto makes no keys of this kind")
        }
        return KeyHandle(key)
    }

    static func publicKey(_ algorithm: Int32, _ bytes: [UInt8]) throws -> KeyHandle {
        guard let key = EVP_PKEY_new_raw_public_key(algorithm, nil, bytes, bytes.count) else {
            throw ShardError(.key, "no public key")
        }
        return KeyHandle(key)
    }
}

/// Signs manifests: Ed25519.
package struct SigningKey: Sendable {
    private let key: KeyHandle

    private init(key: KeyHandle) { self.key = key }

    package init() throws { key = try KeyHandle.generate(EVP_PKEY_ED25519) }

    package init(pem: String) throws { key = try PEM.privateKey(pem, EVP_PKEY_ED25519) }

    package var publicKey: VerifyingKey { VerifyingKey(bytes: key.publicBytes) }
    package func pem() throws -> String { try PEM.encode(key) }

    func signature(of message: [UInt8]) throws -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: VerifyingKey.signatureSize)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key.pointer) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == signature.count
        else { throw ShardError(.key, "signing failed") }
        return signature
    }
}

/// Checks what a publisher has signed.
package struct VerifyingKey: Sendable, Hashable {
    static let signatureSize = 64
    let bytes: [UInt8]

    /// What manifests name it by: the first sixteen hexadecimal digits of its SHA-256.
    package var id: String { String(Digest.of(bytes).hex.prefix(16)) }

    /// One or more, one after the other: while keys change, sites trust both.
    package static func all(pem: String) throws -> [VerifyingKey] {
        try PEM.publicKeys(pem, EVP_PKEY_ED25519).map { VerifyingKey(bytes: $0.publicBytes) }
    }

    package func pem() throws -> String { try PEM.encodePublic(try KeyHandle.publicKey(EVP_PKEY_ED25519, bytes)) }

    func accepts(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard signature.count == Self.signatureSize,
            let key = try? KeyHandle.publicKey(EVP_PKEY_ED25519, bytes)
        else { return false }
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, nil, nil, key.pointer) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

/// Opens what is sealed for a site: X25519.
package struct SiteKey: Sendable {
    let key: KeyHandle

    package init() throws { key = try KeyHandle.generate(EVP_PKEY_X25519) }
    package init(pem: String) throws { key = try PEM.privateKey(pem, EVP_PKEY_X25519) }

    package var publicKey: SitePublicKey { SitePublicKey(bytes: key.publicBytes) }
    package func pem() throws -> String { try PEM.encode(key) }
}

package struct SitePublicKey: Sendable, Hashable {
    let bytes: [UInt8]

    package init(pem: String) throws {
        guard let key = try PEM.publicKeys(pem, EVP_PKEY_X25519).first else { throw ShardError(.key, "no public key") }
        bytes = key.publicBytes
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    package func pem() throws -> String { try PEM.encodePublic(try KeyHandle.publicKey(EVP_PKEY_X25519, bytes)) }

    /// What envelopes name it by.
    var fingerprint: [UInt8] { Array(Digest.of(bytes).bytes.prefix(16)) }
}

/// Keys in files: PKCS #8 and SubjectPublicKeyInfo in PEM (RFC 8410), as `openssl pkey` reads and writes them.
private enum PEM {
    static func encode(_ key: KeyHandle) throws -> String {
        try text { PEM_write_bio_PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) }
    }

    static func encodePublic(_ key: KeyHandle) throws -> String { try text { PEM_write_bio_PUBKEY($0, key.pointer) } }

    static func privateKey(_ pem: String, _ algorithm: Int32) throws -> KeyHandle {
        try reading(pem) { source in
            // Without a callback libcrypto would ask a terminal for a passphrase.
            guard let pointer = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in 0 }, nil) else {
                throw ShardError(.key, "no private key in PEM, or one with a passphrase")
            }
            let key = KeyHandle(pointer)
            guard EVP_PKEY_get_id(pointer) == algorithm else { throw wrongKind(algorithm) }
            return key
        }
    }

    static func publicKeys(_ pem: String, _ algorithm: Int32) throws -> [KeyHandle] {
        try reading(pem) { source in
            var keys: [KeyHandle] = []
            while let pointer = PEM_read_bio_PUBKEY(source, nil, nil, nil) {
                keys.append(KeyHandle(pointer))
                guard EVP_PKEY_get_id(pointer) == algorithm else { throw wrongKind(algorithm) }
            }
            // The end of the text is an error on libcrypto's own stack.
            ERR_clear_error()
            guard !keys.isEmpty else { throw ShardError(.key, "no public key in PEM") }
            return keys
        }
    }

    /// libcrypto reads from the text itself and keeps no copy: the text lives as long as it reads.
    private static func reading<T>(_ pem: String, _ body: (OpaquePointer) throws -> T) throws -> T {
        try Array(pem.utf8).withUnsafeBytes { bytes in
            guard let source = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
                throw ShardError(.key, "no key in PEM")
            }
            defer { BIO_free(source) }
            return try body(source)
        }
    }

    private static func wrongKind(_ algorithm: Int32) -> ShardError {
        ShardError(
            .key,
            algorithm == EVP_PKEY_ED25519
                ? "not a publisher's key (Ed25519): `concord keys publisher` makes one"
                : "not a site's key (X25519): `concord keys site` makes one")
    }

    private static func text(_ write: (OpaquePointer?) -> Int32) throws -> String {
        let sink = BIO_new(BIO_s_mem())
        defer { BIO_free(sink) }
        guard write(sink) == 1 else { throw ShardError(.key, "a key cannot be written") }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(sink))
        guard BIO_read(sink, &bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw ShardError(.key, "a key cannot be written")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
