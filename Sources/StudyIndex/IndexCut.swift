import DICOM
import PostgresClient

/// One consistent reading of the index, for whoever keeps a copy of a part of it. Good within `withCut` only.
package struct IndexCut {
    private let connection: PostgresConnection
    /// Where the next reading of the change feed begins.
    package let horizon: String
    /// Whose feed it is; that of another database, or of one that was restored, has nothing to do with it.
    package let origin: String

    fileprivate init(_ connection: PostgresConnection) throws {
        self.connection = connection
        let row = try connection.query(SQL.cutMoment).first
        guard let horizon = row?.string(0), let origin = row?.string(1) else {
            throw IndexError(.corrupt, "the database does not say where its change feed stands")
        }
        self.horizon = horizon
        self.origin = origin
    }

    package struct Source: Sendable {
        package let id: Int
        package let name: String
        package let aeTitle: String
        package let issuer: String
        package let priority: Int
        package let lastRun: Int?
        /// Seconds since 1970; nil: nothing is proven.
        package let oldestProof: Int?
        /// Days of which nothing is proven or enumerated.
        package let holes: [DateRange]
    }

    package struct Key: Sendable {
        package let id: String
        package let hash: [UInt8]
        package let scopes: [String]
    }

    /// A study as some sources show it now.
    package struct Study: Sendable {
        package let uid: String
        package var copies: [Copy] = []
        package var series: [(source: Int, record: SeriesRecord)] = []
        /// Sources that do not hold it any more.
        package var goneFrom: [Int] = []
    }

    package struct Copy: Sendable {
        package let source: Int
        /// The effective issuer of its patient ID.
        package let issuer: String
        package let record: StudyRecord
        package let areSeriesKnown: Bool
    }

    package func sources() throws -> [Source] {
        var holes: [Int: [DateRange]] = [:]
        for row in try connection.query(SQL.cutHoles) {
            holes[row.int(0) ?? 0, default: []].append(
                DateRange(lower: row.date(1).flatMap(Days.date), upper: row.date(2).flatMap(Days.date)))
        }
        return try connection.query(SQL.cutSources).map { row in
            Source(
                id: row.int(0) ?? 0, name: row.string(1) ?? "", aeTitle: row.string(2) ?? "",
                issuer: row.string(3) ?? "", priority: row.int(4) ?? 0, lastRun: row.int(5), oldestProof: row.int(6),
                holes: holes[row.int(0) ?? 0] ?? [])
        }
    }

    package func keys() throws -> [Key] {
        try connection.query(SQL.cutKeys).map { row in
            Key(id: row.string(0) ?? "", hash: row.bytes(1) ?? [], scopes: row.strings(2) ?? [])
        }
    }

    /// Hands over studies at these sources: those that have changed since a horizon of this origin, among them such as no
    /// source holds any more; or without one all that are not older than `oldest`.
    package func eachStudy(
        of sources: [Int], since horizon: String?, oldest: DICOMDate?, _ body: (Study) throws -> Void
    ) throws {
        if let horizon {
            let changed = try connection.query(SQL.cutChanged, [.text(horizon)]).compactMap { $0.string(0) }
            for start in stride(from: 0, to: changed.count, by: Self.page) {
                try hand(Array(changed[start..<min(changed.count, start + Self.page)]), sources, to: body)
            }
            return
        }
        var last = ""
        while true {
            let uids = try connection.query(
                SQL.cutPage,
                [
                    .text(last), .intArray(sources.map(Int64.init)),
                    oldest.map { .date(Int32(Days.number($0))) } ?? .null, .int(Int64(Self.page)),
                ]
            ).compactMap { $0.string(0) }
            guard let end = uids.last else { return }
            try hand(uids, sources, to: body)
            last = end
        }
    }

    /// Studies read at once.
    private static let page = 5_000

    private func hand(_ uids: [String], _ sources: [Int], to body: (Study) throws -> Void) throws {
        let parameters: [PostgresValue] = [.textArray(uids), .intArray(sources.map(Int64.init))]
        var studies = Dictionary(uniqueKeysWithValues: uids.map { ($0, Study(uid: $0)) })
        let columns = AttributeDictionary.observation
        for row in try connection.query(SQL.cutCopies, parameters) {
            let (source, uid) = (row.int(0) ?? 0, row.string(5) ?? "")
            if row.bool(3) == true {
                studies[uid]?.goneFrom.append(source)
                continue
            }
            let lossy = Set(row.strings(2) ?? [])
            studies[uid]?.copies.append(
                Copy(
                    source: source, issuer: row.string(1) ?? "",
                    record: StudyRecord(
                        texts: columns.indices.map { row.string($0 + 5) },
                        lossy: columns.filter { $0.column.map(lossy.contains) ?? false }.map(\.tag)),
                    areSeriesKnown: row.bool(4) == true))
        }
        for row in try connection.query(SQL.cutSeries, parameters) {
            let record = SeriesRecord(
                texts: AttributeDictionary.seriesObservation.indices.map { row.string($0 + 1) },
                lossy: (row.strings(10) ?? []).compactMap { AttributeDictionary.attribute(keyword: $0)?.tag })
            studies[record.studyInstanceUID]?.series.append((row.int(0) ?? 0, record))
        }
        for uid in uids { if let study = studies[uid] { try body(study) } }
    }
}

extension StudyIndex {
    /// Runs `body`, on a connection's thread, on one state of the index: what is committed meanwhile is in the next cut.
    package func withCut<T: Sendable>(_ body: @escaping @Sendable (IndexCut) throws -> T) async throws -> T {
        try await pool.withConnection { connection in
            try connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            defer { _ = try? connection.query("COMMIT") }
            return try body(try IndexCut(connection))
        }
    }
}
