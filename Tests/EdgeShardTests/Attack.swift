import Foundation

@testable import EdgeShard

/// Something that is done to what a site fetches, and how it is refused.
struct Attack: Sendable, CustomStringConvertible {
    let description: String
    let codes: Set<ShardError.Code>
    /// The generation that the site has, of three.
    var site = 2
    /// Whether it takes the publisher's own key: then what was accepted may be the forgery, and is to be looked into.
    var isByKeyHolder = false
    let change: @Sendable (Forge) throws -> Void

    init(
        _ description: String, _ codes: ShardError.Code..., site: Int = 2, byKeyHolder: Bool = false,
        change: @escaping @Sendable (Forge) throws -> Void
    ) {
        self.description = description
        self.codes = Set(codes)
        self.site = site
        isByKeyHolder = byKeyHolder
        self.change = change
    }
}

/// Three published generations, and replicas at the first and second, made once and copied for each attack.
struct AttackedShard: Sendable {
    static let made: Result<AttackedShard, any Error> = Result { try AttackedShard() }

    let root: String
    let signingKey: SigningKey
    let siteKey: SiteKey
    let now: Int

    private init() throws {
        let published = try Published()
        try published.publish(ShardStudy.samples(0..<400))
        for generation in 2...3 {
            published.night()
            try published.publish(ShardStudy.samples(400 + generation..<401 + generation))
        }
        root = published.root + "-attacked"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: published.output, toPath: root + "/out")
        signingKey = published.signingKey
        siteKey = published.siteKey
        now = published.now
    }
}

/// What an attacker has: the published files, and whatever keys an attack says.
final class Forge {
    let root: String
    let key: SigningKey
    let siteKey: SiteKey
    let stranger: SigningKey
    let now: Int

    init(_ base: AttackedShard) throws {
        root = FileManager.default.temporaryDirectory.appending(path: "concord-attack-\(UUID().uuidString)").path
        key = base.signingKey
        siteKey = base.siteKey
        stranger = try SigningKey()
        now = base.now
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: base.root + "/out", toPath: output)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    var output: String { root + "/out" }
    let timestamp = Layout.timestamp("north")
    let manifest = Layout.manifest("north", 3)
    let subscription = Layout.subscription("north-1")

    // MARK: Bytes

    func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(path)")))
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(output)/\(path)"))
    }

    func edit(_ path: String, _ change: (inout [UInt8]) throws -> Void) throws {
        var bytes = try bytes(path)
        try change(&bytes)
        try write(bytes, to: path)
    }

    func flip(_ path: String, at position: Int = -1) throws {
        try edit(path) { $0[position < 0 ? $0.count + position : position] ^= 1 }
    }

    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: "\(output)/\(path)") }

    /// Stores it as an object.
    func store(_ bytes: [UInt8]) throws -> Digest {
        let digest = Digest.of(bytes)
        try write(bytes, to: Layout.object(digest))
        return digest
    }

    // MARK: Documents

    func body<Body: Codable>(_ kind: SignedDocument.Kind, _ type: Body.Type, at path: String) throws -> Body {
        try SignedDocument(kind, bytes: try bytes(path)).uncheckedBody(type)
    }

    func manifestBody(_ generation: Int = 3) throws -> Manifest {
        try body(.manifest, Manifest.self, at: Layout.manifest("north", generation))
    }

    /// The delta from the second to the third generation, which is also what the chain goes by.
    func delta() throws -> Manifest.Object {
        guard let object = try manifestBody().deltas.first(where: { $0.from == 2 })?.object else {
            throw ShardError(.notFound, "no delta")
        }
        return object
    }

    func signTimestamp(by signer: SigningKey? = nil, _ change: (inout Timestamp) -> Void) throws {
        var body = try body(.timestamp, Timestamp.self, at: timestamp)
        change(&body)
        try write(try SignedDocument(.timestamp, body, signedBy: signer ?? key).bytes, to: timestamp)
    }

    /// Signs another manifest of the third generation, and the timestamp that names it.
    func signManifest(by signer: SigningKey? = nil, _ change: (inout Manifest) throws -> Void) throws {
        var body = try manifestBody()
        try change(&body)
        let document = try SignedDocument(.manifest, body, signedBy: signer ?? key)
        try write(document.bytes, to: manifest)
        try signTimestamp {
            $0.manifest = document.digest
            $0.epoch = body.epoch
        }
    }

    func signSubscription(by signer: SigningKey? = nil, _ change: (inout Subscription) -> Void) throws {
        var body = try body(.subscription, Subscription.self, at: subscription)
        change(&body)
        try write(try SignedDocument(.subscription, body, signedBy: signer ?? key).bytes, to: subscription)
    }

    /// Signs a manifest whose deltas have this object instead.
    func signDelta(_ object: Manifest.Object) throws {
        try signManifest { manifest in
            for position in manifest.deltas.indices { manifest.deltas[position].object = object }
        }
    }

    /// An object of this content, sealed for a site as of a shard and generation, and perhaps spoiled between.
    func seal(
        _ content: [UInt8], shard: String = "north", generation: Int = 3, for site: SitePublicKey? = nil,
        contentLength: Int? = nil, spoil: ([UInt8]) -> [UInt8] = { $0 }
    ) throws -> Manifest.Object {
        let file = root + "/sealed"
        let sealer = try ObjectSealer(level: LZ4Compressor.quick, to: try OutputFile(file).write)
        try content.withUnsafeBytes(sealer.write)
        let sealed = try sealer.finish()
        let bytes = spoil(Array(try Data(contentsOf: URL(fileURLWithPath: file))))
        var hasher = PieceHasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        let object = SealedObject(
            digest: try store(bytes), length: bytes.count, contentLength: contentLength ?? sealed.contentLength,
            pieces: hasher.finish(), key: sealed.key)
        let envelope = try Envelope(
            object, shard: shard, generation: generation, sites: [site ?? siteKey.publicKey]
        ).bytes
        return Manifest.Object(
            digest: object.digest, length: object.length, contentLength: object.contentLength,
            envelope: try store(envelope), envelopeLength: envelope.count)
    }
}
