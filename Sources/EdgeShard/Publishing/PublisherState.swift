import Foundation

/// What a publisher keeps of a shard between two nights, beside the shard itself. Written with each generation and committed
/// with it.
struct PublisherState: Codable {
    var epoch: Int
    var generation: Int
    var keys: ShardWriter.NextKeys
    /// How far the index's change feed was read, and of which database.
    var horizon: String
    var origin: String
    var created: Int
    /// Of this epoch, the newest last: what deltas may start from.
    var manifests: [Published]
    var snapshot: KeptSnapshot

    struct Published: Codable {
        var generation: Int
        var digest: Digest
    }

    struct KeptSnapshot: Codable {
        var generation: Int
        var file: KeptObject
        var rows: Digest
        var rowsLength: Int
        var table: KeptObject
        /// Fingerprints of those that it is sealed for.
        var sites: [String]
    }

    /// An object, and what opens it for a site that comes later.
    struct KeptObject: Codable {
        var object: Manifest.Object
        var key: String
        /// What its envelope holds beside keys.
        var pieces: [Digest]
    }
}

extension PublisherState.KeptSnapshot {
    var manifest: Manifest.Snapshot {
        Manifest.Snapshot(
            generation: generation, object: file.object,
            rows: Manifest.BucketRows(digest: rows, length: rowsLength, table: table.object))
    }
}

extension PublisherState.KeptObject {
    var sealed: SealedObject {
        SealedObject(
            digest: object.digest, length: object.length, contentLength: object.contentLength, pieces: pieces,
            key: [UInt8](hex: key) ?? [])
    }
}

/// A publisher's own directory of one shard: `CURRENT` names the generation, `<generation>/` holds the shard, its state and
/// its manifest, `patchsets/` the nights before. What is in it is plain: nobody else may enter.
struct PublisherDirectory {
    let path: String

    init(_ path: String) throws {
        self.path = path
        try Files.makeDirectory(path + "/patchsets", isPrivate: true)
    }

    private var current: String { path + "/CURRENT" }
    /// Where the next generation is made.
    var next: String { path + "/next" }
    func generation(_ number: Int) -> String { "\(path)/\(number)" }
    func patchset(_ number: Int) -> String { "\(path)/patchsets/\(number)" }

    /// nil: nothing was published from here.
    func load() throws -> (state: PublisherState, manifest: [UInt8], shard: String)? {
        guard let bytes = Files.read(current, upTo: 64) else { return nil }
        let name = String(decoding: bytes, as: UTF8.self)
        guard let number = Int(name), let json = Files.read(generation(number) + "/state.json", upTo: 16 << 20),
            let manifest = Files.read(generation(number) + "/manifest", upTo: SignedDocument.Kind.manifest.limit),
            let state = try? JSONDecoder().decode(PublisherState.self, from: Data(json)), state.generation == number
        else {
            throw ShardError(
                .malformed,
                "\(path) is damaged: remove it, and the next publication begins a new epoch with a whole snapshot")
        }
        return (state, manifest, generation(number) + "/shard.sqlite")
    }

    func begin() throws {
        Files.remove(next)
        try Files.makeDirectory(next, isPrivate: true)
    }

    /// Makes what is in `next` the current generation; what only older ones need is dropped.
    func commit(_ state: PublisherState, manifest: [UInt8], patchset: [UInt8]?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try Files.replace(next + "/state.json", with: Array(try encoder.encode(state)))
        try Files.replace(next + "/manifest", with: manifest)
        try Files.sync(next + "/shard.sqlite")
        if let patchset { try Files.replace(self.patchset(state.generation), with: patchset) }
        // From a run that was killed before it could say so.
        Files.remove(generation(state.generation))
        try Files.rename(next, to: generation(state.generation))
        try Files.replace(current, with: Array("\(state.generation)".utf8))
        for name in Files.names(in: path) where Int(name) != nil && Int(name) != state.generation {
            Files.remove("\(path)/\(name)")
        }
        let oldest = state.manifests.first?.generation ?? state.generation
        for name in Files.names(in: path + "/patchsets") where (Int(name) ?? 0) <= oldest {
            Files.remove("\(path)/patchsets/\(name)")
        }
    }
}
