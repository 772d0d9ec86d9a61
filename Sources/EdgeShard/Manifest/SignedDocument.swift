import Foundation

/// A small file that a publisher has signed: three lines, and JSON in its one canonical form (FORMAT.md, Signed files).
///
/// What was read from a network is a `SignedDocument`, which says nothing yet; `body(trusting:)` is the only way to what is in
/// it.
struct SignedDocument: Sendable {
    enum Kind: String {
        case manifest, timestamp, subscription

        var limit: Int {
            switch self {
            case .manifest: 1 << 20
            case .timestamp: 4 << 10
            case .subscription: 64 << 10
            }
        }
    }

    let bytes: [UInt8]
    private let kind: Kind
    private let keyID: String
    private let signature: [UInt8]
    private let json: [UInt8]

    /// What others name it by.
    var digest: Digest { Digest.of(bytes) }

    init<Body: Codable>(_ kind: Kind, _ body: Body, signedBy key: SigningKey) throws {
        self.kind = kind
        json = try Self.canonical(body)
        keyID = key.publicKey.id
        signature = try key.signature(of: Self.message(kind, json))
        bytes =
            Array("concord \(kind.rawValue) \(ShardSchema.format)\nkey \(keyID)\nsignature \(signature.hex)\n".utf8)
            + json
    }

    init(_ kind: Kind, bytes: [UInt8]) throws {
        guard bytes.count <= kind.limit else {
            throw ShardError(.tooLarge, "a \(kind.rawValue) of \(bytes.count) bytes; \(kind.limit) are the most")
        }
        let parts = bytes.split(separator: 0x0A, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4 else { throw Self.malformed(kind) }
        let lines = parts.prefix(3).map { String(decoding: $0, as: UTF8.self) }
        let title = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard title.count == 3, title[0] == "concord", title[1] == kind.rawValue, let format = Int(title[2]) else {
            throw Self.malformed(kind)
        }
        guard format <= ShardSchema.format else {
            throw ShardError(.formatTooNew, "a \(kind.rawValue) of format \(format); update Concord at this site")
        }
        guard lines[0] == "concord \(kind.rawValue) \(ShardSchema.format)", lines[1].hasPrefix("key "),
            lines[2].hasPrefix("signature "), let signature = [UInt8](hex: String(lines[2].dropFirst(10)))
        else { throw Self.malformed(kind) }
        self.bytes = bytes
        self.kind = kind
        keyID = String(lines[1].dropFirst(4))
        self.signature = signature
        json = Array(parts[3])
    }

    /// What it says, if one of these keys has signed it.
    func body<Body: Codable>(_ type: Body.Type, trusting keys: [VerifyingKey]) throws -> Body {
        guard let key = keys.first(where: { $0.id == keyID }) else {
            throw ShardError(.unknownKey, "a \(kind.rawValue) signed by a key that is not in `replica.trust`")
        }
        guard key.accepts(signature, of: Self.message(kind, json)) else {
            throw ShardError(.badSignature, "a \(kind.rawValue) whose signature is wrong")
        }
        return try uncheckedBody(type)
    }

    /// Of a file that the publisher reads back from its own directories.
    func uncheckedBody<Body: Codable>(_ type: Body.Type) throws -> Body {
        guard let body = try? JSONDecoder().decode(type, from: Data(json)), try Self.canonical(body) == json else {
            throw Self.malformed(kind)
        }
        return body
    }

    private static func malformed(_ kind: Kind) -> ShardError {
        ShardError(.malformed, "a \(kind.rawValue) that is not one of format \(ShardSchema.format)")
    }

    /// The first line is signed too, so that no kind passes for another.
    private static func message(_ kind: Kind, _ json: [UInt8]) -> [UInt8] {
        Array("concord \(kind.rawValue) \(ShardSchema.format)\n".utf8) + json
    }

    private static func canonical(_ body: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .useDefaultKeys
        return Array(try encoder.encode(body))
    }
}
