import DICOM
import Foundation

/// What a shard holds: these sources, and how far back.
package struct ShardScope: Sendable, Hashable {
    package var name: String
    package var sources: [String]
    /// Studies before it stay out; nil: of any age.
    package var cutoff: DICOMDate?

    package init(name: String, sources: [String], cutoff: DICOMDate? = nil) {
        self.name = name
        self.sources = sources
        self.cutoff = cutoff
    }
}

/// One consistent reading of the index for a shard.
package struct ShardCut: Sendable {
    package var sources: [ShardSource]
    package var basis: [Manifest.Basis]
    /// API keys that are good at the sites.
    package var keys: [Manifest.Key]
    /// Where the next reading of the change feed begins, and which database's feed it is.
    package var horizon: String
    package var origin: String
    /// Whether `studies` are all of the scope; otherwise those that changed since the horizon before.
    package var isWhole: Bool

    package init(
        sources: [ShardSource], basis: [Manifest.Basis] = [], keys: [Manifest.Key] = [], horizon: String,
        origin: String, isWhole: Bool
    ) {
        self.sources = sources
        self.basis = basis
        self.keys = keys
        self.horizon = horizon
        self.origin = origin
        self.isWhole = isWhole
    }
}

/// Publishes generations of one shard into a directory that any web server can serve (FORMAT.md).
///
/// What is published is the file that results from applying the published patchset, and its content root is compared with
/// that of the file that was edited: what sites will compute was computed here. A killed publisher leaves the old generation
/// or the new one.
package struct ShardPublisher: Sendable {
    package let scope: ShardScope
    private let directory: PublisherDirectory
    private let output: PublishedDirectory
    private let signingKey: SigningKey
    private let sites: [SitePublicKey]
    /// Sources whose mass disappearance a person has looked at.
    private let acceptedDeletes: Set<String>
    /// How long a timestamp is good.
    private let freshFor: Duration
    /// Seconds since 1970.
    private let now: Int

    /// How long a manifest is good, and all that it names is kept.
    package static let retention = 35 * 86_400
    /// Nights that one delta spans.
    private static let spans = [1, 7, 30]

    package init(
        _ scope: ShardScope, state: String, output: PublishedDirectory, signingKey: SigningKey,
        sites: [SitePublicKey], acceptedDeletes: Set<String> = [], freshFor: Duration, now: Int
    ) throws {
        self.scope = scope
        self.output = output
        self.signingKey = signingKey
        self.sites = sites
        self.acceptedDeletes = acceptedDeletes
        self.freshFor = freshFor
        self.now = now
        directory = try PublisherDirectory(state)
    }

    /// Where the change feed was read up to, of the database of this origin; nil: everything has to be read.
    package func horizon(of origin: String) throws -> String? {
        guard let state = try previous()?.state, state.origin == origin else { return nil }
        return state.horizon
    }

    package struct Report: Sendable {
        package var manifest: Manifest
        package var inserted = 0
        package var updated = 0
        package var deleted = 0
        /// Bytes of the delta of this night, sealed; nil: there is none.
        package var deltaBytes: Int?
        package var madeSnapshot = false
    }

    /// The next generation's rows, made and not published yet.
    package struct Draft: Sendable {
        fileprivate let cut: ShardCut
        fileprivate let changes: ShardWriter.Changes
        fileprivate let keys: ShardWriter.NextKeys
        /// nil: the first generation.
        fileprivate let patchset: [UInt8]?
    }

    /// Makes the next generation of what `studies` hands over. All that needs the index is over when it returns.
    package func draft(_ cut: ShardCut, studies: ((ShardStudy) throws -> Void) throws -> Void) throws -> Draft {
        if let last = try directory.load(), try manifest(last.manifest).created > now {
            throw ShardError(
                .notYet, "shard \(scope.name) was published at a later time than this machine's clock shows")
        }
        let previous = try previous()
        guard previous != nil || cut.isWhole else {
            throw ShardError(.notPublished, "the first generation of a shard needs all of its studies")
        }
        try directory.begin()
        if let previous { return try edit(previous.shard, previous.state.keys, cut, studies) }
        return try build(cut, studies)
    }

    /// Publishes it.
    package func publish(_ draft: Draft) throws -> Report {
        if let last = try directory.load() { try output.finish(last.manifest, as: timestamp(for:)) }
        let previous = try previous()
        let content = try contentOfNext(applying: draft.patchset, to: previous?.shard)
        return try seal(draft, content, after: previous?.state)
    }

    // MARK: Rows

    private var shardFile: String { directory.next + "/shard.sqlite" }
    private var workFile: String { directory.next + "/work.sqlite" }

    private func build(_ cut: ShardCut, _ studies: ((ShardStudy) throws -> Void) throws -> Void) throws -> Draft {
        let database = try SQLiteDatabase(path: shardFile, .workingCopy(creating: true))
        try ShardSchema.create(database)
        let writer = writer(database, cut, ShardWriter.NextKeys(), isEmpty: true)
        try database.transaction {
            try writer.writeSources()
            try studies(writer.write)
        }
        try database.execute(SQL.shardIndexes)
        return Draft(cut: cut, changes: writer.changes, keys: writer.keys, patchset: nil)
    }

    private func edit(
        _ shard: String, _ keys: ShardWriter.NextKeys, _ cut: ShardCut,
        _ studies: ((ShardStudy) throws -> Void) throws -> Void
    ) throws -> Draft {
        try Files.copy(shard, to: workFile)
        let database = try SQLiteDatabase(path: workFile, .workingCopy(creating: false))
        let held = try copiesBySource(database)
        let writer = writer(database, cut, keys, isEmpty: false)
        let session = try PatchsetSession(database)
        try database.transaction {
            try writer.writeSources()
            var seen: Set<String> = []
            try studies { study in
                if cut.isWhole { seen.insert(study.uid.storable) }
                try writer.write(study)
            }
            if cut.isWhole { try writer.removeAllBut(seen.contains) }
            try writer.removeAged()
            try refuseMassDelete(writer.changes.lost, held: held, cut.sources)
        }
        return Draft(cut: cut, changes: writer.changes, keys: writer.keys, patchset: try session.patchset())
    }

    private func writer(
        _ database: SQLiteDatabase, _ cut: ShardCut, _ keys: ShardWriter.NextKeys, isEmpty: Bool
    ) -> ShardWriter {
        ShardWriter(
            database, sources: cut.sources, cutoff: scope.cutoff,
            today: DICOMDate(daysSince1970: now / 86_400) ?? .latest, keys: keys, isEmpty: isEmpty)
    }

    private func copiesBySource(_ database: SQLiteDatabase) throws -> [Int: Int] {
        let statement = try database.statement("SELECT source_id, count(*) FROM observation GROUP BY source_id")
        defer { statement.reset() }
        var held: [Int: Int] = [:]
        while try statement.step() { held[statement.int(0) ?? 0] = statement.int(1) }
        return held
    }

    /// More than half a percent of a source in one night: a person has to look first. A source that left the scope has not
    /// lost anything.
    private func refuseMassDelete(_ lost: [Int: Int], held: [Int: Int], _ sources: [ShardSource]) throws {
        for source in sources {
            let (gone, all) = (lost[source.id] ?? 0, held[source.id] ?? 0)
            guard gone > max(20, all / 200), !acceptedDeletes.contains(source.name) else { continue }
            throw ShardError(
                .massDelete,
                "shard \(scope.name): \(gone) of \(all) studies of \(source.name) would disappear at once; if that is right, "
                    + "publish with --accept-deletes \(source.name)")
        }
    }

    /// The file that sites will have, and what is in it.
    private func contentOfNext(applying patchset: [UInt8]?, to shard: String?) throws -> ContentRoot {
        guard let patchset, let shard else {
            return try ContentRoot(of: try SQLiteDatabase(path: shardFile, .immutable))
        }
        let edited = try ContentRoot(of: try SQLiteDatabase(path: workFile, .immutable))
        try Files.copy(shard, to: shardFile)
        try Patchset.apply(patchset, to: try SQLiteDatabase(path: shardFile, .workingCopy(creating: false)))
        let content = try ContentRoot(of: try SQLiteDatabase(path: shardFile, .immutable))
        guard content == edited else {
            throw ShardError(
                .wrongContent, "shard \(scope.name): the patchset does not make the generation that it was taken of")
        }
        Files.remove(workFile)
        return content
    }

    // MARK: Objects

    private func seal(_ draft: Draft, _ content: ContentRoot, after previous: PublisherState?) throws -> Report {
        let (cut, patchset) = (draft.cut, draft.patchset)
        // A publisher that has lost its state goes on above what is out there.
        let published = previous == nil ? try output.lastTimestamp(of: scope.name) : nil
        let generation = (previous?.generation ?? published?.generation ?? 0) + 1
        let epoch = previous?.epoch ?? (published?.epoch ?? 0) + 1
        let snapshot = try snapshot(generation, patchset, previous)
        let deltas = try deltas(to: generation, patchset, snapshot, previous)
        let buckets = try output.seal(level: LZ4Compressor.quick) { write in
            try content.bucketList.withUnsafeBytes(write)
        }
        let schema = try ShardSchema.digest.get()
        let manifest = Manifest(
            shard: scope.name, epoch: epoch, generation: generation, previous: previous?.manifests.last?.digest,
            created: now, expires: now + Self.retention, schema: schema, content: content.root,
            rows: Manifest.Rows(
                studies: content.studies, copies: content.observations, tombstones: content.tombstones),
            since: scope.cutoff?.da, basis: cut.basis,
            snapshot: snapshot.manifest, buckets: try output.envelope(buckets, scope.name, generation, sites),
            deltas: deltas, keys: cut.keys)
        let document = try SignedDocument(.manifest, manifest, signedBy: signingKey)
        guard document.bytes.count <= SignedDocument.Kind.manifest.limit else {
            throw ShardError(
                .tooLarge, "shard \(scope.name): the manifest would be larger than sites accept: fewer API keys?")
        }
        let oldest = min(generation - (Self.spans.max() ?? 1) + 1, snapshot.generation)
        let manifests =
            ((previous?.manifests ?? [])
            + [PublisherState.Published(generation: generation, digest: document.digest)])
            .filter { $0.generation >= oldest }
        let state = PublisherState(
            epoch: epoch, generation: generation, keys: draft.keys, horizon: cut.horizon, origin: cut.origin,
            created: now,
            manifests: manifests, snapshot: snapshot)
        try directory.commit(state, manifest: document.bytes, patchset: patchset)
        try output.finish(document.bytes, as: timestamp(for:))
        return Report(
            manifest: manifest, inserted: draft.changes.inserted, updated: draft.changes.updated,
            deleted: draft.changes.deleted,
            deltaBytes: deltas.first { $0.from == generation - 1 }?.object?.length,
            madeSnapshot: snapshot.generation == generation)
    }

    /// The last one, sealed for today's sites; a new one where deltas since then have grown, or a month has gone.
    private func snapshot(
        _ generation: Int, _ patchset: [UInt8]?, _ previous: PublisherState?
    ) throws -> PublisherState.KeptSnapshot {
        let fingerprints = sites.map { $0.fingerprint.hex }
        if let previous, var kept = Optional(previous.snapshot), generation - kept.generation < (Self.spans.max() ?? 1),
            try patchsets(after: kept.generation, to: generation, patchset).reduce(0, { $0 + $1.count })
                < kept.file.object.contentLength / 8
        {
            guard kept.sites != fingerprints else { return kept }
            kept.file = try keep(kept.file.sealed, of: kept.generation)
            kept.table = try keep(kept.table.sealed, of: kept.generation)
            kept.sites = fingerprints
            return kept
        }
        let input = try InputFile(shardFile)
        let object = try output.seal(level: LZ4Compressor.quick) { write in
            for position in stride(from: 0, to: input.size, by: 1 << 20) {
                try input.read(at: position, count: min(1 << 20, input.size - position)).withUnsafeBytes(write)
            }
        }
        let rows = try output.sealRows(of: try SQLiteDatabase(path: shardFile, .immutable))
        let table = try output.seal(level: LZ4Compressor.quick) { write in try rows.table.withUnsafeBytes(write) }
        return PublisherState.KeptSnapshot(
            generation: generation, file: try keep(object, of: generation), rows: rows.digest, rowsLength: rows.length,
            table: try keep(table, of: generation), sites: fingerprints)
    }

    private func keep(_ object: SealedObject, of generation: Int) throws -> PublisherState.KeptObject {
        PublisherState.KeptObject(
            object: try output.envelope(object, scope.name, generation, sites), key: object.key.hex,
            pieces: object.pieces)
    }

    /// From the night, the week and the month before, and from the snapshot.
    private func deltas(
        to generation: Int, _ patchset: [UInt8]?, _ snapshot: PublisherState.KeptSnapshot, _ previous: PublisherState?
    ) throws -> [Manifest.Delta] {
        guard let previous else { return [] }
        let starts = Set(Self.spans.map { generation - $0 } + [snapshot.generation])
        return try previous.manifests.filter { starts.contains($0.generation) }.map { start in
            let merged = try Patchset.merged(try patchsets(after: start.generation, to: generation, patchset))
            var delta = Manifest.Delta(from: start.generation, base: start.digest, object: nil)
            guard merged.count < snapshot.file.object.contentLength / 2 else { return delta }
            let object = try output.seal(level: LZ4Compressor.thorough) { write in try merged.withUnsafeBytes(write) }
            delta.object = try output.envelope(object, scope.name, generation, sites)
            return delta
        }
    }

    private func patchsets(after start: Int, to generation: Int, _ newest: [UInt8]?) throws -> [[UInt8]] {
        guard start < generation else { return [] }
        return try (start + 1...generation).map { number in
            if number == generation { return newest ?? [] }
            guard let kept = Files.read(directory.patchset(number), upTo: Int(Int32.max)) else {
                throw ShardError(.malformed, "the patchset of generation \(number) is missing at the publisher")
            }
            return kept
        }
    }

    // MARK: Documents

    /// What was published last; nil: nothing yet, or what a version of Concord has made whose shards have another schema. Then a
    /// new epoch begins.
    private func previous() throws -> (state: PublisherState, manifest: [UInt8], shard: String)? {
        guard let last = try directory.load(), try manifest(last.manifest).schema == ShardSchema.digest.get() else {
            return nil
        }
        return last
    }

    private func manifest(_ bytes: [UInt8]) throws -> Manifest {
        // A signing key that was changed since is still ours.
        try SignedDocument(.manifest, bytes: bytes).uncheckedBody(Manifest.self)
    }

    private func timestamp(for manifest: SignedDocument) throws -> SignedDocument {
        let body = try manifest.uncheckedBody(Manifest.self)
        return try SignedDocument(
            .timestamp,
            Timestamp(
                shard: body.shard, epoch: body.epoch, generation: body.generation, manifest: manifest.digest,
                created: now, expires: now + Int(freshFor / .seconds(1))), signedBy: signingKey)
    }
}
