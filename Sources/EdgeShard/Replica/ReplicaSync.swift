import Foundation

/// Who a site is, and whom it believes.
package struct SiteIdentity: Sendable {
    package var name: String
    package var key: SiteKey
    /// Keys of publishers; two while they change.
    package var trust: [VerifyingKey]

    package init(name: String, key: SiteKey, trust: [VerifyingKey]) {
        self.name = name
        self.key = key
        self.trust = trust
    }
}

/// Brings a replica to the newest published generation of each shard that its site subscribes to.
///
/// Nothing is installed, and nothing accepted is forgotten, before all of it was verified; whatever fails leaves the
/// generation that is served as it is.
package struct ReplicaSync: Sendable {
    package enum Event: Sendable, Hashable {
        /// Bytes that are there of those that are needed.
        case fetching(shard: String, bytes: Int, of: Int)
        case checking(shard: String)
        case installed(shard: String, generation: Int, bytes: Int)
        case current(shard: String, generation: Int)
        /// What is installed is damaged.
        case repairing(shard: String)
        case repaired(shard: String, generation: Int, buckets: Int, bytes: Int)
        case withdrawn(shard: String)
        case failed(shard: String, ShardError)
    }

    private let site: SiteIdentity
    private let root: String
    private let origin: any ShardOrigin
    private let pace: Pace
    /// Seconds since 1970.
    private let clock: Int
    private let report: @Sendable (Event) -> Void
    var retry = Download.Retry()

    /// - Parameter bytesPerSecond: at most; nil: as fast as the link is.
    package init(
        site: SiteIdentity, replica root: String, origin: any ShardOrigin, bytesPerSecond: Int?, clock: Int,
        report: @escaping @Sendable (Event) -> Void
    ) {
        self.site = site
        self.root = root
        self.origin = origin
        pace = Pace(bytesPerSecond: bytesPerSecond)
        self.clock = clock
        self.report = report
    }

    /// - Returns: whether every shard is at the newest generation.
    package func run() async throws -> Bool {
        try Files.makeDirectory(root, isPrivate: true)
        let lock = try FileLock(root + "/.lock", whoElse: "another sync")
        defer { withExtendedLifetime(lock) {} }
        let shards = try await subscribedShards()
        var isWhole = true
        for shard in shards {
            do { try await sync(shard) } catch let error as ShardError {
                report(.failed(shard: shard, error))
                isWhole = false
            }
        }
        for shard in ReplicaDirectory.shards(in: root) where !shards.contains(shard) {
            Files.remove("\(root)/\(shard)")
            report(.withdrawn(shard: shard))
        }
        return isWhole
    }

    // MARK: Subscription

    private func subscribedShards() async throws -> [String] {
        let kind = SignedDocument.Kind.subscription
        let bytes = try await retry.run { try await origin.file(Layout.subscription(site.name), limit: kind.limit) }
        let file = root + "/subscription"
        let known = Files.read(file, upTo: kind.limit).flatMap { try? SignedDocument(kind, bytes: $0) }
            .flatMap { try? $0.body(Subscription.self, trusting: site.trust) }
        let subscription = try SignedDocument(kind, bytes: bytes).body(Subscription.self, trusting: site.trust)
        guard subscription.site == site.name, subscription.shards.allSatisfy(Layout.isName) else {
            throw ShardError(.malformed, "a subscription of another site, or of shards without possible names")
        }
        let now = max(clock, known?.created ?? 0)
        guard subscription.created >= known?.created ?? 0 else {
            throw ShardError(.rollback, "the subscription of \(site.name) is older than one that was accepted before")
        }
        guard subscription.expires > now else {
            throw ShardError(
                .expired, "nothing was published lately for \(site.name): ask the publisher, or for a newer copy")
        }
        guard subscription.created <= now + Acceptance.tolerance else {
            throw ShardError(
                .notYet, "the subscription was signed more than a day from now: is this machine's clock right?")
        }
        try Files.replace(file, with: bytes)
        return subscription.shards
    }

    // MARK: One shard

    private func sync(_ shard: String) async throws {
        let directory = ReplicaDirectory(root: root, shard: shard)
        try directory.prepare()
        let acceptance = Acceptance(
            shard: shard, trust: site.trust, accepted: try directory.accepted(trusting: site.trust), clock: clock)
        let newest = try await newest(acceptance)
        var steps = try await route(to: newest.manifest, from: directory, acceptance)
        try directory.accept(acceptance.acceptance(of: newest.manifest, newest.timestamp))
        let generation = newest.manifest.generation
        let isIntact = directory.currentGeneration.map(directory.isIntact) ?? true
        if directory.currentGeneration == generation, isIntact {
            try directory.keep(manifest: newest.manifestBytes, timestamp: newest.timestampBytes, of: generation)
            report(.current(shard: shard, generation: generation))
            return
        }
        do {
            guard isIntact || steps.isSnapshot else { throw ShardError(.wrongContent, "shard \(shard) is damaged") }
            try await install(newest, by: steps, directory)
        } catch let error as ShardError where error.code == .wrongContent && !steps.isSnapshot {
            report(.repairing(shard: shard))
            do {
                try await repair(newest, by: steps.deltas, directory)
            } catch let error as ShardError where ![.transfer, .timeout, .file].contains(error.code) {
                // The last resort.
                steps = try await snapshotRoute(to: newest.manifest, acceptance)
                try await install(newest, by: steps, directory)
            }
        }
    }

    private struct Newest {
        var timestamp: Timestamp
        var timestampBytes: [UInt8]
        var manifest: Manifest
        var manifestBytes: [UInt8]
    }

    private func newest(_ acceptance: Acceptance) async throws -> Newest {
        // A cache between may still have the timestamp before: both are read again.
        try await retry.run {
            let timestampBytes = try await origin.file(
                Layout.timestamp(acceptance.shard), limit: SignedDocument.Kind.timestamp.limit)
            let timestamp = try acceptance.timestamp(timestampBytes)
            let manifestBytes = try await origin.file(
                Layout.manifest(acceptance.shard, timestamp.generation), limit: SignedDocument.Kind.manifest.limit)
            let manifest = try acceptance.manifest(manifestBytes, of: timestamp)
            return Newest(
                timestamp: timestamp, timestampBytes: timestampBytes, manifest: manifest, manifestBytes: manifestBytes)
        }
    }

    // MARK: The way to it

    /// Objects to fetch, in the order in which they are applied.
    private struct Route {
        var isSnapshot = false
        var snapshot: Manifest.Snapshot?
        /// Each with the generation that it leads to.
        var deltas: [(object: Manifest.Object, to: Int)] = []

        var length: Int {
            deltas.reduce(snapshot?.object.length ?? 0) { $0 + $1.object.length }
        }
    }

    /// Walks the chain of manifests down to what was accepted before, which also shows that it is the same chain; and takes
    /// the deltas on the way, where they bring the installed generation up and are worth it.
    private func route(
        to manifest: Manifest, from directory: ReplicaDirectory, _ acceptance: Acceptance
    ) async throws -> Route {
        let installed = directory.currentGeneration
        var route = Route()
        var isUnbroken = installed != nil && acceptance.accepted?.epoch == manifest.epoch
        guard let accepted = acceptance.accepted, accepted.epoch == manifest.epoch,
            manifest.generation > min(accepted.generation, installed ?? accepted.generation)
        else { return installed == manifest.generation ? route : try await snapshotRoute(to: manifest, acceptance) }
        let bottom = min(accepted.generation, installed ?? accepted.generation)
        var link = manifest
        while link.generation > bottom {
            // Not over the head of what was accepted, whose digest has to be seen.
            let floor = link.generation > accepted.generation ? accepted.generation : bottom
            guard let delta = link.deltas.filter({ $0.from >= floor }).min(by: { $0.from < $1.from }) else {
                throw ShardError(
                    .malformed, "shard \(manifest.shard): a chain of manifests that ends before what was accepted")
            }
            try acceptance.check(accepted: delta)
            if let object = delta.object {
                route.deltas.insert((object, link.generation), at: 0)
            } else {
                isUnbroken = false
            }
            guard delta.from > bottom else { break }
            do {
                let path = Layout.manifest(manifest.shard, delta.from)
                let bytes = try await retry.run {
                    try await origin.file(path, limit: SignedDocument.Kind.manifest.limit)
                }
                link = try acceptance.ancestor(bytes, of: delta, in: manifest.epoch)
            } catch let error as ShardError where error.code == .notFound && link.expires <= acceptance.now {
                // So old that the publisher need not keep it.
                isUnbroken = false
                break
            }
        }
        // A snapshot brings more than deltas do as long as they have less than half of its bytes.
        guard isUnbroken, route.length * 2 <= manifest.snapshot.object.length || route.deltas.count <= 1 else {
            return try await snapshotRoute(to: manifest, acceptance)
        }
        return route
    }

    private func snapshotRoute(to manifest: Manifest, _ acceptance: Acceptance) async throws -> Route {
        var route = Route(isSnapshot: true, snapshot: manifest.snapshot)
        guard manifest.snapshot.generation < manifest.generation else { return route }
        guard let delta = manifest.deltas.first(where: { $0.from == manifest.snapshot.generation })?.object else {
            throw ShardError(.malformed, "shard \(manifest.shard): a manifest without a way from its snapshot")
        }
        route.deltas = [(delta, manifest.generation)]
        return route
    }

    // MARK: Fetching, making, installing

    private func install(_ newest: Newest, by route: Route, _ directory: ReplicaDirectory) async throws {
        let manifest = newest.manifest
        try directory.prepare()
        var keys: [Digest: [UInt8]] = [:]
        var before = 0
        let objects = (route.snapshot.map { [($0.object, $0.generation)] } ?? []) + route.deltas
        for (object, generation) in objects {
            keys[object.digest] = try await fetch(
                object, generation, directory, before: before, of: route.length)
            before += object.length
        }
        report(.checking(shard: manifest.shard))
        let file = try directory.begin()
        if let snapshot = route.snapshot {
            let output = try OutputFile(file)
            try open(snapshot.object, keys, directory, output.write)
        } else if let installed = directory.currentGeneration {
            try Files.copy(directory.shardFile(installed), to: file)
        }
        // Triggers run while a patchset is applied: they have to be ours.
        try ShardFile.checkSchema(file, against: manifest)
        for (object, _) in route.deltas {
            var patchset: [UInt8] = []
            try open(object, keys, directory) { patchset.append(contentsOf: $0) }
            try Patchset.apply(patchset, to: try SQLiteDatabase(path: file, .workingCopy(creating: false)))
        }
        try finish(file, newest, directory)
        report(.installed(shard: manifest.shard, generation: manifest.generation, bytes: before))
    }

    /// Installs what was made, once all of it was found right.
    private func finish(_ file: String, _ newest: Newest, _ directory: ReplicaDirectory) throws {
        try ShardFile.check(file, against: newest.manifest)
        try Files.sync(file)
        try Files.replace(directory.next + "/manifest", with: newest.manifestBytes)
        try Files.replace(directory.next + "/timestamp", with: newest.timestampBytes)
        try directory.install(newest.manifest.generation)
    }

    /// Fetches an object and its envelope; returns its key.
    private func fetch(
        _ object: Manifest.Object, _ generation: Int, _ directory: ReplicaDirectory, before: Int, of total: Int
    ) async throws -> [UInt8] {
        let shard = directory.shard
        guard object.envelopeLength <= Envelope.mostBytes else {
            throw ShardError(.tooLarge, "an envelope that is too large")
        }
        let bytes = try await retry.run {
            let bytes = try await origin.file(Layout.object(object.envelope), limit: object.envelopeLength)
            guard Digest.of(bytes) == object.envelope else {
                throw ShardError(.wrongHash, "an envelope arrived with a wrong SHA-256")
            }
            return bytes
        }
        let envelope = try Envelope(bytes: bytes)
        guard envelope.object == object.digest, envelope.length == object.length,
            envelope.contentLength == object.contentLength
        else { throw ShardError(.malformed, "an envelope of another object") }
        let key = try envelope.open(with: site.key, shard: shard, generation: generation)
        let download = Download(origin: origin, retry: retry, pace: pace) { received in
            report(.fetching(shard: shard, bytes: before + received, of: total))
        }
        let file = "\(directory.incoming)/\(object.digest.hex)"
        try await download.fetch(Layout.object(object.digest), envelope, into: file)
        try Self.checkWhole(file, object)
        return key
    }

    /// Pieces are the envelope's word; the manifest's is the whole.
    private static func checkWhole(_ file: String, _ object: Manifest.Object) throws {
        guard Files.size(file) == object.length, try Files.digest(file) == object.digest else {
            Files.remove(file)
            throw ShardError(.wrongHash, "an object is not the one that the manifest names")
        }
    }

    private func open(
        _ object: Manifest.Object, _ keys: [Digest: [UInt8]], _ directory: ReplicaDirectory,
        _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let key = keys[object.digest] else { return }
        try ObjectOpener.open(
            "\(directory.incoming)/\(object.digest.hex)", length: object.length, contentLength: object.contentLength,
            key: key, write)
    }
}

