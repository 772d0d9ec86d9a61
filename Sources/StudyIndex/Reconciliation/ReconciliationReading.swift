import DICOM
import PostgresClient

/// What reconciliation reads of the index.
extension StudyIndex {
    /// How far reconciliation has come, and where the index stands now.
    package struct ReconciliationState: Sendable {
        /// nil: there was no pass yet.
        package let horizon: String?
        package let basis: String?
        package let passes: Int
        /// Where a pass that begins now leaves the change feed to the next.
        package let newest: String
        /// Seconds since 1970, by the database's clock.
        package let now: Int
        package let today: DICOMDate
    }

    package func reconciliationState() async throws -> ReconciliationState {
        try await pool.withConnection { connection in
            let row = try connection.query(SQL.reconciliationState)[0]
            guard let newest = row.string(3), let now = row.int(4), let today = row.int(5) else {
                throw IndexError(.corrupt, "the database does not say where its change feed stands")
            }
            return ReconciliationState(
                horizon: row.string(0), basis: row.string(1), passes: row.int(2) ?? 0, newest: newest, now: now,
                today: Days.date(today) ?? .latest)
        }
    }

    /// Studies that have changed since a horizon, and those that are due.
    package func studiesToReconcile(since horizon: String, now: Int) async throws -> [String] {
        try await strings(SQL.studiesToReconcile, [.text(horizon), .int(Int64(now))])
    }

    /// The copies of the next studies in the order of their UIDs, a study after the other; empty at the end.
    package func copies(after uid: String) async throws -> [[StoredObservation]] {
        try await pool.withConnection { Self.studies(try $0.query(SQL.observations, [.text(uid), .int(Self.page)])) }
    }

    /// The copies of studies; without those that no source holds any more.
    package func copies(of uids: [String]) async throws -> [[StoredObservation]] {
        try await pool.withConnection {
            Self.studies(try $0.query(SQL.observationsOf, [.textArray(uids), .null]))
        }
    }

    private static func studies(_ rows: PostgresResult) -> [[StoredObservation]] {
        var studies: [[StoredObservation]] = []
        hand(rows) { studies.append($1) }
        return studies
    }

    // MARK: Evidence

    /// What sources said of patients before: by study, source and attribute.
    package func earlierPatients(
        of uids: [String]
    ) async throws -> [String: [String: [Tag: Set<String>]]] {
        let tags: [Tag] = [.patientID, .patientName, .patientBirthDate, .patientSex]
        return try await pool.withConnection { connection in
            var earlier: [String: [String: [Tag: Set<String>]]] = [:]
            for row in try connection.query(SQL.earlierPatients, [.textArray(uids)]) {
                guard let uid = row.string(0), let source = row.string(1) else { continue }
                for (column, tag) in tags.enumerated() {
                    guard let text = row.string(column + 2), !text.isEmpty else { continue }
                    earlier[uid, default: [:]][source, default: [:]][tag, default: []].insert(text)
                }
            }
            return earlier
        }
    }

    /// A series as reconciliation counts it.
    package struct CountedSeries: Sendable {
        package let uid: String
        package let modality: String
        package let instances: Int?
    }

    /// The series of copies of which all series are known: by study and source.
    package func countedSeries(
        of uids: [String]
    ) async throws -> [String: [String: [CountedSeries]]] {
        try await pool.withConnection { connection in
            var known: [String: [String: [CountedSeries]]] = [:]
            for row in try connection.query(SQL.countedSeries, [.textArray(uids)]) {
                let (modalities, counts) = (row.strings(3) ?? [], row.strings(4) ?? [])
                let series = zip(row.strings(2) ?? [], zip(modalities, counts)).map {
                    CountedSeries(uid: $0, modality: $1.0, instances: Int($1.1))
                }
                known[row.string(0) ?? "", default: [:]][row.string(1) ?? ""] = series
            }
            return known
        }
    }

    // MARK: Pairs

    /// More studies under one accession number than this, and it is none.
    private static let mostOfOneAccession: Int64 = 200

    package func sharedAccessions() async throws -> [String] {
        try await strings(SQL.sharedAccessions, [.int(Self.mostOfOneAccession)])
    }

    /// Accession numbers that studies have or had.
    package func accessions(of uids: [String]) async throws -> [String] {
        try await strings(SQL.accessionsOf, [.textArray(uids)])
    }

    /// The studies of accession numbers, and of them those of numbers that are shared by two or more and not by too many.
    package func studies(
        of accessions: [String]
    ) async throws -> (all: Set<String>, paired: Set<String>) {
        try await pool.withConnection { connection in
            var groups: [String: [String]] = [:]
            let parameters: [PostgresValue] = [.textArray(accessions), .int(Self.mostOfOneAccession)]
            for row in try connection.query(SQL.studiesOfAccessions, parameters) {
                groups[row.string(0) ?? "", default: []].append(row.string(1) ?? "")
            }
            let paired = groups.values.filter { (2...Int(Self.mostOfOneAccession)).contains($0.count) }
            return (Set(groups.values.joined()), Set(paired.joined()))
        }
    }

    // MARK: Missing copies

    /// A study that a source should hold and does not; when its day was proven complete there, and the absence confirmed.
    package struct ConfirmedAbsence: Sendable {
        package let studyUID: String
        package let provenAt: String
        package let confirmedAt: String
    }

    /// The candidates whose day is proven and whose absence a UID query has confirmed.
    package func confirmedMissing(from: Int32, to: Int32, since: DICOMDate) async throws -> [ConfirmedAbsence] {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.confirmedMissing, [.int(Int64(from)), .int(Int64(to)), .int(Int64(Days.number(since)))]
            ).map {
                ConfirmedAbsence(
                    studyUID: $0.string(0) ?? "", provenAt: $0.string(1) ?? "", confirmedAt: $0.string(2) ?? "")
            }
        }
    }

    private func strings(_ sql: String, _ parameters: [PostgresValue]) async throws -> [String] {
        try await pool.withConnection { try $0.query(sql, parameters).compactMap { $0.string(0) } }
    }
}
