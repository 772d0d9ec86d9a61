import DICOM
import Foundation
import NIOPosix
import Synchronization

/// A replica as a catalog of studies.
///
/// Every answer comes from one generation of each shard: what is installed meanwhile is seen by the next question, or, where
/// several belong together, after `pinned` has ended.
package final class ReplicaCatalog: StudyCatalog {
    private let root: String
    private let trust: [VerifyingKey]
    private let threads: NIOThreadPool
    private let state = Mutex<State>(State())

    private struct State {
        var view: ReplicaView?
        var looked: ContinuousClock.Instant?
    }

    @TaskLocal private static var pinned: ReplicaView?

    /// How long a search may run before it is refused as too broad (F149).
    private static let limit = Duration.seconds(10)
    /// How often it is looked whether there is a newer generation.
    private static let look = Duration.milliseconds(200)

    package init(root: String, trust: [VerifyingKey], threads count: Int = 8) {
        self.root = root
        self.trust = trust
        threads = NIOThreadPool(numberOfThreads: count)
        threads.start()
    }

    package func stop() async { try? await threads.shutdownGracefully() }

    /// Runs `body` on the generations that are served now, and hands them to it.
    package func pinned<T>(_ body: (ReplicaView) async throws -> T) async throws -> T {
        let view = try view()
        return try await Self.$pinned.withValue(view) { try await body(view) }
    }

    // MARK: Generations

    package func view() throws -> ReplicaView {
        if let pinned = Self.pinned { return pinned }
        return try state.withLock { state in
            let now = ContinuousClock.now
            if let view = state.view, let looked = state.looked, now - looked < Self.look { return view }
            let view = try Self.open(root, trust, keeping: state.view)
            state = State(view: view, looked: now)
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
        return try await threads.runIfActive {
            guard view.shards.count > 1 else {
                let answer = try Self.answer(query, view.shards[0])
                return StudyAnswer(
                    studies: answer.studies.map(\.study),
                    total: answer.total + (query.after == nil ? 0 : query.offset),
                    undecidedSources: answer.undecidedSources, end: answer.studies.last?.place)
            }
            var wide = query
            wide.offset = 0
            wide.limit = query.offset + query.limit
            wide.after = nil
            return Self.merged(try view.shards.map { try Self.answer(wide, $0) }, query)
        }
    }

    private static func answer(_ query: StudyQuery, _ shard: OpenShard) throws -> ShardSearch.Answer {
        try shard.read(within: limit) { try ShardSearch(query).answer(in: shard, $0) }
    }

    package func series(of studies: [String], within visibility: Visibility) async throws -> [CatalogSeries] {
        let view = try view()
        guard visibility == .unrestricted else { return [] }
        return try await threads.runIfActive {
            try view.shards.flatMap { shard in
                try shard.read(within: Self.limit) { try ShardSeries.series(of: studies, $0) }
            }.sorted { $0.precedes($1) }
        }
    }

    package func holdersWithUnknownSeries(
        of studies: [String], within visibility: Visibility
    ) async throws -> [(study: String, source: String)] {
        let view = try view()
        guard visibility == .unrestricted else { return [] }
        return try await threads.runIfActive {
            try view.shards.flatMap { shard in
                try shard.read(within: Self.limit) { try ShardSeries.holdersWithUnknownSeries(of: studies, $0) }
            }
        }
    }

    package func studies(ofSeries series: [String], within visibility: Visibility) async throws -> [String] {
        let view = try view()
        guard visibility == .unrestricted else { return [] }
        return try await threads.runIfActive {
            Set(
                try view.shards.flatMap { shard in
                    try shard.read(within: Self.limit) { try ShardSeries.studies(of: series, $0) }
                }
            ).sorted()
        }
    }

    // MARK: Several shards

    /// One page of what several shards answer. A study that two of them hold is shown once, at the earlier of its places,
    /// with all holders; as they may place it differently, such pages have no end that another could begin after.
    private static func merged(_ answers: [ShardSearch.Answer], _ query: StudyQuery) -> StudyAnswer {
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
        return StudyAnswer(
            studies: studies.dropFirst(query.offset).prefix(query.limit).map(\.study),
            total: answers.reduce(0) { $0 + $1.total } - (shown - studies.count),
            undecidedSources: Set(answers.flatMap(\.undecidedSources)).sorted())
    }
}
