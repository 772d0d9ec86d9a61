/// What is in a shard, whatever pages it lies on: a digest of every bucket of studies, and one over all.
package struct ContentRoot: Sendable, Hashable {
    package static let bucketCount = 4_096

    package let root: Digest
    /// Of the sources, which belong to no study.
    let sources: Digest
    let buckets: [Digest]
    /// Rows by table, in the schema's order.
    package let rows: [Int]

    package var observations: Int { rows[2] }
    package var studies: Int { rows[1] }
    package var tombstones: Int { rows[4] }

    /// The bucket of a study: the first twelve bits of its UID's SHA-256.
    static func bucket(of studyUID: String) -> Int {
        let digest = Digest.of(Array(studyUID.utf8)).bytes
        return Int(digest[0]) << 4 | Int(digest[1]) >> 4
    }

    /// Reads the whole file once, table by table in the order of keys.
    init(of database: SQLiteDatabase) throws {
        var buckets = BucketOfStudies()
        var digests: [[Digest]] = []
        var rows: [Int] = []
        var sources = Digest.of([])
        for table in ShardSchema.tables {
            let (perBucket, count) = try Self.digests(of: table, database, &buckets)
            rows.append(count)
            if case .none = table.bucketing { sources = perBucket[0] } else { digests.append(perBucket) }
        }
        self.rows = rows
        self.sources = sources
        let hasher = SHA256Hasher()
        self.buckets = (0..<Self.bucketCount).map { bucket in
            for table in digests { hasher.update(table[bucket].bytes) }
            return hasher.finish()
        }
        root = Self.root(sources: sources, buckets: self.buckets)
    }

    private static func root(sources: Digest, buckets: [Digest]) -> Digest {
        let hasher = SHA256Hasher()
        hasher.update(Array("concord content \(ShardSchema.format)\n".utf8))
        for digest in [sources] + buckets { hasher.update(digest.bytes) }
        return hasher.finish()
    }

    // MARK: The list of buckets

    /// The digest of the sources, and of each bucket.
    var bucketList: [UInt8] { ([sources] + buckets).flatMap(\.bytes) }

    static let bucketListSize = (1 + bucketCount) * Digest.count

    /// The digests of a list, the sources' last, as parts are numbered; nil: it is not that of this root.
    static func parts(of list: [UInt8], root: Digest) -> [Digest]? {
        guard list.count == bucketListSize else { return nil }
        let digests = stride(from: 0, to: list.count, by: Digest.count).compactMap {
            Digest(list[$0..<$0 + Digest.count])
        }
        let (sources, buckets) = (digests[0], Array(digests.dropFirst()))
        return Self.root(sources: sources, buckets: buckets) == root ? buckets + [sources] : nil
    }

    /// Parts that are not as in `digests`.
    func parts(otherThanIn digests: [Digest]) -> Set<Int> {
        Set(zip(buckets + [sources], digests).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset))
    }

    private static func digests(
        of table: ShardSchema.Table, _ database: SQLiteDatabase, _ known: inout BucketOfStudies
    ) throws -> (perBucket: [Digest], rows: Int) {
        let count = if case .none = table.bucketing { 1 } else { bucketCount }
        let hashers = (0..<count).map { _ in SHA256Hasher() }
        let statement = try database.statement(table.selection("ORDER BY \(table.columns[0])"))
        defer { statement.reset() }
        var row = CanonicalRow()
        var rows = 0
        while try statement.step() {
            rows += 1
            statement.read(table, into: &row)
            let bucket: Int
            switch table.bucketing {
            case .none: bucket = 0
            case .studyUID(let column):
                bucket = Self.bucket(of: statement.text(column) ?? "")
                if table.tag == ShardSchema.study.tag { try known.note(bucket, of: statement.int(0) ?? 0) }
            case .studyID(let column): bucket = try known.bucket(of: statement.int(column) ?? 0)
            }
            row.bytes.withUnsafeBytes(hashers[bucket].update)
        }
        return (hashers.map { $0.finish() }, rows)
    }
}

/// Studies are numbered densely from 1: two bytes each.
private struct BucketOfStudies {
    private var buckets: [UInt16] = []
    private static let none = UInt16.max
    /// Above it a number is no publisher's.
    private static let largest = 1 << 31

    mutating func note(_ bucket: Int, of study: Int) throws {
        guard (1..<Self.largest).contains(study) else { throw ShardError(.malformed, "a study's key out of range") }
        if study >= buckets.count {
            buckets.append(
                contentsOf: repeatElement(Self.none, count: max(study + 1, buckets.count * 2) - buckets.count))
        }
        buckets[study] = UInt16(bucket)
    }

    func bucket(of study: Int) throws -> Int {
        guard buckets.indices.contains(study), buckets[study] != Self.none else {
            throw ShardError(.malformed, "a row of a study that is not in the shard")
        }
        return Int(buckets[study])
    }
}
