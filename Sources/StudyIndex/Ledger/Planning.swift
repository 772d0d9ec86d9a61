import DICOM
import PostgresClient

/// What plans are made of.
extension StudyIndex {
    /// How many studies a source is known to hold, by study date.
    package func dayCounts(source: Int32, _ dates: DateRange) async throws -> [DICOMDate: Int] {
        try await pool.withConnection { connection in
            let rows = try connection.query(
                SQL.dayCounts,
                [
                    .int(Int64(source)), .int(Int64(Days.number(dates.lower ?? .earliest))),
                    .int(Int64(Days.number(dates.upper ?? .latest))),
                ])
            return Self.counts(rows)
        }
    }

    /// Days on which a source is known to hold more than so many studies, all of them with a time.
    package func crowdedDays(source: Int32, over most: Int) async throws -> [DICOMDate: Int] {
        try await pool.withConnection { connection in
            Self.counts(try connection.query(SQL.crowdedDays, [.int(Int64(source)), .int(Int64(most))]))
        }
    }

    private static func counts(_ rows: PostgresResult) -> [DICOMDate: Int] {
        var counts: [DICOMDate: Int] = [:]
        for row in rows {
            if let date = row.date(0).flatMap(Days.date) { counts[date] = row.int(1) }
        }
        return counts
    }

    /// What a source's patient IDs begin with, and which modalities its studies have.
    package func alphabet(of source: Int32) async throws -> (patientLeads: [Character], modalities: [String]) {
        try await pool.withConnection { connection in
            let row = try connection.query(SQL.patientLeads, [.int(Int64(source))]).first
            return (row?.strings(0)?.compactMap(\.first) ?? [], row?.strings(1) ?? [])
        }
    }

    /// Patient IDs that a source has shown, in order; pages of `limit` after `last`.
    package func knownPatients(source: Int32, after last: String, limit: Int) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.knownPatients, [.int(Int64(source)), .text(last), .int(Int64(limit))]
            ).compactMap { $0.string(0) }
        }
    }

    // MARK: Patients

    package enum PatientPassKind: String, Sendable { case prefixes, patients }

    /// The run has asked all of a source's patients and has no hole there. A pass over all patients proves the days that were
    /// asked in parts and have the same studies.
    package func notePatientPass(_ run: RunID, source: Int32, kind: PatientPassKind) async throws {
        try await pool.transaction { connection in
            let ids = [PostgresValue.int(Int64(source)), .int(run.value)]
            try connection.query(SQL.lockCoverage, [ids[0]])
            try connection.query(SQL.notePatientPass, ids + [.text(kind.rawValue)])
            guard kind == .prefixes else { return }
            try connection.query(SQL.proveByPatients, ids)
            try connection.query(SQL.forgetPatientPasses, ids)
        }
    }

    /// How far the sweeps by date reached in one year (F14): of the studies that a pass over all patients has shown, those
    /// that they had not, although their days were asked.
    package struct Completeness: Sendable, Hashable {
        package let source: String
        package let year: Int
        package let studies: Int
        package let beyondDates: Int

        /// Percent of the studies that dates reached.
        package var percent: Double { 100 * Double(studies - beyondDates) / Double(max(1, studies)) }
    }

    /// By source and year, where a pass over all patients was made.
    package func completeness() async throws -> [Completeness] {
        try await pool.withConnection { connection in
            try connection.query(SQL.completeness).map {
                Completeness(
                    source: $0.string(0) ?? "", year: $0.int(1) ?? 0, studies: $0.int(2) ?? 0,
                    beyondDates: $0.int(3) ?? 0)
            }
        }
    }

    package struct PatientPass: Sendable, Hashable {
        package let source: String
        package let kind: PatientPassKind
        /// UTC, as text that sorts by time.
        package let verifiedAt: String
        /// Studies that no date range reaches: their date is blank or cannot be read.
        package let undated: Int
    }

    package func patientPasses() async throws -> [PatientPass] {
        try await pool.withConnection { connection in
            try connection.query(SQL.patientPasses).map {
                PatientPass(
                    source: $0.string(0) ?? "",
                    kind: $0.string(1).flatMap(PatientPassKind.init(rawValue:)) ?? .patients,
                    verifiedAt: $0.string(2) ?? "", undated: $0.int(3) ?? 0)
            }
        }
    }

    // MARK: What has vanished

    package struct Vanishing: Sendable, Hashable {
        /// Studies that two nights have missed and no UID query has asked for.
        package let uids: [String]
        /// Studies that the source is known to hold, these among them.
        package let held: Int
        package let isAccepted: Bool
    }

    package func vanishing(at source: Int32) async throws -> Vanishing {
        try await pool.withConnection { connection in
            let row = try connection.query(SQL.vanishing, [.int(Int64(source))]).first
            return Vanishing(
                uids: row?.strings(0) ?? [], held: row?.int(1) ?? 0, isAccepted: row?.bool(2) ?? false)
        }
    }

    /// Whether the loss of many studies at a source was looked at by a person and is believed.
    package func acceptDeletes(at source: Int32, _ isAccepted: Bool) async throws {
        _ = try await pool.withConnection {
            try $0.query(SQL.acceptDeletes, [.int(Int64(source)), .bool(isAccepted)])
        }
    }
}
