import DICOM
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A replica as a catalog of studies.
///
/// Every answer comes from one generation of each shard: what is installed meanwhile is seen by the next question, or, where
/// several belong together, after `pinned` has ended.
package final class ReplicaCatalog: StudyCatalog {
    private let root: String
    private let trust: [VerifyingKey]
    /// One for each core: questions are answered in turn, and none interrupts another.
    private let threads: NIOThreadPool
    /// For searches that were not over soon: the others do not wait for them.
    private let broadThreads: NIOThreadPool
    /// The site's own, which may be asked beside it.
    private let ownSources: [ShardSource]
    private let live = LiveCopies()
    private let state = Mutex<State>(State())

    private struct State {
        var view: ReplicaView?
        var looked: ContinuousClock.Instant?
        var liveQuestions: FileLock?
    }

    @TaskLocal private static var pinned: ReplicaView?

    /// How long a search may run before it is refused as too broad (F149).
    private static let limit = Duration.seconds(10)
    /// How long the others wait for one.
    private static let turn = Duration.milliseconds(5)
    /// How often it is looked whether there is a newer generation.
    private static let look = Duration.milliseconds(200)

    package init(
        root: String, trust: [VerifyingKey], ownSources: [ShardSource] = [], threads count: Int = System.coreCount
    ) {
        self.root = root
        self.trust = trust
        self.ownSources = ownSources
        threads = NIOThreadPool(numberOfThreads: count)
        broadThreads = NIOThreadPool(numberOfThreads: 4)
        for pool in [threads, broadThreads] { pool.start() }
    }

    package func stop() async {
        for pool in [threads, broadThreads] { try? await pool.shutdownGracefully() }
    }

    /// Runs `body` on these generations, or on those that are served now, and hands them to it.
    package func pinned<T>(
        to earlier: ReplicaView? = nil, _ body: (ReplicaView) async throws -> T
    ) async throws -> T {
        let view = try earlier ?? view()
        return try await Self.$pinned.withValue(view) { try await body(view) }
    }

    // MARK: Generations

    package func view() throws -> ReplicaView { try Self.pinned ?? newest() }

    /// Whatever is pinned: what was revoked since is not good any more.
    package func newest() throws -> ReplicaView {
        try state.withLock { state in
            let now = ContinuousClock.now
            if let view = state.view, let looked = state.looked, now - looked < Self.look { return view }
            let view = try Self.open(root, trust, keeping: state.view)
            (state.view, state.looked) = (view, now)
            return view
        }
    }

    private static func open(_ root: String, _ trust: [VerifyingKey], keeping known: ReplicaView?) throws -> ReplicaView
    {
        let shards = try ReplicaDirectory.shards(in: root).compactMap { name -> OpenShard? in
            let directory = ReplicaDirectory(root: root, shard: name)
            guard let number = directory.currentGeneration else { return nil }
            let timestamp = directory.timestampBytes(number).flatMap { try? SignedDocument(.timestamp, bytes: $0) }
                .flatMap { try? $0.body(Timestamp.self, trusting: trust) }
            let expires = timestamp?.expires ?? 0
            if let same = known?.shards.first(where: { $0.manifest.shard == name }), same.manifest.generation == number,
                same.expires == expires, same.file == Files.identity(directory.shardFile(number))
            {
                return same
            }
            guard let bytes = directory.manifestBytes(number) else {
                throw ShardError(.notReplicated, "shard \(name) has no manifest: `concord edge verify` says more")
            }
            let manifest = try SignedDocument(.manifest, bytes: bytes).body(Manifest.self, trusting: trust)
            guard manifest.schema == (try ShardSchema.digest.get()) else {
                throw ShardError(.schemaDiffers, "shard \(name) was made by another version of Concord: sync it anew")
            }
            return try OpenShard(path: directory.shardFile(number), manifest: manifest, expires: expires)
        }
        guard !shards.isEmpty else {
            throw ShardError(.notReplicated, "\(root) holds no shard yet: `concord edge sync` fetches them")
        }
        return ReplicaView(shards: shards)
    }

    // MARK: StudyCatalog

    /// Shards do not know facilities: a caller who is restricted to some sees nothing.
    package func search(_ query: StudyQuery, within visibility: Visibility) async throws -> StudyAnswer {
        let view = try view()
        guard visibility == .unrestricted else { return StudyAnswer(studies: [], total: 0, undecidedSources: []) }
        return try await inTurn { [live, ownSources] limit in
            let own = try live.shard(beside: view, sources: ownSources)
            guard view.shards.count > 1 || own != nil else {
                let answer = try Self.answer(query, view.shards[0], limit)
                return StudyAnswer(
                    studies: answer.studies.map(\.study),
                    total: answer.total + (query.after == nil ? 0 : query.offset),
                    undecidedSources: answer.undecidedSources, end: answer.studies.last?.place)
            }
            // Places are the same in all answers only where one shard has all studies, but for those that have live copies.
            let isPlaced = view.shards.count == 1
            var wide = query
            wide.offset = 0
            if !isPlaced { wide.after = nil }
            wide.limit = (wide.after == nil ? query.offset : 0) + query.limit
            let known = Set(try own?.uids() ?? [])
            let answers = try view.shards.map { try Self.answer(wide, $0, limit, without: known) }
            return Self.merged(
                answers + (try own.map { [try Self.answer(wide, $0, limit)] } ?? []), query,
                skipping: wide.after == nil, isPlaced: isPlaced)
        }
    }

    /// Runs `body`, which reads each shard no longer than it is told, in its turn; or, where that is too short, anew beside the
    /// others.
    func inTurn<T: Sendable>(_ body: @escaping @Sendable (Duration) throws -> T) async throws -> T {
        do {
            return try await threads.runIfActive { try body(Self.turn) }
        } catch let error as ShardError where error.code == .tooBroad {
            return try await broadThreads.runIfActive { try body(Self.limit) }
        }
    }

    /// Without some studies, which count as if they were not there.
    private static func answer(
        _ query: StudyQuery, _ shard: OpenShard, _ limit: Duration, without known: Set<String>
    ) throws -> ShardSearch.Answer {
        guard !known.isEmpty, let uid = AttributeDictionary.attribute(.studyInstanceUID) else {
            return try answer(query, shard, limit)
        }
        var hidden = query
        hidden.keys.append(QueryKey(attribute: uid, match: .uids(known.sorted())))
        hidden.limit = 1
        let count = try answer(hidden, shard, limit).total
        var wide = query
        wide.limit += count
        var answer = try answer(wide, shard, limit)
        answer.total -= count
        answer.studies.removeAll { known.contains($0.place.studyUID) }
        return answer
    }

    private static func answer(
        _ query: StudyQuery, _ shard: OpenShard, _ limit: Duration
    ) throws -> ShardSearch.Answer {
        try shard.read(within: limit) { try ShardSearch(query).answer(in: shard, $0) }
    }

    package func series(of studies: [String], within visibility: Visibility) async throws -> [CatalogSeries] {
        try await fromEach(of: studies, within: visibility, ShardSeries.series).sorted { $0.precedes($1) }
    }

    package func holdersWithUnknownSeries(
        of studies: [String], within visibility: Visibility
    ) async throws -> [(study: String, source: String)] {
        try await fromEach(of: studies, within: visibility, ShardSeries.holdersWithUnknownSeries)
    }

    package func studies(ofSeries series: [String], within visibility: Visibility) async throws -> [String] {
        let view = try view()
        guard visibility == .unrestricted else { return [] }
        return try await inTurn { [live, ownSources] limit in
            let shards = view.shards + (try live.shard(beside: view, sources: ownSources).map { [$0] } ?? [])
            return Set(
                try shards.flatMap { shard in
                    try shard.read(within: limit) { try ShardSeries.studies(of: series, $0) }
                }
            ).sorted()
        }
    }

    /// Of studies that have live copies what is in memory, of the others what the shards have.
    private func fromEach<T: Sendable>(
        of studies: [String], within visibility: Visibility,
        _ read: @escaping @Sendable ([String], SQLiteDatabase) throws -> [T]
    ) async throws -> [T] {
        let view = try view()
        guard visibility == .unrestricted else { return [] }
        return try await inTurn { [live, ownSources] limit in
            let own = try live.shard(beside: view, sources: ownSources)
            let known = Set(try own?.uids() ?? [])
            let rest = studies.filter { !known.contains($0) }
            let shown = try own?.read(within: limit) { try read(studies, $0) } ?? []
            return try shown
                + view.shards.flatMap { shard in try shard.read(within: limit) { try read(rest, $0) } }
        }
    }

    // MARK: Live answers

    /// That it is this process that asks the site's own sources; only one may, because their budget is one.
    package func claimLiveQuestions() throws {
        let lock = try FileLock(root + "/.live", whoElse: "another server")
        state.withLock { $0.liveQuestions = lock }
    }

    /// Keeps what one of the site's own sources shows now, until a generation comes that was made later.
    package func keep(_ records: [StudyRecord], of source: String) { live.keep(records, of: source) }

    package func keep(_ series: [SeriesRecord], of source: String, study: String) {
        live.keep(series, of: source, study: study)
    }

    // MARK: Several shards

    /// One page of what several shards answer. A study that two of them hold is shown once, at the earlier of its places,
    /// with all holders; where they may place it differently, pages have no end that another could begin after.
    ///
    /// - Parameter skipping: whether the answers begin at the first page.
    private static func merged(
        _ answers: [ShardSearch.Answer], _ query: StudyQuery, skipping: Bool, isPlaced: Bool
    ) -> StudyAnswer {
        var studies: [ShardSearch.Answer.Placed] = []
        var known: [String: Int] = [:]
        for var placed in answers.flatMap(\.studies) {
            let patient = placed.study.record[.patientName].map { PersonName($0).matchingKey } ?? ""
            let key = placed.study.record.studyInstanceUID + "\\" + patient
            guard let position = known[key] else {
                known[key] = studies.count
                studies.append(placed)
                continue
            }
            let holders = studies[position].study.holders
            placed.study.holders = holders + placed.study.holders.filter { !holders.contains($0) }
            if placed.place.precedes(studies[position].place) {
                studies[position] = placed
            } else {
                studies[position].study.holders = placed.study.holders
            }
        }
        let shown = answers.reduce(0) { $0 + $1.studies.count }
        studies.sort { $0.place.precedes($1.place) }
        let page = studies.dropFirst(skipping ? query.offset : 0).prefix(query.limit)
        return StudyAnswer(
            studies: page.map(\.study),
            total: answers.reduce(0) { $0 + $1.total } - (shown - studies.count) + (skipping ? 0 : query.offset),
            undecidedSources: Set(answers.flatMap(\.undecidedSources)).sorted(),
            end: isPlaced ? page.last?.place : nil)
    }
}
