import DICOM
import EdgeShard
import Foundation
import StudyIndex

/// Publishes all configured shards from the index.
struct Publication: Sendable {
    let index: StudyIndex
    let edge: EdgeConfiguration
    let output: String
    /// Where each shard is kept between two nights; nil: beside the output.
    var state: String?
    var acceptedDeletes: Set<String> = []

    /// One line for each shard, for people. A shard that cannot be published does not keep the others back, but is an error in
    /// the end.
    func run() async throws -> [String] {
        let now = Int(Date().timeIntervalSince1970)
        let directory = try PublishedDirectory(output, now: now)
        let key = try SigningKey(pem: try PEMFile.read(edge.signingKey))
        let publicKeys = Dictionary(
            uniqueKeysWithValues: try edge.sites.map {
                ($0.name, try SitePublicKey(pem: try PEMFile.read($0.publicKey)))
            })
        var lines: [String] = []
        var failure: ShardError?
        for shard in edge.shards {
            let sites = edge.sites.filter { $0.shards.contains(shard.name) }.compactMap { publicKeys[$0.name] }
            let publisher = try ShardPublisher(
                shard.scope, state: "\(state ?? output + "/.publisher")/\(shard.name)", output: directory,
                signingKey: key, sites: sites, acceptedDeletes: acceptedDeletes, freshFor: edge.freshFor, now: now)
            do { lines.append(try await publish(publisher).line) } catch let error as ShardError {
                lines.append("\(shard.name): not published: \(error)")
                failure = failure ?? error
            }
        }
        for site in edge.sites {
            try directory.publish(
                Subscription(
                    site: site.name, shards: site.shards, created: now,
                    expires: now + Int(edge.freshFor / .seconds(1))), signedBy: key)
        }
        if let failure {
            for line in lines { Terminal.complain(line) }
            throw failure
        }
        // Only now is every generation that was made out there.
        _ = try directory.removeExpired()
        return lines
    }

    private func publish(_ publisher: ShardPublisher) async throws -> ShardPublisher.Report {
        let scope = publisher.scope
        let draft = try await index.withCut { cut in
            let sources = try cut.sources().filter { scope.sources.contains($0.name) }
            let horizon = try publisher.horizon(of: cut.origin)
            let keys = try cut.keys().compactMap { key in
                Digest(key.hash).map { Manifest.Key(id: key.id, hash: $0, scopes: key.scopes) }
            }
            let shardCut = ShardCut(
                sources: sources.map(\.shardSource), basis: sources.map(\.basis), keys: keys, horizon: cut.horizon,
                origin: cut.origin, isWhole: horizon == nil)
            return try publisher.draft(shardCut) { write in
                try cut.eachStudy(of: sources.map(\.id), since: horizon, oldest: scope.cutoff) { study in
                    try write(study.shardStudy)
                }
            }
        }
        return try publisher.publish(draft)
    }
}

extension EdgeConfiguration.Shard {
    fileprivate var scope: ShardScope {
        ShardScope(name: name, sources: sources, cutoff: since?.before(.today()))
    }
}

extension ShardPublisher.Report {
    fileprivate var line: String {
        let changed = inserted + updated + deleted
        let bytes =
            madeSnapshot
            ? "\(manifest.snapshot.object.length) bytes of snapshot"
            : "\(deltaBytes ?? 0) bytes for \(changed) changed rows"
        return "\(manifest.shard): generation \(manifest.generation), \(manifest.rows.studies) studies, \(bytes)"
    }
}

extension IndexCut.Source {
    fileprivate var shardSource: ShardSource {
        ShardSource(id: id, name: name, aeTitle: aeTitle, issuer: issuer, priority: priority)
    }

    /// Holes beyond this many are told as one, from the first to the last.
    private static let mostHoles = 64

    fileprivate var basis: Manifest.Basis {
        var holes = holes
        if holes.count > Self.mostHoles {
            holes = [DateRange(lower: holes.first?.lower, upper: holes.last?.upper)]
        }
        return Manifest.Basis(
            source: name, run: lastRun, verified: oldestProof,
            holes: holes.map { Manifest.Basis.Range(from: $0.lower?.da, to: $0.upper?.da) })
    }
}

extension IndexCut.Study {
    fileprivate var shardStudy: ShardStudy {
        ShardStudy(
            uid: uid,
            copies: copies.map {
                ShardStudy.Copy(
                    source: $0.source, issuer: $0.issuer, record: $0.record, areSeriesKnown: $0.areSeriesKnown)
            },
            series: series.map { ShardStudy.Series(source: $0.source, record: $0.record) }, goneFrom: goneFrom)
    }
}
