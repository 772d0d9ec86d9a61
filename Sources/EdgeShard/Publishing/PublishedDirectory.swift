import Foundation

/// The directory that a web server serves: immutable objects and manifests, timestamps and subscriptions.
package final class PublishedDirectory: Sendable {
    private let path: String
    private let now: Int
    private let lock: FileLock

    /// - Parameter now: seconds since 1970.
    package init(_ path: String, now: Int) throws {
        self.path = path
        self.now = now
        try Files.makeDirectory(path + "/objects", isPrivate: false)
        try Files.makeDirectory(path + "/sites", isPrivate: false)
        lock = try FileLock(path + "/.lock", whoElse: "another publisher")
    }

    // MARK: Objects

    /// Seals what `body` writes, and names it by its digest.
    func seal(
        level: Int32, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> SealedObject {
        let temporary = path + "/objects/.new"
        let output = try OutputFile(temporary)
        let sealer = try ObjectSealer(level: level, to: output.write)
        try body(sealer.write)
        let object = try sealer.finish()
        try keep(output, temporary, as: object.digest)
        return object
    }

    /// Seals the rows of a shard by bucket. Returns their digest and length, and the table that opens them.
    func sealRows(of shard: SQLiteDatabase) throws -> (digest: Digest, length: Int, table: [UInt8]) {
        let temporary = path + "/objects/.new"
        let output = try OutputFile(temporary)
        let sealer = try BucketRowsSealer(to: output)
        try BucketRows.each(of: shard, sealer.seal)
        let rows = sealer.finish()
        try keep(output, temporary, as: rows.digest)
        return rows
    }

    /// Writes the envelope of a sealed object.
    func envelope(
        _ object: SealedObject, _ shard: String, _ generation: Int, _ sites: [SitePublicKey]
    ) throws -> Manifest.Object {
        let bytes = try Envelope(object, shard: shard, generation: generation, sites: sites).bytes
        let digest = Digest.of(bytes)
        let temporary = path + "/objects/.new"
        let output = try OutputFile(temporary)
        try bytes.withUnsafeBytes(output.write)
        try keep(output, temporary, as: digest)
        return Manifest.Object(
            digest: object.digest, length: object.length, contentLength: object.contentLength, envelope: digest,
            envelopeLength: bytes.count)
    }

    private func keep(_ output: OutputFile, _ temporary: String, as digest: Digest) throws {
        try output.allowReading()
        try output.sync()
        try Files.rename(temporary, to: "\(path)/\(Layout.object(digest))")
    }

    // MARK: Documents

    /// Makes a manifest visible, and then the timestamp that names it. Does nothing where both are out already and good.
    func finish(_ manifest: [UInt8], as timestamp: (SignedDocument) throws -> SignedDocument) throws {
        let document = try SignedDocument(.manifest, bytes: manifest)
        let body = try document.uncheckedBody(Manifest.self)
        try Files.makeDirectory("\(path)/\(body.shard)", isPrivate: false)
        try write(manifest, to: Layout.manifest(body.shard, body.generation))
        try write(try timestamp(document).bytes, to: Layout.timestamp(body.shard))
    }

    /// Says which shards a site subscribes to.
    package func publish(_ subscription: Subscription, signedBy key: SigningKey) throws {
        try write(
            try SignedDocument(.subscription, subscription, signedBy: key).bytes,
            to: Layout.subscription(subscription.site))
    }

    private func write(_ bytes: [UInt8], to relative: String) throws {
        let file = "\(path)/\(relative)"
        try Files.replace(file, with: bytes)
        try OutputFile(file, appending: true).allowReading()
    }

    /// nil: nothing of this shard is out.
    func lastTimestamp(of shard: String) throws -> Timestamp? {
        guard let bytes = Files.read("\(path)/\(Layout.timestamp(shard))", upTo: SignedDocument.Kind.timestamp.limit)
        else { return nil }
        return try SignedDocument(.timestamp, bytes: bytes).uncheckedBody(Timestamp.self)
    }

    // MARK: Retention

    /// Removes manifests that have expired, and objects that no manifest names any more. Where one cannot be read, or a shard
    /// has no timestamp yet, nothing is removed; nor must it be called while a publication is not finished, whose manifest is
    /// not out yet.
    package func removeExpired() throws -> Int {
        var named: Set<String> = []
        for shard in Files.names(in: path) where Layout.isName(shard) {
            guard let newest = try lastTimestamp(of: shard) else { return 0 }
            for name in Files.names(in: "\(path)/\(shard)") where name.hasPrefix("manifest-") {
                let file = "\(path)/\(shard)/\(name)"
                guard let bytes = Files.read(file, upTo: SignedDocument.Kind.manifest.limit),
                    let manifest = try? SignedDocument(.manifest, bytes: bytes).uncheckedBody(Manifest.self)
                else { return 0 }
                if manifest.expires < now, manifest.generation != newest.generation {
                    Files.remove(file)
                    continue
                }
                named.formUnion(manifest.objects.map(\.hex))
            }
        }
        let unnamed = Files.names(in: path + "/objects").filter { !named.contains($0) }
        for name in unnamed { Files.remove("\(path)/objects/\(name)") }
        return unnamed.count
    }
}
