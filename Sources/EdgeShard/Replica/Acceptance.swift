/// The newest generation whose every check has passed, as a site remembers it. It only grows.
package struct AcceptedGeneration: Sendable, Hashable, Codable {
    package var epoch: Int
    package var generation: Int
    package var manifest: Digest
    /// The newest moment that a publisher has signed, in seconds since 1970: time does not go back behind it.
    package var signed: Int

    func isBefore(_ other: AcceptedGeneration) -> Bool {
        (epoch, generation, signed) < (other.epoch, other.generation, other.signed)
    }
}

/// Decides whether what an origin shows may be believed: pure, so that every attack on it can be a test.
struct Acceptance: Sendable {
    let shard: String
    let trust: [VerifyingKey]
    /// nil: a new site.
    let accepted: AcceptedGeneration?
    /// Seconds since 1970 by this machine's clock.
    let clock: Int

    /// A clock that runs behind may see a manifest of tomorrow.
    static let tolerance = 86_400

    /// The later of this machine's clock and the newest signed time: setting the clock back unfreezes nothing.
    var now: Int { max(clock, accepted?.signed ?? 0) }

    func timestamp(_ bytes: [UInt8]) throws -> Timestamp {
        let timestamp = try SignedDocument(.timestamp, bytes: bytes).body(Timestamp.self, trusting: trust)
        try check(shard: timestamp.shard, created: timestamp.created)
        guard timestamp.expires > now else {
            throw ShardError(
                .expired,
                "shard \(shard): nothing was published lately (the timestamp has expired): ask the publisher, or for a newer copy"
            )
        }
        guard let accepted else { return timestamp }
        guard timestamp.epoch >= accepted.epoch, timestamp.generation >= accepted.generation else {
            throw ShardError(
                .rollback,
                "shard \(shard): generation \(timestamp.generation) is older than \(accepted.generation), which was accepted before"
            )
        }
        let isSame = timestamp.generation == accepted.generation
        guard !isSame || (timestamp.manifest == accepted.manifest && timestamp.epoch == accepted.epoch) else {
            throw equivocation(accepted.generation)
        }
        return timestamp
    }

    /// The manifest that the timestamp names.
    func manifest(_ bytes: [UInt8], of timestamp: Timestamp) throws -> Manifest {
        let document = try SignedDocument(.manifest, bytes: bytes)
        guard document.digest == timestamp.manifest else {
            throw ShardError(.wrongHash, "shard \(shard): the manifest is not the one that the timestamp names")
        }
        let manifest = try document.body(Manifest.self, trusting: trust)
        try check(shard: manifest.shard, created: manifest.created)
        guard manifest.epoch == timestamp.epoch, manifest.generation == timestamp.generation else {
            throw ShardError(
                .malformed, "shard \(shard): the manifest is of another generation than the timestamp says")
        }
        guard manifest.expires > now else {
            throw ShardError(.expired, "shard \(shard): generation \(manifest.generation) has expired")
        }
        guard manifest.feature == ShardSchema.feature, manifest.schema == (try ShardSchema.digest.get()) else {
            throw ShardError(
                .schemaDiffers,
                "shard \(shard) was made by another version of Concord: bring this site to the publisher's version")
        }
        guard manifest.snapshot.generation <= manifest.generation, manifest.generation > 0,
            manifest.deltas.allSatisfy({ $0.from < manifest.generation })
        else { throw ShardError(.malformed, "shard \(shard): a manifest that contradicts itself") }
        return manifest
    }

    /// An earlier manifest of the chain, whose digest a later one has named.
    func ancestor(_ bytes: [UInt8], of delta: Manifest.Delta, in epoch: Int) throws -> Manifest {
        let document = try SignedDocument(.manifest, bytes: bytes)
        guard document.digest == delta.base else {
            throw ShardError(
                .wrongHash, "shard \(shard): the manifest of generation \(delta.from) is not the one in the chain")
        }
        let manifest = try document.uncheckedBody(Manifest.self)
        guard manifest.shard == shard, manifest.epoch == epoch, manifest.generation == delta.from else {
            throw ShardError(.malformed, "shard \(shard): a chain of manifests that contradicts itself")
        }
        return manifest
    }

    /// The generation accepted before, as the chain names it.
    func check(accepted delta: Manifest.Delta) throws {
        guard let accepted, delta.from == accepted.generation, delta.base != accepted.manifest else { return }
        throw equivocation(accepted.generation)
    }

    private func equivocation(_ generation: Int) -> ShardError {
        ShardError(
            .equivocation,
            "shard \(shard): the publisher has signed two different generations \(generation). Its key may be in other hands: "
                + "ask it, and do not remove this replica's state")
    }

    private func check(shard name: String, created: Int) throws {
        guard name == shard else {
            throw ShardError(.wrongShard, "a file of shard \(name) where \(shard) was asked for")
        }
        guard created <= now + Self.tolerance else {
            throw ShardError(
                .notYet, "shard \(shard) was signed more than a day from now: is this machine's clock right?")
        }
    }

    /// What has to be remembered once everything about `manifest` was found right.
    func acceptance(of manifest: Manifest, _ timestamp: Timestamp) -> AcceptedGeneration {
        AcceptedGeneration(
            epoch: manifest.epoch, generation: manifest.generation, manifest: timestamp.manifest,
            signed: max(accepted?.signed ?? 0, manifest.created, timestamp.created))
    }
}
