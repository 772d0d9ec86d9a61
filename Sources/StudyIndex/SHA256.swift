import COpenSSL

/// SHA-256 by the system's libcrypto.
enum SHA256 {
    static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        _ = COpenSSL.SHA256(bytes, bytes.count, &digest)
        return digest
    }
}

/// Random bytes by the system's libcrypto; nil where it has none to give.
func randomBytes(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return RAND_bytes(&bytes, Int32(count)) == 1 ? bytes : nil
}
