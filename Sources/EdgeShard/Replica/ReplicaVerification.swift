import Foundation

/// Whether what a replica serves is what its publisher has signed.
package struct ReplicaVerification: Sendable {
    package let shard: String
    package let generation: Int?
    /// nil: its manifest is not to be believed.
    package let manifest: Manifest?
    /// nil: nothing is wrong.
    package let error: ShardError?
    /// Seconds since 1970 until which it counts as fresh.
    package let expires: Int

    /// Reads every row of every shard.
    package static func of(_ root: String, trusting trust: [VerifyingKey]) throws -> [ReplicaVerification] {
        let shards = ReplicaDirectory.shards(in: root)
        guard !shards.isEmpty else {
            throw ShardError(.notReplicated, "\(root) holds no shard: `concord edge sync` fetches them")
        }
        return shards.map { verify(ReplicaDirectory(root: root, shard: $0), trust) }
    }

    private static func verify(_ directory: ReplicaDirectory, _ trust: [VerifyingKey]) -> ReplicaVerification {
        let generation = directory.currentGeneration
        var manifest: Manifest?
        var expires = 0
        do {
            guard let generation, let bytes = directory.manifestBytes(generation),
                let timestampBytes = directory.timestampBytes(generation)
            else {
                throw ShardError(.notReplicated, "shard \(directory.shard): CURRENT names no generation that is there")
            }
            let document = try SignedDocument(.manifest, bytes: bytes)
            let body = try document.body(Manifest.self, trusting: trust)
            manifest = body
            let timestamp = try SignedDocument(.timestamp, bytes: timestampBytes).body(Timestamp.self, trusting: trust)
            guard timestamp.manifest == document.digest, body.shard == directory.shard, body.generation == generation
            else { throw ShardError(.malformed, "shard \(directory.shard): its files do not belong together") }
            expires = timestamp.expires
            if let accepted = try directory.accepted(trusting: trust), accepted.generation < generation {
                throw ShardError(.malformed, "shard \(directory.shard): more is installed than was accepted")
            }
            try ShardFile.check(directory.shardFile(generation), against: body)
            guard directory.isIntact(generation) else {
                throw ShardError(
                    .wrongContent,
                    "shard \(directory.shard): the rows are as published, but the file is damaged: `concord edge sync` repairs it"
                )
            }
            return ReplicaVerification(
                shard: directory.shard, generation: generation, manifest: body, error: nil, expires: expires)
        } catch let error as ShardError {
            return ReplicaVerification(
                shard: directory.shard, generation: generation, manifest: manifest, error: error, expires: expires)
        } catch {
            return ReplicaVerification(
                shard: directory.shard, generation: generation, manifest: manifest,
                error: ShardError(.file, "shard \(directory.shard) cannot be read"), expires: expires)
        }
    }
}
