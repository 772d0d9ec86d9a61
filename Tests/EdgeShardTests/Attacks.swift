import DICOM
import Foundation

@testable import EdgeShard

extension Attack {
    static let all = onTimestamps + onManifests + onChains + onEnvelopes + onObjects + onContent + onSubscriptions

    private static let html = Array("<html><body>Sign in to the guest network</body></html>".utf8)

    // MARK: Timestamps

    private static let onTimestamps = [
        Attack("rollback: an older timestamp", .rollback) { forge in
            let digest = Digest.of(try forge.bytes(Layout.manifest("north", 1)))
            try forge.signTimestamp {
                $0.generation = 1
                $0.manifest = digest
            }
        },
        Attack("freeze: an expired timestamp", .expired) { forge in
            let now = forge.now
            try forge.signTimestamp { $0.expires = now - 1 }
        },
        Attack("a timestamp by a stranger", .unknownKey) { try $0.signTimestamp(by: $0.stranger) { _ in } },
        Attack("a stranger's signature under the publisher's key id", .badSignature) { forge in
            let genuine = try forge.bytes(forge.timestamp)
            try forge.signTimestamp(by: forge.stranger) { _ in }
            try forge.edit(forge.timestamp) { bytes in
                let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
                let key = genuine.split(separator: 0x0A)[1]
                bytes = Array([lines[0], key, lines[2], lines[3]].joined(separator: [0x0A]))
            }
        },
        Attack("a flipped bit in the body", .badSignature) { try $0.flip($0.timestamp, at: -3) },
        Attack("a flipped bit in the signature", .badSignature, .malformed) { try $0.flip($0.timestamp, at: 60) },
        Attack("a signature of no bytes", .badSignature) { forge in
            try forge.edit(forge.timestamp) { bytes in
                let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
                bytes = Array([lines[0], lines[1], Array("signature ".utf8)[...], lines[3]].joined(separator: [0x0A]))
            }
        },
        Attack("a cut timestamp", .malformed) { try $0.edit($0.timestamp) { $0.removeLast($0.count - 40) } },
        Attack("an empty timestamp", .malformed) { try $0.write([], to: $0.timestamp) },
        Attack("a page of a guest network", .malformed) { try $0.write(html, to: $0.timestamp) },
        Attack("endless data", .tooLarge) {
            try $0.edit($0.timestamp) { $0 += [UInt8](repeating: 32, count: 1 << 20) }
        },
        Attack("another shard's timestamp", .wrongShard) { try $0.signTimestamp { $0.shard = "south" } },
        Attack("a timestamp of next year", .notYet) { forge in
            let now = forge.now
            try forge.signTimestamp { $0.created = now + 366 * 86_400 }
        },
        Attack("a later format", .formatTooNew) { forge in
            try forge.edit(forge.timestamp) { $0[Array("concord timestamp ".utf8).count] = 0x32 }
        },
        Attack("a manifest for a timestamp", .malformed) { forge in
            let manifest = try forge.manifestBody()
            try forge.write(try SignedDocument(.manifest, manifest, signedBy: forge.key).bytes, to: forge.timestamp)
        },
        Attack("a manifest's signature under a timestamp's title", .malformed, .badSignature, .tooLarge) { forge in
            let manifest = try forge.bytes(forge.manifest)
            try forge.write(
                Array("concord timestamp 1".utf8) + manifest.dropFirst(Array("concord manifest 1".utf8).count),
                to: forge.timestamp)
        },
        Attack("JSON that is not canonical, signed", .malformed, byKeyHolder: true) { forge in
            struct Extended: Codable {
                var shard, epoch, generation, manifest, created, expires, extra: String
            }
            let extended = Extended(
                shard: "north", epoch: "1", generation: "3", manifest: "", created: "0", expires: "0", extra: "")
            try forge.write(try SignedDocument(.timestamp, extended, signedBy: forge.key).bytes, to: forge.timestamp)
        },
        Attack("an earlier epoch", .rollback, byKeyHolder: true) { try $0.signTimestamp { $0.epoch = 0 } },
        Attack("fast-forward by a stranger", .unknownKey) { forge in
            try forge.signTimestamp(by: forge.stranger) { $0.generation = 1_000_000 }
        },
        Attack("fast-forward without a manifest", .notFound) { try $0.signTimestamp { $0.generation = 1_000_000 } },
        Attack("fast-forward to a manifest of another generation", .malformed) { forge in
            try forge.write(try forge.bytes(forge.manifest), to: Layout.manifest("north", 1_000_000))
            try forge.signTimestamp { $0.generation = 1_000_000 }
        },
        Attack("a generation below zero", .rollback) { try $0.signTimestamp { $0.generation = -1 } },
        Attack("no timestamp", .notFound) { try $0.remove($0.timestamp) },
    ]

