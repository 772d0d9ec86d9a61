import COpenSSL
import DICOM
import PostgresClient

/// What a key may be used for.
package enum KeyScope: String, Sendable, Hashable, CaseIterable {
    /// Look studies up, over QIDO-RS and the JSON API.
    case query
    /// Read about sources, coverage and discrepancies.
    case report
    /// Change what the server does.
    case admin
    /// Read the server's own figures.
    case metrics
}

/// What a key is made with.
package struct KeyTerms: Sendable, Hashable {
    package var scopes: Set<KeyScope>
    /// Whose studies it sees.
    package var visibility = Visibility.unrestricted
    /// nil: as many as the server answers.
    package var requestsPerSecond: Int?
    /// nil: the server's own limit.
    package var concurrentRequests: Int?
    /// nil: it does not expire.
    package var lifetime: Duration?

    package init(scopes: Set<KeyScope>) { self.scopes = scopes }
}

/// A key that was presented and is good.
package struct APIKey: Sendable, Hashable {
    package let id: String
    package let name: String
    package let scopes: Set<KeyScope>
    package let visibility: Visibility
    package let requestsPerSecond: Int?
    package let concurrentRequests: Int?

    package init(id: String, name: String, terms: KeyTerms) {
        self.id = id
        self.name = name
        scopes = terms.scopes
        visibility = terms.visibility
        requestsPerSecond = terms.requestsPerSecond
        concurrentRequests = terms.concurrentRequests
    }
}

package struct ListedKey: Sendable {
    package let id: String
    package let name: String
    package let scopes: [String]
    package let facilities: [String]
    package let created: String
    package let expires: String?
    package let revoked: String?
}

/// API keys: `ck_` id, secret of 256 bits and a checksum, joined by `_`. Only the secret's hash is stored.
extension StudyIndex {
    /// A key as it is handed out, the only time that its text can be seen.
    package struct NewKey: Sendable, Hashable {
        package let id: String
        package let text: String
    }

    /// nil: two keys of this name are good already.
    package func createKey(name: String, _ terms: KeyTerms) async throws -> NewKey? {
        try await pool.transaction { try Self.createKey(name, terms, $0) }
    }

    /// Makes a key on the terms of the newest of this name, whose keys so far end after `overlap`. nil: there is none.
    package func rotateKey(name: String, overlap: Duration) async throws -> NewKey? {
        try await pool.transaction { connection in
            try connection.query(SQL.lockKeyName, [.text(name)])
            guard let row = try connection.query(SQL.newestKey, [.text(name)]).first else { return nil }
            // Of two that are good the older one makes room.
            let old = Self.key(row)
            for key in try connection.query(SQL.listKeys).map(Self.listed)
            where key.name == name && key.id != old.id && key.revoked == nil {
                try connection.query(SQL.revokeKey, [.text(key.id)])
            }
            try connection.query(SQL.expireKeys, [.text(name), .double(overlap / .seconds(1))])
            var terms = KeyTerms(scopes: old.scopes)
            terms.visibility = old.visibility
            terms.requestsPerSecond = old.requestsPerSecond
            terms.concurrentRequests = old.concurrentRequests
            return try Self.createKey(name, terms, connection)
        }
    }

    private static func createKey(
        _ name: String, _ terms: KeyTerms, _ connection: PostgresConnection
    ) throws -> NewKey? {
        guard let id = randomBytes(6).map(hex), let secret = randomBytes(32).map(hex) else {
            throw IndexError(.corrupt, "the system's libcrypto has no random bytes to give")
        }
        var facilities: [String] = []
        if case .facilities(let names) = terms.visibility { facilities = names.sorted() }
        func number(_ value: Int?) -> PostgresValue { value.map { .int(Int64($0)) } ?? .null }
        try connection.query(SQL.lockKeyName, [.text(name)])
        let inserted = try connection.query(
            SQL.insertKey,
            [
                .text(id), .text(name), .bytes(SHA256.hash(Array(secret.utf8))),
                .textArray(terms.scopes.map(\.rawValue).sorted()), .textArray(facilities),
                number(terms.requestsPerSecond), number(terms.concurrentRequests),
                terms.lifetime.map { .double($0 / .seconds(1)) } ?? .null,
            ])
        guard inserted.affectedRows == 1 else { return nil }
        return NewKey(id: id, text: "ck_\(id)_\(secret)_\(checksum(id, secret))")
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
            return Self.key(row)
        }
    }

    /// The key with this id, if it is good now, for what it has asked to be done later.
    package func apiKey(id: String) async throws -> APIKey? {
        try await pool.withConnection { try $0.query(SQL.findKey, [.text(id)]).first.map(Self.key) }
    }

    private static func key(_ row: PostgresRow) -> APIKey {
        var terms = KeyTerms(scopes: Set((row.strings(3) ?? []).compactMap(KeyScope.init)))
        terms.visibility = Visibility(facilities: row.strings(4) ?? [])
        terms.requestsPerSecond = row.int(5)
        terms.concurrentRequests = row.int(6)
        return APIKey(id: row.string(0) ?? "", name: row.string(1) ?? "", terms: terms)
    }

    package func keys() async throws -> [ListedKey] {
        try await pool.withConnection { try $0.query(SQL.listKeys).map(Self.listed) }
    }

    private static func listed(_ row: PostgresRow) -> ListedKey {
        ListedKey(
            id: row.string(0) ?? "", name: row.string(1) ?? "", scopes: row.strings(2) ?? [],
            facilities: row.strings(6) ?? [], created: row.string(3) ?? "", expires: row.string(5),
            revoked: row.string(4))
    }

    /// False: no such key, or revoked before.
    package func revokeKey(id: String) async throws -> Bool {
        try await pool.withConnection { try $0.query(SQL.revokeKey, [.text(id)]).affectedRows == 1 }
    }

    private static func checksum(_ id: String, _ secret: String) -> String {
        hex(Array(SHA256.hash(Array("\(id)_\(secret)".utf8)).prefix(4)))
    }
}
