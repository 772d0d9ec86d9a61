import DICOM
import DIMSE
import EdgeShard
import Foundation
import Spanning
import StudyIndex
import Sweep

/// At an edge site: questions to the site's own PACS spend its fixed shares of their budgets, what is known comes from the
/// manifests, and answers are kept beside the replica.
package struct SiteAccess: LiveAccess {
    private let replica: ReplicaCatalog
    /// By source.
    private let shares: [String: BudgetShare]

    package init(replica: ReplicaCatalog, shares: [String: BudgetShare]) {
        self.replica = replica
        self.shares = shares
    }

    package func coveredDays() async throws -> [CoveredDays] {
        let now = Int(Date().timeIntervalSince1970)
        return try replica.view().shards.flatMap { shard in
            shard.manifest.basis.flatMap { $0.coveredDays(since: shard.manifest.since, now: now) }
        }
    }

    package func echo(_ source: SweepSource) async throws -> Duration { try await share(of: source).echo() }

    package func find(
        _ identifier: DataSet, at source: SweepSource, receive: @escaping @Sendable (FindResponse) throws -> Void
    ) async throws {
        try await share(of: source).find(identifier, receive: receive)
    }

    package func keep(_ studies: [StudyRecord], of source: SweepSource) async throws {
        replica.keep(studies, of: source.name)
    }

    package func keep(
        _ series: [SeriesRecord], of source: SweepSource, study: String, asked: Duration
    ) async throws {
        replica.keep(series, of: source.name, study: study)
    }

    private func share(of source: SweepSource) throws -> BudgetShare {
        guard let share = shares[source.name] else { throw LiveSource.Refusal.notNow(.paused) }
        return share
    }
}

extension Manifest.Basis {
    /// What lies between the holes, from the scope's beginning on.
    fileprivate func coveredDays(since: String?, now: Int) -> [CoveredDays] {
        guard let verified else { return [] }
        var covered: [CoveredDays] = []
        var next = since.flatMap { DICOMDate($0) } ?? .earliest
        func cover(to last: DICOMDate) {
            guard next <= last else { return }
            covered.append(
                CoveredDays(
                    source: source, level: .study, days: DateRange(lower: next, upper: last), state: .proven,
                    reason: "",
                    verifiedAt: "", age: .seconds(max(0, now - verified))))
        }
        let ranges = holes.map { ($0.from.flatMap { DICOMDate($0) }, $0.to.flatMap { DICOMDate($0) }) }
            .sorted { ($0.0 ?? .earliest) < ($1.0 ?? .earliest) }
        for (from, to) in ranges {
            if let from { cover(to: from.adding(days: -1)) }
            guard let to else { return covered }
            next = max(next, to.adding(days: 1))
        }
        cover(to: .latest)
        return covered
    }
}
