import DICOM
import Foundation
import Synchronization

/// What a site's own PACS have answered beside its replica, in memory: their copies are newer than those of the shards, until a
/// generation comes that was made later.
final class LiveCopies: Sendable {
    private struct Kept {
        /// By source.
        var records: [String: (record: StudyRecord, since: ContinuousClock.Instant)] = [:]
        var series: [String: (records: [SeriesRecord], since: ContinuousClock.Instant)] = [:]

        var newest: ContinuousClock.Instant? { (records.values.map(\.since) + series.values.map(\.since)).max() }
    }
    private struct State {
        var studies: [String: Kept] = [:]
        var version = 0
        /// Made of this version and these generations.
        var made: (version: Int, view: [ObjectIdentifier], shard: OpenShard)?
    }
    private let state = Mutex(State())

    /// Of which more are not kept: the oldest are forgotten.
    static let mostStudies = 2_000
    /// An answer older than that says nothing that a shard would not.
    static let longest = Duration.seconds(2 * 86_400)

    func keep(_ records: [StudyRecord], of source: String) {
        change { studies, now in
            for record in records { studies[record.studyInstanceUID, default: Kept()].records[source] = (record, now) }
        }
    }

    func keep(_ series: [SeriesRecord], of source: String, study: String) {
        change { studies, now in studies[study, default: Kept()].series[source] = (series, now) }
    }

    private func change(_ body: (inout [String: Kept], ContinuousClock.Instant) -> Void) {
        state.withLock { state in
            body(&state.studies, .now)
            state.version += 1
            guard state.studies.count > Self.mostStudies else { return }
            let oldest = state.studies.sorted { ($0.value.newest ?? .now) < ($1.value.newest ?? .now) }
            for (uid, _) in oldest.prefix(state.studies.count - Self.mostStudies * 3 / 4) { state.studies[uid] = nil }
        }
    }

    /// A shard of the studies of which something was kept, with all copies that `view` has of them; nil: there are none.
    ///
    /// - Parameter sources: the site's own, as they are described where no shard has them.
    func shard(beside view: ReplicaView, sources: [ShardSource]) throws -> OpenShard? {
        try state.withLock { state in
            if state.studies.isEmpty { return nil }
            let identity = view.shards.map(ObjectIdentifier.init)
            if let made = state.made, made.version == state.version, made.view == identity { return made.shard }
            // Generations know seconds; what was kept in the second of their making is kept.
            let oldest = ContinuousClock.now - min(Self.longest, .seconds(view.youngestAge + 1))
            state.studies = state.studies.compactMapValues { kept in
                var kept = kept
                kept.records = kept.records.filter { $0.value.since > oldest }
                kept.series = kept.series.filter { $0.value.since > oldest }
                return kept.records.isEmpty && kept.series.isEmpty ? nil : kept
            }
            guard !state.studies.isEmpty else {
                state.made = nil
                return nil
            }
            let shard = try Self.shard(of: state.studies, beside: view, sources)
            state.made = (state.version, identity, shard)
            return shard
        }
    }

    private static func shard(
        of studies: [String: Kept], beside view: ReplicaView, _ own: [ShardSource]
    ) throws -> OpenShard {
        // A publisher numbers a source alike in all of its shards.
        var sources = view.shards.reduce(into: [:]) { $0.merge($1.sources) { first, _ in first } }
        var ids = Dictionary(sources.values.map { ($0.name, $0.id) }, uniquingKeysWith: { $1 })
        for source in own where ids[source.name] == nil {
            let id = (sources.keys.max() ?? 0) + 1
            sources[id] = ShardSource(
                id: id, name: source.name, aeTitle: source.aeTitle, issuer: source.issuer, priority: source.priority)
            ids[source.name] = id
        }
        let database = try SQLiteDatabase(path: ":memory:", .workingCopy(creating: true))
        try ShardSchema.create(database)
        let writer = ShardWriter(
            database, sources: Array(sources.values), cutoff: nil, today: .latest, keys: ShardWriter.NextKeys(),
            isEmpty: true)
        try database.transaction {
            try writer.writeSources()
            for (uid, kept) in studies {
                var study = try view.study(uid)
                for (name, live) in kept.records {
                    guard let source = ids[name].flatMap({ sources[$0] }) else { continue }
                    study.take(live.record, of: source)
                }
                for (name, live) in kept.series {
                    guard let id = ids[name] else { continue }
                    study.take(live.records, of: id)
                }
                try writer.write(study)
            }
        }
        try database.execute(SQL.shardIndexes)
        return try OpenShard(bytes: try database.serialized(), like: view.shards[0])
    }
}

extension ReplicaView {
    /// Seconds since the newest of the generations was made, by this machine's clock.
    fileprivate var youngestAge: Int {
        Int(Date().timeIntervalSince1970) - (shards.map(\.manifest.created).max() ?? 0)
    }

    /// All copies and series of a study.
    fileprivate func study(_ uid: String) throws -> ShardStudy {
        var study = ShardStudy(uid: uid, copies: [])
        for shard in shards {
            let part = try shard.read(within: .seconds(10)) { try shard.study(uid, $0) }
            let known = Set(study.copies.map(\.source))
            study.copies += part.copies.filter { !known.contains($0.source) }
            study.series += part.series.filter { !known.contains($0.source) }
        }
        return study
    }
}

extension ShardStudy {
    /// The copy of a source as it shows it now.
    fileprivate mutating func take(_ record: StudyRecord, of source: ShardSource) {
        let issuer = record.issuerOfPatientID.isEmpty ? source.issuer : record.issuerOfPatientID
        var copy = Copy(source: source.id, issuer: issuer, record: record)
        if let position = copies.firstIndex(where: { $0.source == source.id }) {
            // Once it has changed, its series have to be asked for anew.
            copy.areSeriesKnown = copies[position].areSeriesKnown && copies[position].record == record
            copies[position] = copy
        } else {
            copies.append(copy)
        }
    }

    fileprivate mutating func take(_ records: [SeriesRecord], of source: Int) {
        guard let position = copies.firstIndex(where: { $0.source == source }) else { return }
        copies[position].areSeriesKnown = true
        series.removeAll { $0.source == source }
        series += records.map { Series(source: source, record: $0) }
    }
}
