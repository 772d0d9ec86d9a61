import DICOM
import Foundation
import PostgresClient
import StudyIndex

/// Slices of made-up observations: UIDs in no order of time, as archives hand them out, and days of their own.
struct IngestWorkload: Sendable {
    static let root = "1.2.840.99999.7"

    private let index: StudyIndex
    private let source: Int32
    private let size: Int

    /// Of so many observations each; brings the database's schema up to date.
    init(_ pool: PostgresPool, size: Int) async throws {
        index = StudyIndex(pool: pool)
        self.size = size
        try await index.migrate()
        let ids = try await index.register([
            SourceDefinition(name: "bench", aeTitle: "BENCH", host: "127.0.0.1", port: 104, issuer: "BENCH")
        ])
        source = ids["bench"] ?? 0
    }

    /// Claims and merges slices as a sweep's worker does; returns how long that took. `changing`: one row in so many
    /// has another description than before.
    func merge(slices: Range<Int>, changing: Int? = nil) async throws -> Duration {
        let new = slices.map { NewSlice(sourceID: source, range: SliceRange(dates: day($0))) }
        let run = try await index.openRun(job: "bench", slices: new, resumeKey: nil)
        var spent = Duration.zero
        for slice in slices {
            let records = (0..<size).map {
                record(slice, $0, isChanged: $0 % (changing ?? .max) == 0 && changing != nil)
            }
            let start = ContinuousClock.now
            guard case .slice(let claimed) = try await index.claim(run: run.id, source: source, worker: "bench") else {
                throw IndexError(.corrupt, "a slice is missing")
            }
            let proof = SliceProof(
                rawRows: size, distinctUIDs: size, filteredOut: 0, finalStatus: 0, duration: .zero)
            _ = try await index.finish(claimed, outcome: .complete(proof), records: records)
            spent += ContinuousClock.now - start
        }
        try await index.closeRun(run.id)
        return spent
    }

    private func day(_ slice: Int) -> DateRange {
        DateRange(day: (DICOMDate("19950101") ?? .earliest).adding(days: slice))
    }

    private func record(_ slice: Int, _ row: Int, isChanged: Bool) -> StudyRecord {
        let number = slice * size + row
        let scattered = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        let date = day(slice).lower?.da ?? ""
        // A patient keeps name, birth date and sex.
        let patient = scattered % 400_009
        return StudyRecord(texts: [
            "\(Self.root).\(slice).\(scattered)", "ID\(patient)", "BENCH",
            "FAMILY\(patient % 50_021)^GIVEN\(patient % 997)^^", "19\(50 + patient % 50)0\(1 + patient % 9)15",
            patient % 2 == 0 ? "F" : "M", date, "1\(number % 10)3\(number % 6)27", "ACC\(scattered % 9_000_011)",
            "\(number % 9_999)",
            isChanged ? "CHANGED DESCRIPTION" : "CT CHEST WITH CONTRAST", "REFERRER\(number % 977)^DOCTOR", "CT\\SR",
            "\(1 + number % 9)",
            "\(100 + number % 900)", "ONLINE", "BENCH", nil,
        ])
    }
}
