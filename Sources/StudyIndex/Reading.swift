import DICOM
import PostgresClient

/// What one source says of one study, as reconciliation reads it.
package struct StoredObservation: Sendable {
    package let source: String
    /// The effective issuer of the patient ID: as sent, else the source's.
    package let issuer: String
    package let record: StudyRecord
    /// 1 wins.
    package let priority: Int
    /// `YYYY-MM-DD HH:MM`, UTC.
    package let firstSeen: String
    package let changed: String
    /// Since when it shows these numbers of series and images, in seconds since 1970; nil: since it was first seen.
    package let countedAt: Int?
}

/// A discrepancy as it is stored: plain, so that the rules that make them stay elsewhere.
package struct StoredDiscrepancy: Sendable, Hashable {
    package var discrepancyClass: String
    package var severity: String
    package var studyUID: String
    package var otherUID: String?
    package var sources: [String]
    /// JSON: keyword, source, value.
    package var frozen: String
    package var state = "open"
    package var firstSeen = ""
    /// nil: not stored yet.
    package var id: Int?
    /// Who acknowledged it, and what they say.
    package var acknowledgement = ""

    package init(
        discrepancyClass: String, severity: String, studyUID: String, otherUID: String?, sources: [String],
        frozen: String
    ) {
        self.discrepancyClass = discrepancyClass
        self.severity = severity
        self.studyUID = studyUID
        self.otherUID = otherUID
        self.sources = sources
        self.frozen = frozen
    }
}

extension StudyIndex {
    /// Studies read at once while reconciling.
    static let page: Int64 = 5_000

    /// Hands over the observations of every study, a study at a time, in the order of their UIDs.
    package func eachStudy(_ body: (String, [StoredObservation]) throws -> Void) async throws {
        var last = ""
        while true {
            let after = last
            let rows = try await pool.withConnection {
                try $0.query(SQL.observations, [.text(after), .int(Self.page)])
            }
            guard let end = rows.last?.string(3) else { return }
            try Self.hand(rows, to: body)
            last = end
        }
    }

    static func hand(
        _ rows: PostgresResult, to body: (String, [StoredObservation]) throws -> Void
    ) rethrows {
        var uid: String?
        var copies: [StoredObservation] = []
        for row in rows {
            let observation = observation(row)
            if let finished = uid, finished != observation.record.studyInstanceUID {
                try body(finished, copies)
                copies = []
            }
            uid = observation.record.studyInstanceUID
            copies.append(observation)
        }
        if let uid { try body(uid, copies) }
    }

    private static func observation(_ row: PostgresRow) -> StoredObservation {
        let columns = AttributeDictionary.observation
        let lossy = Set(row.strings(2) ?? [])
        return StoredObservation(
            source: row.string(0) ?? "", issuer: row.string(1) ?? "",
            record: StudyRecord(
                texts: columns.indices.map { row.string($0 + 3) },
                lossy: columns.filter { $0.column.map(lossy.contains) ?? false }.map(\.tag)),
            priority: row.int(columns.count + 3) ?? 100, firstSeen: row.string(columns.count + 4) ?? "",
            changed: row.string(columns.count + 5) ?? "", countedAt: row.int(columns.count + 6))
    }

    package func discrepancies() async throws -> [StoredDiscrepancy] {
        try await pool.withConnection { try $0.query(SQL.discrepancies).map(Self.discrepancy) }
    }

    /// Which discrepancies are wanted; "": any.
    package struct DiscrepancyFilter: Sendable {
        package var discrepancyClass = ""
        package var severity = ""
        package var source = ""
        package var studyUID = ""

        package init() {}
    }

