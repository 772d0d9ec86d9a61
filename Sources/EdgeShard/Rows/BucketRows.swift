/// The rows of a shard by bucket, as canonical rows: what a site fetches of the buckets that it has lost.
enum BucketRows {
    /// Buckets, and after them the sources.
    static let partCount = ContentRoot.bucketCount + 1
    static let sources = ContentRoot.bucketCount

    /// Hands over the rows of each part that has any.
    static func each(of database: SQLiteDatabase, _ body: (Int, [UInt8]) throws -> Void) throws {
        let studies = try studiesByBucket(database)
        let tombstones = try tombstonesByBucket(database)
        for bucket in 0..<ContentRoot.bucketCount {
            var rows: [UInt8] = []
            for study in studies[bucket] {
                for table in [ShardSchema.study, ShardSchema.observation, ShardSchema.series] {
                    try append(table, "WHERE study_id = ?", study, database, to: &rows)
                }
            }
            rows += tombstones[bucket] ?? []
            if !rows.isEmpty { try body(bucket, rows) }
        }
        var rows: [UInt8] = []
        try append(ShardSchema.source, "WHERE source_id > ?", 0, database, to: &rows)
        if !rows.isEmpty { try body(sources, rows) }
    }

    private static func append(
        _ table: ShardSchema.Table, _ condition: String, _ value: Int, _ database: SQLiteDatabase,
        to rows: inout [UInt8]
    ) throws {
        let statement = try database.statement(table.selection(condition))
        defer { statement.reset() }
        try statement.bind(.integer(Int64(value)), at: 1)
        var row = CanonicalRow()
        while try statement.step() {
            statement.read(table, into: &row)
            rows += row.bytes
        }
    }

    private static func studiesByBucket(_ database: SQLiteDatabase) throws -> [[Int]] {
        var studies = [[Int]](repeating: [], count: ContentRoot.bucketCount)
        let statement = try database.statement("SELECT study_id, study_uid FROM study")
        defer { statement.reset() }
        while try statement.step() {
            studies[ContentRoot.bucket(of: statement.text(1) ?? "")].append(statement.int(0) ?? 0)
        }
        return studies
    }

    private static func tombstonesByBucket(_ database: SQLiteDatabase) throws -> [Int: [UInt8]] {
        var tombstones: [Int: [UInt8]] = [:]
        let table = ShardSchema.tombstone
        let statement = try database.statement(table.selection(""))
        defer { statement.reset() }
        var row = CanonicalRow()
        while try statement.step() {
            statement.read(table, into: &row)
            tombstones[ContentRoot.bucket(of: statement.text(1) ?? ""), default: []] += row.bytes
        }
        return tombstones
    }

    /// Reads canonical rows back.
    static func read(_ bytes: [UInt8], _ body: (ShardSchema.Table, [SQLiteValue]) throws -> Void) throws {
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
            guard let tag = reader.take(1)?.first, let table = ShardSchema.tables.first(where: { $0.tag == tag }),
                let values = reader.all(table.columns.count, { $0.value() })
            else { throw ShardError(.malformed, "rows that are not in the canonical form") }
            try body(table, values)
        }
    }
}

extension ByteReader {
    fileprivate mutating func value() -> SQLiteValue? {
        switch take(1)?.first {
        case 0: return .null
        case 1: return take(8).map { bytes in .integer(Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })) }
        case 2:
            return integer(UInt32.self).flatMap { take($0) }.map { .text(String(decoding: $0, as: UTF8.self)) }
        default: return nil
        }
    }
}

/// Rows by bucket on their way out: each part is sealed by a key of its own, so that it is read alone.
final class BucketRowsSealer {
    private let output: OutputFile
    private let key: [UInt8]
    private let whole = SHA256Hasher()
    private var length = 0
    private var entries = [BucketTable.Entry](repeating: .empty, count: BucketRows.partCount)

    init(to output: OutputFile) throws {
        self.output = output
        key = try randomBytes(ChunkCipher.keySize)
    }

    func seal(_ part: Int, _ rows: [UInt8]) throws {
        let sealer = try ObjectSealer(level: LZ4Compressor.quick, key: try BucketTable.key(of: part, key)) {
            [whole, output] bytes in
            whole.update(bytes)
            try output.write(bytes)
        }
        try rows.withUnsafeBytes(sealer.write)
        let sealed = try sealer.finish()
        entries[part] = BucketTable.Entry(
            length: sealed.length, contentLength: sealed.contentLength, digest: sealed.digest)
        length += sealed.length
    }

    func finish() -> (digest: Digest, length: Int, table: [UInt8]) {
        (whole.finish(), length, BucketTable(key: key, entries: entries).bytes)
    }
}

/// Where the parts of sealed rows lie, one after the other (FORMAT.md, Rows by bucket).
struct BucketTable {
    struct Entry {
        var length: Int
        var contentLength: Int
        /// Of the sealed bytes.
        var digest: Digest

        static let empty = Entry(length: 0, contentLength: 0, digest: .zero)
        static let size = 8 + Digest.count
    }

    static let size = ChunkCipher.keySize + BucketRows.partCount * Entry.size

    let key: [UInt8]
    let entries: [Entry]

    init(key: [UInt8], entries: [Entry]) {
        self.key = key
        self.entries = entries
    }

    /// - Parameter length: of all parts together.
    init(bytes: [UInt8], length: Int) throws {
        var reader = ByteReader(bytes)
        let key = reader.take(ChunkCipher.keySize)
        let entries = reader.all(BucketRows.partCount) { reader -> Entry? in
            guard let length = reader.integer(UInt32.self), let contentLength = reader.integer(UInt32.self),
                let digest = reader.take(Digest.count).flatMap({ Digest($0) })
            else { return nil }
            return Entry(length: length, contentLength: contentLength, digest: digest)
        }
        guard let key, let entries, reader.isAtEnd, entries.reduce(0, { $0 + $1.length }) == length else {
            throw ShardError(.malformed, "a table of buckets that is not one of format \(ShardSchema.format)")
        }
        self.init(key: key, entries: entries)
    }

    var bytes: [UInt8] {
        var bytes = key
        for entry in entries {
            bytes.append(bigEndian: UInt32(entry.length))
            bytes.append(bigEndian: UInt32(entry.contentLength))
            bytes += entry.digest.bytes
        }
        return bytes
    }

    func offset(of part: Int) -> Int { entries[..<part].reduce(0) { $0 + $1.length } }

    /// The rows of a part whose digest was found right.
    func open(_ part: Int, _ sealed: [UInt8]) throws -> [UInt8] {
        var rows: [UInt8] = []
        try ObjectOpener.open(
            length: sealed.count, contentLength: entries[part].contentLength, key: try Self.key(of: part, key),
            read: { Array(sealed[$0..<$0 + $1]) }, { rows.append(contentsOf: $0) })
        return rows
    }

    static func key(of part: Int, _ key: [UInt8]) throws -> [UInt8] {
        var info = Array("concord shard \(ShardSchema.format) rows\0".utf8)
        info.append(bigEndian: UInt32(part))
        return try WrappingContext.hkdf(key, info: info)
    }
}