// MARK: Repair

extension ReplicaSync {
    /// Makes the newest generation of what is left of a damaged one: of the buckets that differ, and of nothing else, the rows
    /// are fetched. Errors say, beside others, that it cannot be done so, or is not worth it.
    private func repair(
        _ newest: Newest, by deltas: [(object: Manifest.Object, to: Int)], _ directory: ReplicaDirectory
    ) async throws {
        guard let installed = directory.currentGeneration else { return }
        let manifest = newest.manifest
        try directory.prepare()
        let file = try directory.begin()
        let repair = try ShardRepair(salvaging: directory.shardFile(installed), into: file, of: manifest)
        var bytes = 0
        for (object, generation) in deltas {
            try repair.apply(try await content(of: object, generation, directory))
            bytes += object.length
        }
        let content = try repair.content()
        var parts: Set<Int> = []
        if content.root != manifest.content {
            guard let list = manifest.buckets,
                let digests = ContentRoot.parts(
                    of: try await self.content(of: list, manifest.generation, directory), root: manifest.content)
            else {
                throw ShardError(.wrongContent, "shard \(manifest.shard) is published without a list of its buckets")
            }
            parts = content.parts(otherThanIn: digests)
            let (published, fetched) = try await published(parts, manifest, directory)
            try repair.replace(parts, from: published)
            bytes += list.length + fetched
        }
        try repair.finish()
        report(.checking(shard: manifest.shard))
        try finish(file, newest, directory)
        report(
            .repaired(shard: manifest.shard, generation: manifest.generation, buckets: parts.count, bytes: bytes))
    }

