import COpenSSL

/// An object's key, sealed for each site that may open it: ephemeral X25519 → HKDF-SHA256 → AES-256-GCM.
///
/// One ephemeral key serves all sites of an object; the info of HKDF names everything that the key is good for, so that a
/// wrapped key moved elsewhere opens nothing.
struct WrappingContext {
    let shard: String
    let generation: Int
    let object: Digest

    /// Ephemeral public key, and a wrapped key for each site.
    func wrap(_ key: [UInt8], for sites: [SitePublicKey]) throws -> (ephemeral: [UInt8], wrapped: [[UInt8]]) {
        let ephemeral = try KeyHandle.generate(EVP_PKEY_X25519)
        let publicBytes = ephemeral.publicBytes
        let wrapped = try sites.map { site in
            let shared = try Self.agree(ephemeral, with: site.bytes)
            let cipher = try ChunkCipher(key: try derive(shared, publicBytes, site.bytes), isSealing: true)
            return try cipher.seal(key[...], isLast: true)
        }
        return (publicBytes, wrapped)
    }

    func unwrap(_ wrapped: [UInt8], ephemeral: [UInt8], with site: SiteKey) throws -> [UInt8] {
        let shared = try Self.agree(site.key, with: ephemeral)
        let cipher = try ChunkCipher(
            key: try derive(shared, ephemeral, site.publicKey.bytes), isSealing: false)
        return try cipher.open(wrapped[...], isLast: true)
    }

    private static func agree(_ own: KeyHandle, with other: [UInt8]) throws -> [UInt8] {
        let peer = try KeyHandle.publicKey(EVP_PKEY_X25519, other)
        let context = EVP_PKEY_CTX_new(own.pointer, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var shared = [UInt8](repeating: 0, count: 32)
        var count = shared.count
        // Fails for points of small order, whose shared secret is zero.
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer.pointer) == 1,
            EVP_PKEY_derive(context, &shared, &count) == 1, count == shared.count
        else { throw ShardError(.cannotDecrypt, "no key can be agreed on with this public key") }
        return shared
    }

    private func derive(_ secret: [UInt8], _ ephemeral: [UInt8], _ site: [UInt8]) throws -> [UInt8] {
        let name = Array(shard.utf8)
        var info = Array("concord shard \(ShardSchema.format) key\0".utf8)
        info.append(UInt8(truncatingIfNeeded: name.count))
        info += name
        withUnsafeBytes(of: UInt64(generation).bigEndian) { info.append(contentsOf: $0) }
        info += object.bytes + ephemeral + site
        return try Self.hkdf(secret, info: info)
    }

    /// RFC 5869 with SHA-256 and no salt: 32 bytes.
    static func hkdf(_ secret: [UInt8], info: [UInt8]) throws -> [UInt8] {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key = [UInt8](repeating: 0, count: ChunkCipher.keySize)
        var count = key.count
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1,
            EVP_PKEY_CTX_set1_hkdf_key(context, secret, Int32(secret.count)) == 1,
            EVP_PKEY_CTX_add1_hkdf_info(context, info, Int32(info.count)) == 1,
            EVP_PKEY_derive(context, &key, &count) == 1, count == key.count
        else { throw ShardError(.key, "HKDF-SHA256 is not to be had from the system's libcrypto") }
        return key
    }
}
