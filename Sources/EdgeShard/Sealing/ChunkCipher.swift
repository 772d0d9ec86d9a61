import COpenSSL

/// AES-256-GCM in chunks of 64 KiB. The nonce is three zero bytes, a byte that is 1 in the last chunk, and the chunk's
/// number in 64 bits, so that chunks cannot be cut off, exchanged or repeated; each object has a key of its own.
final class ChunkCipher {
    static let chunk = 64 << 10
    static let tag = 16
    static let keySize = 32

    private let context: OpaquePointer?
    private let isSealing: Bool
    private var number: UInt64 = 0

    init(key: [UInt8], isSealing: Bool) throws {
        self.isSealing = isSealing
        context = EVP_CIPHER_CTX_new()
        guard key.count == Self.keySize,
            EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nil, isSealing ? 1 : 0) == 1
        else { throw ShardError(.key, "AES-256-GCM is not to be had from the system's libcrypto") }
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// A sealed chunk: the ciphertext and its tag.
    func seal(_ chunk: ArraySlice<UInt8>, isLast: Bool) throws -> [UInt8] {
        var sealed = [UInt8](repeating: 0, count: chunk.count + Self.tag)
        try begin(isLast: isLast)
        let isDone = sealed.withUnsafeMutableBytes { output in
            chunk.withUnsafeBytes { input in
                update(input, output) && final()
                    && EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tag), output.baseAddress.map { $0 + chunk.count })
                        == 1
            }
        }
        guard isDone else { throw ShardError(.key, "AES-256-GCM failed") }
        return sealed
    }

    /// The plain text, once its tag is seen to be right.
    func open(_ sealed: ArraySlice<UInt8>, isLast: Bool) throws -> [UInt8] {
        guard sealed.count >= Self.tag, sealed.count <= Self.chunk + Self.tag else {
            throw ShardError(.cannotDecrypt, "a chunk of an object has no possible length")
        }
        var plain = [UInt8](repeating: 0, count: sealed.count - Self.tag)
        try begin(isLast: isLast)
        var tag = Array(sealed.suffix(Self.tag))
        let isRight = plain.withUnsafeMutableBytes { output in
            sealed.dropLast(Self.tag).withUnsafeBytes { input in
                update(input, output)
                    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tag), &tag) == 1 && final()
            }
        }
        guard isRight else { throw ShardError(.cannotDecrypt, "a chunk of an object does not decrypt") }
        return plain
    }

    private func begin(isLast: Bool) throws {
        var nonce: [UInt8] = [0, 0, 0, isLast ? 1 : 0]
        withUnsafeBytes(of: number.bigEndian) { nonce.append(contentsOf: $0) }
        number += 1
        guard EVP_CipherInit_ex(context, nil, nil, nil, nonce, -1) == 1 else {
            throw ShardError(.key, "AES-256-GCM failed")
        }
    }

    private func update(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> Bool {
        guard !input.isEmpty else { return true }
        var count: Int32 = 0
        return EVP_CipherUpdate(
            context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(input.count)) == 1
    }

    private func final() -> Bool {
        var nothing = [UInt8](repeating: 0, count: Self.tag)
        var count: Int32 = 0
        return EVP_CipherFinal_ex(context, &nothing, &count) == 1
    }
}