    /// Rows of these buckets, and perhaps others, as of the manifest's generation; and how many bytes that took.
    private func published(
        _ parts: Set<Int>, _ manifest: Manifest, _ directory: ReplicaDirectory
    ) async throws -> (SQLiteDatabase, bytes: Int) {
        let snapshot = manifest.snapshot
        let delta = manifest.deltas.first { $0.from == snapshot.generation }?.object
        guard let rows = snapshot.rows, delta != nil || snapshot.generation == manifest.generation else {
            throw ShardError(.wrongContent, "shard \(manifest.shard) is published without its rows by bucket")
        }
        let table = try BucketTable(
            bytes: try await content(of: rows.table, snapshot.generation, directory), length: rows.length)
        let lost = parts.reduce(0) { $0 + table.entries[$1].length } + (delta?.length ?? 0)
        guard lost <= snapshot.object.length / 2 else {
            throw ShardError(.wrongContent, "more of shard \(manifest.shard) is lost than its snapshot is worth")
        }
        // Gone with what was fetched.
        let file = directory.incoming + "/published.sqlite"
        Files.remove(file)
        let database = try SQLiteDatabase(path: file, .workingCopy(creating: true))
        try ShardSchema.create(database)
        for part in parts.sorted() where table.entries[part].length > 0 {
            let bytes = try table.open(part, try await fetch(part, of: rows, table))
            try database.transaction {
                try BucketRows.read(bytes) { try database.statement($0.insertion).run($1) }
            }
        }
        if let delta {
            let patchset = try await content(of: delta, manifest.generation, directory)
            try Patchset.apply(patchset, to: database, overlookingConflicts: true)
        }
        return (database, lost + rows.table.length)
    }

