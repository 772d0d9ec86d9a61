import DICOM
import PostgresClient

/// What sources have answered outside of sweeps (F119): observations as any others, and no proof of anything.
extension StudyIndex {
    package func keep(_ records: [StudyRecord], of source: Int32) async throws {
        guard !records.isEmpty else { return }
        _ = try await pool.transaction { try Self.merge(records, of: source, $0) }
    }

    /// All series of a study that a source has shown `asked` after the question.
    package func keep(
        _ records: [SeriesRecord], of source: Int32, study: String, asked: Duration
    ) async throws {
        _ = try await pool.transaction {
            try Self.mergeSeries(records, of: source, studies: [study], asked: asked, $0)
        }
    }
}
