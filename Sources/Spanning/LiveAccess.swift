import DICOM
import DIMSE
import StudyIndex
import Sweep

/// How live questions reach sources, what is known without them, and where their answers are kept.
package protocol LiveAccess: Sendable {
    /// Days of which something is known.
    func coveredDays() async throws -> [CoveredDays]
    /// C-ECHO; returns how long it took.
    func echo(_ source: SweepSource) async throws -> Duration
    /// One C-FIND, paid from the source's budget. Returns only on Success; throws `LiveSource.Refusal`.
    func find(
        _ identifier: DataSet, at source: SweepSource, receive: @escaping @Sendable (FindResponse) throws -> Void
    ) async throws
    func keep(_ studies: [StudyRecord], of source: SweepSource) async throws
    /// All series of a study, shown so long after the question.
    func keep(_ series: [SeriesRecord], of source: SweepSource, study: String, asked: Duration) async throws
}

/// In the centre: the ledger has the budgets, and the index keeps the answers.
struct IndexedAccess: LiveAccess {
    let pool: AssociationPool

    func coveredDays() async throws -> [CoveredDays] { try await pool.persistently { try await $0.coveredDays() } }

    func echo(_ source: SweepSource) async throws -> Duration {
        try await LiveSource(source: source, pool: pool).echo()
    }

    func find(
        _ identifier: DataSet, at source: SweepSource, receive: @escaping @Sendable (FindResponse) throws -> Void
    ) async throws {
        try await LiveSource(source: source, pool: pool).find(identifier, receive: receive)
    }

    func keep(_ studies: [StudyRecord], of source: SweepSource) async throws {
        try await pool.persistently { try await $0.keep(studies, of: source.id) }
    }

    func keep(_ series: [SeriesRecord], of source: SweepSource, study: String, asked: Duration) async throws {
        try await pool.persistently { try await $0.keep(series, of: source.id, study: study, asked: asked) }
    }
}