    private func fetch(_ part: Int, of rows: Manifest.BucketRows, _ table: BucketTable) async throws -> [UInt8] {
        let (entry, offset) = (table.entries[part], table.offset(of: part))
        return try await retry.run {
            var bytes: [UInt8] = []
            try await origin.bytes(
                of: Layout.object(rows.digest), offset..<offset + entry.length, length: rows.length
            ) { piece in
                try await pace.take(piece.count)
                bytes += piece
            }
            guard Digest.of(bytes) == entry.digest else {
                throw ShardError(.wrongHash, "rows of a bucket arrived with a wrong SHA-256")
            }
            return bytes
        }
    }

    /// Fetches an object and opens it.
    private func content(
        of object: Manifest.Object, _ generation: Int, _ directory: ReplicaDirectory
    ) async throws -> [UInt8] {
        let key = try await fetch(object, generation, directory, before: 0, of: object.length)
        var content: [UInt8] = []
        try open(object, [object.digest: key], directory) { content.append(contentsOf: $0) }
        return content
    }
}

/// A shard's file, held against its manifest.
enum ShardFile {
    static func checkSchema(_ file: String, against manifest: Manifest) throws {
        try reading(manifest) {
            guard try ShardSchema.digest(of: try SQLiteDatabase(path: file, .immutable)) == manifest.schema else {
                throw ShardError(.schemaDiffers, "shard \(manifest.shard): the file's schema is not its manifest's")
            }
        }
    }

    @discardableResult
    static func check(_ file: String, against manifest: Manifest) throws -> ContentRoot {
        try checkSchema(file, against: manifest)
        let content = try reading(manifest) { try ContentRoot(of: try SQLiteDatabase(path: file, .immutable)) }
        guard content.root == manifest.content else {
            throw ShardError(
                .wrongContent, "shard \(manifest.shard): the content is not that of generation \(manifest.generation)")
        }
        return content
    }

    /// A file that cannot be read has not the content that it should have.
    private static func reading<T>(_ manifest: Manifest, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as ShardError where [.database, .malformed].contains(error.code) {
            throw ShardError(.wrongContent, "shard \(manifest.shard): the file cannot be read: \(error.detail)")
        }
    }
}
