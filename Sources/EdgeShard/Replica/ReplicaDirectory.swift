import Foundation

/// A site's replica: one directory for each shard, which only its owner may enter.
///
/// `CURRENT` names the generation that is served; `<generation>/` holds its shard, the shard's checksum, manifest and timestamp,
/// and is written again only where it is damaged; `accepted` is what must not be gone behind; `incoming/` is what a sync has fetched so far.
struct ReplicaDirectory: Sendable {
    static let kept = 3

    let root: String
    let shard: String

    var path: String { "\(root)/\(shard)" }
    var incoming: String { path + "/incoming" }
    var next: String { path + "/next" }
    private var current: String { path + "/CURRENT" }
    private var acceptedFile: String { path + "/accepted" }
    func generation(_ number: Int) -> String { "\(path)/\(number)" }

    func prepare() throws {
        try Files.makeDirectory(incoming, isPrivate: true)
        guard chmod(root, 0o700) == 0 else { throw Files.error("close to others", root) }
    }

    /// Shards that are in a replica, whole or not.
    static func shards(in root: String) -> [String] {
        Files.names(in: root).filter { Layout.isName($0) && Files.size("\(root)/\($0)/CURRENT") != nil }
    }

    // MARK: What is served

    /// nil: no generation was installed yet.
    var currentGeneration: Int? {
        Files.read(current, upTo: 64).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
    }

    /// The installed generations, the newest last.
    var generations: [Int] { Files.names(in: path).compactMap(Int.init).sorted() }

    func shardFile(_ number: Int) -> String { generation(number) + "/shard.sqlite" }

    func manifestBytes(_ number: Int) -> [UInt8]? {
        Files.read(generation(number) + "/manifest", upTo: SignedDocument.Kind.manifest.limit)
    }

    func timestampBytes(_ number: Int) -> [UInt8]? {
        Files.read(generation(number) + "/timestamp", upTo: SignedDocument.Kind.timestamp.limit)
    }

    /// Where the next generation's shard is to be made.
    func begin() throws -> String {
        Files.remove(next)
        try Files.makeDirectory(next, isPrivate: true)
        return next + "/shard.sqlite"
    }

    private func checksumFile(_ number: Int) -> String { generation(number) + "/checksum" }

    /// Whether its file is as it was installed: of indexes and trigrams, too, which the content root says nothing about.
    func isIntact(_ number: Int) -> Bool {
        guard let kept = Files.read(checksumFile(number), upTo: 64), let digest = try? Files.digest(shardFile(number))
        else { return false }
        return Array(digest.hex.utf8) == kept
    }

    /// Makes what is in `next` the generation that is served. Readers that have the one before go on with it, those of the same
    /// generation that was damaged with its file.
    func install(_ number: Int) throws {
        try Files.replace(next + "/checksum", with: Array(try Files.digest(next + "/shard.sqlite").hex.utf8))
        try Files.syncDirectory(next)
        if currentGeneration == number {
            for name in Files.names(in: next) {
                try Files.rename("\(next)/\(name)", to: "\(generation(number))/\(name)")
            }
            Files.remove(next)
        } else {
            Files.remove(generation(number))
            try Files.rename(next, to: generation(number))
        }
        try Files.replace(current, with: Array("\(number)".utf8))
        for old in generations.filter({ $0 != number }).dropLast(Self.kept - 1) { Files.remove(generation(old)) }
        Files.remove(incoming)
    }

    /// A generation that was installed, with its manifest, which may be damaged, and a newer timestamp.
    func keep(manifest: [UInt8], timestamp: [UInt8], of number: Int) throws {
        if manifestBytes(number) != manifest { try Files.replace(generation(number) + "/manifest", with: manifest) }
        if timestampBytes(number) != timestamp { try Files.replace(generation(number) + "/timestamp", with: timestamp) }
    }

    // MARK: What was accepted

    /// What must not be gone behind: the newer of what was written down and what is installed, so that neither file alone
    /// can take it back. nil: a new replica.
    func accepted(trusting trust: [VerifyingKey]) throws -> AcceptedGeneration? {
        let bytes = Files.read(acceptedFile, upTo: 4 << 10)
        let written = bytes.flatMap(Self.decode)
        let installed = generations.compactMap { self.installed($0, trusting: trust) }.last
        guard bytes == nil || written != nil || installed != nil else {
            throw ShardError(
                .malformed,
                "\(acceptedFile) is damaged, and no generation is installed that could replace it: remove \(path)")
        }
        guard let written else { return installed }
        guard let installed, written.isBefore(installed) else { return written }
        return installed
    }

    func accept(_ accepted: AcceptedGeneration) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = Array(try encoder.encode(accepted))
        try Files.replace(acceptedFile, with: Array("\(Digest.of(json).hex)\n".utf8) + json)
    }

    private static func decode(_ bytes: [UInt8]) -> AcceptedGeneration? {
        let parts = bytes.split(separator: 0x0A, maxSplits: 1)
        guard parts.count == 2, Digest(hex: String(decoding: parts[0], as: UTF8.self)) == Digest.of(Array(parts[1]))
        else { return nil }
        return try? JSONDecoder().decode(AcceptedGeneration.self, from: Data(parts[1]))
    }

    private func installed(_ number: Int, trusting trust: [VerifyingKey]) -> AcceptedGeneration? {
        guard let bytes = manifestBytes(number), let document = try? SignedDocument(.manifest, bytes: bytes),
            let manifest = try? document.body(Manifest.self, trusting: trust), manifest.generation == number,
            manifest.shard == shard
        else { return nil }
        return AcceptedGeneration(
            epoch: manifest.epoch, generation: number, manifest: document.digest, signed: manifest.created)
    }
}
