import COpenSSL
import DICOM
import Foundation

/// The generations that one answer comes from.
package struct ReplicaView: Sendable {
    package let shards: [OpenShard]

    package init(shards: [OpenShard]) { self.shards = shards }

    /// Whether the files of all of them are still there.
    package var isInstalled: Bool { shards.allSatisfy(\.isInstalled) }

    /// Seconds since the oldest of them was made.
    package func age(at now: Date) -> Int {
        let oldest = shards.map(\.manifest.created).min() ?? 0
        return max(0, Int(now.timeIntervalSince1970) - oldest)
    }

    /// What an answer rests on, in the 64 characters that a C-FIND response has for it.
    package func comment(at now: Date) -> String {
        let names = shards.map { "\($0.manifest.shard) \($0.manifest.generation)" }.joined(separator: ", ")
        return String("Replica \(names), \(age(at: now) / 60) min old".prefix(64))
    }

    /// Sources of which these generations do not vouch for all that a query asks: days of theirs were not proven, lie before
    /// the scope, or the generation is stale.
    package func unproven(for query: StudyQuery, now: Date) -> [String] {
        let dates = query.keys.compactMap { key -> DateRange? in
            if key.attribute.tag == .studyDate, case .dates(let range) = key.match { range } else { nil }
        }.first
        return Set(
            shards.flatMap { shard -> [String] in
                let basis = shard.manifest.basis
                if !shard.isFresh(at: now) || shard.isBeforeScope(dates) { return basis.map(\.source) }
                return basis.filter { source in source.holes.contains { $0.touches(dates) } }.map(\.source)
            }
        ).sorted()
    }

    /// The key of this text, if the newest generation names it.
    package func key(presented text: String) -> Manifest.Key? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "ck",
            let newest = shards.max(by: { $0.manifest.created < $1.manifest.created }),
            let key = newest.manifest.keys.first(where: { $0.id == parts[1] })
        else { return nil }
        let hash = Digest.of(Array(parts[2].utf8)).bytes
        return CRYPTO_memcmp(hash, key.hash.bytes, hash.count) == 0 ? key : nil
    }
}

extension OpenShard {
    package func isFresh(at now: Date) -> Bool { expires > Int(now.timeIntervalSince1970) }

    /// What an answer rests on, for people.
    package var summary: String {
        let made = Date(timeIntervalSince1970: Double(manifest.created)).ISO8601Format()
        let scope = manifest.basis.map(\.source).joined(separator: ", ")
        let since = manifest.since.map { ", studies since \($0)" } ?? ""
        return "shard \(manifest.shard), generation \(manifest.generation) of \(made), sources \(scope)\(since)"
    }

    /// Whether a question names days that the scope leaves out.
    fileprivate func isBeforeScope(_ dates: DateRange?) -> Bool {
        guard let since = manifest.since.flatMap({ DICOMDate($0) }), let dates else { return false }
        return (dates.lower ?? .earliest) < since
    }
}

extension Manifest.Basis.Range {
    /// Whether it has days in common with what is asked for; nil asks for all.
    fileprivate func touches(_ dates: DateRange?) -> Bool {
        guard let dates else { return true }
        let first = from.flatMap { DICOMDate($0) } ?? .earliest
        let last = to.flatMap { DICOMDate($0) } ?? .latest
        return first <= dates.upper ?? .latest && (dates.lower ?? .earliest) <= last
    }
}