    // MARK: Manifests

    private static let onManifests = [
        Attack("no manifest", .notFound) { try $0.remove($0.manifest) },
        Attack("a flipped bit in the manifest", .wrongHash) { try $0.flip($0.manifest) },
        Attack("mix and match: the manifest of another generation", .wrongHash) { forge in
            try forge.write(try forge.bytes(Layout.manifest("north", 2)), to: forge.manifest)
        },
        Attack("an endless manifest", .tooLarge) {
            try $0.edit($0.manifest) { $0 += [UInt8](repeating: 32, count: 2 << 20) }
        },
        Attack("a page of a guest network for the manifest", .wrongHash, .malformed) {
            try $0.write(html, to: $0.manifest)
        },
        Attack("a manifest by a stranger that the timestamp names", .unknownKey) {
            try $0.signManifest(by: $0.stranger) { _ in }
        },
        Attack("another shard's manifest", .wrongShard) { try $0.signManifest { $0.shard = "south" } },
        Attack("a manifest of another generation than its name", .malformed) {
            try $0.signManifest { $0.generation = 4 }
        },
        Attack("an expired manifest", .expired) { forge in
            let now = forge.now
            try forge.signManifest { $0.expires = now }
        },
        Attack("a manifest of next year", .notYet) { forge in
            let now = forge.now
            try forge.signManifest { $0.created = now + 366 * 86_400 }
        },
        Attack("another schema", .schemaDiffers) { try $0.signManifest { $0.schema = Digest.of([1]) } },
        Attack("another feature version", .schemaDiffers) { try $0.signManifest { $0.feature += 1 } },
        Attack("a snapshot of the future", .malformed) { try $0.signManifest { $0.snapshot.generation = 9 } },
        Attack("a delta that leads nowhere", .malformed) { try $0.signManifest { $0.deltas[0].from = 3 } },
    ]

    // MARK: Chains

    private static let onChains = [
        Attack("equivocation: another manifest of the accepted generation", .equivocation, site: 3) {
            try $0.signManifest { $0.basis = [] }
        },
        Attack("equivocation: a chain from another manifest of the accepted generation", .equivocation) {
            try $0.signManifest { manifest in
                for position in manifest.deltas.indices { manifest.deltas[position].base = Digest.of([2]) }
            }
        },
        Attack("a chain that ends before what was accepted", .malformed) { try $0.signManifest { $0.deltas = [] } },
        Attack("an ancestor that was changed", .wrongHash, site: 1) { forge in
            try forge.signManifest { $0.deltas.removeAll { $0.from < 2 } }
            try forge.flip(Layout.manifest("north", 2))
        },
        Attack("an ancestor that is missing before its time", .notFound, site: 1) { forge in
            try forge.signManifest { $0.deltas.removeAll { $0.from < 2 } }
            try forge.remove(Layout.manifest("north", 2))
        },
    ]

    // MARK: Envelopes

