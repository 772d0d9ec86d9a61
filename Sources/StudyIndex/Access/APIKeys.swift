import COpenSSL
import PostgresClient

/// A key that was presented and is good.
package struct APIKey: Sendable, Hashable {
    package let id: String
    package let name: String
    package let scopes: [String]

    package init(id: String, name: String, scopes: [String]) {
        self.id = id
        self.name = name
        self.scopes = scopes
    }
}

package struct ListedKey: Sendable {
    package let id: String
    package let name: String
    package let scopes: [String]
    package let created: String
    package let revoked: String?
}

/// API keys: `ck_` id, secret of 256 bits and a checksum, joined by `_`. Only the secret's hash is stored.
extension StudyIndex {
    package static let scopes = ["query", "report", "admin", "metrics"]

    /// Makes a key and returns it, the only time that it can be seen.
    package func createKey(name: String, scopes: [String]) async throws -> String {
        guard let id = randomBytes(6).map(Self.hex), let secret = randomBytes(32).map(Self.hex) else {
            throw IndexError(.corrupt, "the system's libcrypto has no random bytes to give")
        }
        let hash = SHA256.hash(Array(secret.utf8))
        _ = try await pool.withConnection {
            try $0.query(SQL.insertKey, [.text(id), .text(name), .bytes(hash), .textArray(scopes)])
        }
        return "ck_\(id)_\(secret)_\(Self.checksum(id, secret))"
    }

    /// The key of this text, if it is good now. The checksum spares the database what is plainly no key.
    package func apiKey(presented text: String) async throws -> APIKey? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "ck", Self.checksum(parts[1], parts[2]) == parts[3] else { return nil }
        let hash = SHA256.hash(Array(parts[2].utf8))
        return try await pool.withConnection { connection in
            guard let row = try connection.query(SQL.findKey, [.text(parts[1])]).first, let stored = row.bytes(2),
                stored.count == hash.count, CRYPTO_memcmp(stored, hash, hash.count) == 0
            else { return nil }
            return APIKey(id: row.string(0) ?? "", name: row.string(1) ?? "", scopes: row.strings(3) ?? [])
        }
    }

    package func keys() async throws -> [ListedKey] {
        try await pool.withConnection { connection in
            try connection.query(SQL.listKeys).map { row in
                ListedKey(
                    id: row.string(0) ?? "", name: row.string(1) ?? "", scopes: row.strings(2) ?? [],
                    created: row.string(3) ?? "", revoked: row.string(4))
            }
        }
    }

    /// False: no such key, or revoked before.
    package func revokeKey(id: String) async throws -> Bool {
        try await pool.withConnection { try $0.query(SQL.revokeKey, [.text(id)]).affectedRows == 1 }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func checksum(_ id: String, _ secret: String) -> String {
        hex(Array(SHA256.hash(Array("\(id)_\(secret)".utf8)).prefix(4)))
    }
}