    /// One page of those that are not resolved, the worst first, and how many there are in all; 0 past the end. Of those that
    /// compare a copy which the caller may not see, nothing is told.
    package func discrepancies(
        _ filter: DiscrepancyFilter, limit: Int, offset: Int, within visibility: Visibility
    ) async throws -> (page: [StoredDiscrepancy], total: Int) {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            let rows = try connection.query(
                SQL.discrepanciesOf,
                [
                    .text(filter.discrepancyClass), .text(filter.severity), .text(filter.source),
                    .text(filter.studyUID.storable), .int(Int64(limit)), .int(Int64(offset)),
                    seen.parameter,
                ])
            return (rows.map(Self.discrepancy), rows.first?.int(10) ?? 0)
        }
    }

    private static func discrepancy(_ row: PostgresRow) -> StoredDiscrepancy {
        var stored = StoredDiscrepancy(
            discrepancyClass: row.string(0) ?? "", severity: row.string(1) ?? "", studyUID: row.string(2) ?? "",
            otherUID: row.string(3), sources: row.strings(4) ?? [], frozen: row.string(5) ?? "{}")
        stored.state = row.string(6) ?? "open"
        stored.firstSeen = row.string(7) ?? ""
        stored.id = row.int(8)
        stored.acknowledgement = row.string(9) ?? ""
        return stored
    }

    // MARK: One study

    /// What each source says of a study, and for each attribute of the consolidated one the source that it was taken from,
    /// by keyword. Empty: it is not known.
    package func study(
        _ uid: String, within visibility: Visibility
    ) async throws -> (copies: [StoredObservation], provenance: [String: String]) {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            var copies: [StoredObservation] = []
            let uids = PostgresValue.textArray([uid.storable])
            Self.hand(try connection.query(SQL.observationsOf, [uids, seen.parameter])) { copies = $1 }
            let (sql, parameters) = VisibleStudy.provenance(of: uid, within: seen)
            let sources = try connection.query(sql, parameters.values).first?.strings(0) ?? []
            let pairs = zip(AttributeDictionary.observation.map(\.keyword), sources).filter { !$0.1.isEmpty }
            return (copies, Dictionary(uniqueKeysWithValues: pairs))
        }
    }

    // MARK: Missing copies

    /// Studies that `to` should hold as `from` does and has not shown, though the ledger proves their day complete there.
    package func missingCopyCandidates(from: Int32, to: Int32, since: DICOMDate) async throws -> [String] {
        try await uids(SQL.missingCandidates, from, to, since)
    }

    private func uids(_ sql: String, _ from: Int32, _ to: Int32, _ since: DICOMDate) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query(
                sql, [.int(Int64(from)), .int(Int64(to)), .int(Int64(Days.number(since)))]
            ).compactMap { $0.string(0) }
        }
    }

    /// A study that a source showed lately; found again by its UID, it shows that UID queries work there.
    package func knownStudy(at source: Int32) async throws -> String? {
        try await pool.withConnection { try $0.query(SQL.knownUID, [.int(Int64(source))]).first?.string(0) }
    }

    // MARK: Totals for reports

    package struct SourceTotal: Sendable {
        package let source: String
        package let studies: Int
    }

    package func sourceTotals() async throws -> [SourceTotal] {
        try await pool.withConnection { connection in
            try connection.query(SQL.sourceTotals).map {
                SourceTotal(source: $0.string(0) ?? "", studies: $0.int(1) ?? 0)
            }
        }
    }

    /// Studies that several sources show, with the sources in the order of their names.
    package func duplicates() async throws -> [(uid: String, sources: [String])] {
        try await pool.withConnection { connection in
            try connection.query(SQL.duplicates).map { ($0.string(0) ?? "", $0.strings(1) ?? []) }
        }
    }

    /// How far the index and its reconciliation have come.
    package struct Watermark: Sendable {
        /// The present.
        package let time: String
        /// The newest change.
        package let change: Int
        /// Up to when discrepancies are known; nil: they were never looked for.
        package let reconciled: String?
        /// Studies that have changed since.
        package let unreconciled: Int
    }

    package func watermark() async throws -> Watermark {
        try await pool.withConnection { connection in
            let row = try connection.query(SQL.watermark)[0]
            return Watermark(
                time: row.string(0) ?? "", change: row.int(1) ?? 0, reconciled: row.string(2),
                unreconciled: row.int(3) ?? 0)
        }
    }
}