    private static let onEnvelopes = [
        Attack("no envelope", .notFound) { try $0.remove(Layout.object(try $0.delta().envelope)) },
        Attack("a flipped bit in the envelope", .wrongHash) { try $0.flip(Layout.object(try $0.delta().envelope)) },
        Attack("a longer envelope", .tooLarge) { try $0.edit(Layout.object(try $0.delta().envelope)) { $0.append(0) } },
        Attack("an envelope of another object", .malformed, byKeyHolder: true) { forge in
            var object = try forge.delta()
            let other = try forge.manifestBody().snapshot.object
            (object.envelope, object.envelopeLength) = (other.envelope, other.envelopeLength)
            try forge.signDelta(object)
        },
        Attack("an envelope for another site", .notForThisSite, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([1], for: try SiteKey().publicKey))
        },
        Attack("a key that was wrapped for another shard", .cannotDecrypt, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([1], shard: "south"))
        },
        Attack("a key that was wrapped for another generation", .cannotDecrypt, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([1], generation: 2))
        },
        Attack("an envelope of a gigabyte", .tooLarge, byKeyHolder: true) { forge in
            var object = try forge.delta()
            object.envelopeLength = 1 << 30
            try forge.signDelta(object)
        },
        Attack("an envelope that is none, signed", .malformed, byKeyHolder: true) { forge in
            var object = try forge.delta()
            object.envelope = try forge.store(html)
            object.envelopeLength = html.count
            try forge.signDelta(object)
        },
    ]

    // MARK: Objects

    private static let onObjects = [
        Attack("no object", .notFound) { try $0.remove(Layout.object(try $0.delta().digest)) },
        Attack("a flipped bit at an object's beginning", .wrongHash) {
            try $0.flip(Layout.object(try $0.delta().digest), at: 0)
        },
        Attack("a flipped bit at an object's end", .wrongHash) { try $0.flip(Layout.object(try $0.delta().digest)) },
        Attack("a cut object", .transfer) { try $0.edit(Layout.object(try $0.delta().digest)) { $0.removeLast() } },
        Attack("a longer object", .transfer) { try $0.edit(Layout.object(try $0.delta().digest)) { $0.append(0) } },
        Attack("a page of a guest network for an object", .transfer) {
            try $0.write(html, to: Layout.object(try $0.delta().digest))
        },
        Attack("an object's last chunk left out, signed", .cannotDecrypt, byKeyHolder: true) { forge in
            try forge.signDelta(
                try forge.seal(noise(200_000), spoil: { Array($0.prefix(ChunkCipher.chunk + ChunkCipher.tag)) }))
        },
        Attack("an object's chunks exchanged, signed", .cannotDecrypt, byKeyHolder: true) { forge in
            let size = ChunkCipher.chunk + ChunkCipher.tag
            try forge.signDelta(
                try forge.seal(
                    noise(300_000), spoil: { Array($0[size..<2 * size] + $0[0..<size] + $0.dropFirst(2 * size)) }))
        },
        Attack("a decompression bomb", .tooLarge, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([UInt8](repeating: 0, count: 8 << 20), contentLength: 1_000))
        },
        Attack("less content than announced", .malformed, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([1, 2, 3], contentLength: 4))
        },
    ]

    /// What does not compress.
    private static func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    // MARK: Content

    private static let onContent = [
        Attack("another content root", .wrongContent, byKeyHolder: true) {
            try $0.signManifest { $0.content = Digest.of([3]) }
        },
        Attack("a patchset that changes nothing", .wrongContent, byKeyHolder: true) { forge in
            try forge.signDelta(try forge.seal([]))
        },
        Attack("a snapshot that is no SQLite file", .wrongContent, byKeyHolder: true) { forge in
            let object = try forge.seal(noise(10_000))
            try forge.signManifest { manifest in
                for position in manifest.deltas.indices { manifest.deltas[position].object = nil }
                manifest.snapshot = Manifest.Snapshot(generation: 3, object: object)
            }
        },
        Attack("a snapshot with a trigger of its own", .schemaDiffers, byKeyHolder: true) { forge in
            let file = forge.root + "/trojan.sqlite"
            let database = try SQLiteDatabase(path: file, .workingCopy(creating: true))
            try ShardSchema.create(database)
            try database.execute(SQL.shardIndexes)
            try database.execute(
                "CREATE TRIGGER t AFTER INSERT ON study BEGIN DELETE FROM observation; END; PRAGMA user_version = 1")
            let object = try forge.seal(Array(try Data(contentsOf: URL(fileURLWithPath: file))))
            try forge.signManifest { manifest in
                for position in manifest.deltas.indices { manifest.deltas[position].object = nil }
                manifest.snapshot = Manifest.Snapshot(generation: 3, object: object)
            }
        },
    ]

    // MARK: Subscriptions

    private static let onSubscriptions = [
        Attack("a subscription by a stranger", .unknownKey) { try $0.signSubscription(by: $0.stranger) { _ in } },
        Attack("an older subscription", .rollback) { try $0.signSubscription { $0.created -= 86_400 } },
        Attack("another site's subscription", .malformed) { try $0.signSubscription { $0.site = "south-1" } },
        Attack("an expired subscription", .expired) { forge in
            let now = forge.now
            try forge.signSubscription { $0.expires = now }
        },
        Attack("a shard whose name is a path", .malformed) {
            try $0.signSubscription { $0.shards = ["../../../tmp/north"] }
        },
        Attack("no subscription", .notFound) { try $0.remove($0.subscription) },
    ]
}
