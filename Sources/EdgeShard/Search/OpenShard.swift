import CSQLite
import DICOM
import Synchronization

/// One installed generation of a shard, open for reading. Whoever holds it reads this generation, whatever is installed
/// meanwhile, and its file stays until the last of them lets go.
package final class OpenShard: Sendable {
    package let manifest: Manifest
    /// Of the newest timestamp, in seconds since 1970: until then it counts as fresh.
    package let expires: Int
    let sources: [Int: ShardSource]
    /// The best first.
    let ranked: [ShardSource]
    /// The position of each in `ranked`, by its number.
    let ranks: [Int: Int]
    private let content: Content
    /// A damaged file is replaced by another one of the same generation.
    let file: UInt64?
    let trigrams = TrigramCounts()
    /// Connections that nobody uses at the moment.
    private let idle = Mutex<[Connection]>([])

    private struct Connection: @unchecked Sendable {
        // Handed from one user to the next, never shared.
        let database: SQLiteDatabase
        let deadline: Deadline
    }

    private enum Content: Sendable {
        case file(String)
        case memory([UInt8])
    }

    package convenience init(path: String, manifest: Manifest, expires: Int) throws {
        try self.init(.file(path), file: Files.identity(path), manifest: manifest, expires: expires)
    }

    /// One in memory, of what is beside that shard.
    convenience init(bytes: [UInt8], like shard: OpenShard) throws {
        try self.init(.memory(bytes), file: nil, manifest: shard.manifest, expires: shard.expires)
    }

    private init(_ content: Content, file: UInt64?, manifest: Manifest, expires: Int) throws {
        self.content = content
        self.file = file
        self.manifest = manifest
        self.expires = expires
        let connection = try Self.connect(content)
        let rows = try connection.database.statement(ShardSchema.source.selection(""))
        var sources: [Int: ShardSource] = [:]
        while try rows.step() {
            let id = rows.int(0) ?? 0
            sources[id] = ShardSource(
                id: id, name: rows.text(1) ?? "", aeTitle: rows.text(2) ?? "", issuer: rows.text(3) ?? "",
                priority: rows.int(4) ?? 0)
        }
        rows.reset()
        self.sources = sources
        ranked = sources.values.sorted { $0.precedes($1) }
        ranks = Dictionary(uniqueKeysWithValues: ranked.enumerated().map { ($1.id, $0) })
        idle.withLock { $0.append(connection) }
    }

    /// Whether its file is still there: others of three generations before are removed.
    var isInstalled: Bool {
        switch content {
        case .file(let path): Files.identity(path) == file
        case .memory: true
        }
    }

    /// Runs `body` with a connection of its own.
    func read<T>(within limit: Duration, _ body: (SQLiteDatabase) throws -> T) throws -> T {
        let connection = try idle.withLock { $0.popLast() } ?? Self.connect(content)
        connection.deadline.set(limit)
        // After an error it is not used again, because the file may be damaged where it has read; but where only time was up.
        do {
            let value = try body(connection.database)
            idle.withLock { $0.append(connection) }
            return value
        } catch let error as ShardError where error.code == .tooBroad {
            idle.withLock { $0.append(connection) }
            throw error
        }
    }

    private static func connect(_ content: Content) throws -> Connection {
        let database =
            switch content {
            case .file(let path): try SQLiteDatabase(path: path, .immutable)
            case .memory(let bytes): try SQLiteDatabase(bytes: bytes)
            }
        try ShardFunctions.register(on: database)
        let deadline = Deadline()
        sqlite3_progress_handler(
            database.handle, 20_000,
            { deadline in
                deadline.map { Unmanaged<Deadline>.fromOpaque($0).takeUnretainedValue().hasPassed ? 1 : 0 } ?? 0
            }, Unmanaged.passUnretained(deadline).toOpaque())
        return Connection(database: database, deadline: deadline)
    }

    /// When the search under way has taken too long; asked by SQLite every so many steps.
    private final class Deadline: Sendable {
        private let instant = Mutex(ContinuousClock.now)

        func set(_ limit: Duration) { instant.withLock { $0 = .now + limit } }
        var hasPassed: Bool { instant.withLock { .now > $0 } }
    }

    /// Bytes of its file by table and index.
    package func sizes() throws -> [String: Int] {
        try read(within: .seconds(60)) { database in
            let rows = try database.statement("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
            defer { rows.reset() }
            var sizes: [String: Int] = [:]
            while try rows.step() { sizes[rows.text(0) ?? ""] = rows.int(1) }
            return sizes
        }
    }

    // MARK: Rows

    /// Of all studies in it.
    func uids() throws -> [String] {
        try read(within: .seconds(10)) { try $0.texts("SELECT study_uid FROM study") }
    }

    /// What each source says of a study.
    func copies(of study: Int, uid: String, _ database: SQLiteDatabase) throws -> [ShardStudy.Copy] {
        let rows = try database.statement(
            ShardSchema.observation.selection("INDEXED BY observation_study WHERE study_id = ?"))
        defer { rows.reset() }
        try rows.bind(.integer(Int64(study)), at: 1)
        var copies: [ShardStudy.Copy] = []
        while try rows.step() {
            let texts = [uid] + (Self.firstText..<Self.issuer).map(rows.text)
            let lossy = rows.text(Self.lossy).map(ListColumn.values) ?? []
            copies.append(
                ShardStudy.Copy(
                    source: rows.int(Self.source) ?? 0, issuer: rows.text(Self.issuer) ?? "",
                    record: StudyRecord(texts: texts, lossy: lossy.compactMap(Tag.init(hex:))),
                    areSeriesKnown: rows.int(Self.areSeriesKnown) == 1))
        }
        return copies
    }

    /// All that is known of a study, and what that is asked by.
    func study(_ uid: String, _ database: SQLiteDatabase) throws -> ShardStudy {
        var study = ShardStudy(uid: uid, copies: [])
        let row = try database.statement("SELECT study_id FROM study INDEXED BY study_uid WHERE study_uid = ?")
        defer { row.reset() }
        try row.bind(.text(uid), at: 1)
        guard try row.step(), let id = row.int(0) else { return study }
        study.copies = try copies(of: id, uid: uid, database)
        let rows = try database.statement(
            ShardSchema.series.selection("INDEXED BY series_study WHERE study_id = ?"))
        defer { rows.reset() }
        try rows.bind(.integer(Int64(id)), at: 1)
        while try rows.step() {
            let texts = [rows.text(3), uid] + (4..<11).map(rows.text)
            let lossy = rows.text(11).map(ListColumn.values) ?? []
            study.series.append(
                ShardStudy.Series(
                    source: rows.int(2) ?? 0,
                    record: SeriesRecord(texts: texts, lossy: lossy.compactMap(Tag.init(hex:)))))
        }
        return study
    }

    private static let source = position("source_id")
    private static let firstText = position("patient_id")
    private static let issuer = position("issuer")
    private static let lossy = position("lossy")
    private static let areSeriesKnown = position("are_series_known")

    private static func position(_ column: String) -> Int {
        ShardSchema.observation.columns.firstIndex(of: column) ?? 0
    }
}
