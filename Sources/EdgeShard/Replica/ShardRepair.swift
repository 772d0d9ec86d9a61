/// Makes a shard of what can be read of a damaged one, and of the buckets that differ the rows that were published.
///
/// Rows are repaired, never pages: the file is made anew, and its indexes and trigrams with it.
struct ShardRepair {
    private let database: SQLiteDatabase
    /// Beyond it a key is damage: publishers number densely.
    private let largestKey: Int

    /// - Parameter file: a new one.
    init(salvaging damaged: String, into file: String, of manifest: Manifest) throws {
        database = try SQLiteDatabase(path: file, .workingCopy(creating: true))
        largestKey = min((manifest.rows.copies + manifest.rows.studies) * 64 + 1 << 20, Int(Int32.max))
        try ShardSchema.create(database)
        // One that cannot be opened has nothing to salvage.
        guard let damaged = try? SQLiteDatabase(path: damaged, .immutable) else { return }
        try database.transaction {
            for table in ShardSchema.tables { try salvage(table, from: damaged) }
        }
    }

    /// As a delta leaves what is left; rows that it names and that are lost are found missing later.
    func apply(_ patchset: [UInt8]) throws { try Patchset.apply(patchset, to: database, overlookingConflicts: true) }

    /// Of the rows that belong to a study.
    func content() throws -> ContentRoot {
        try database.transaction {
            try database.execute("DELETE FROM study WHERE study_id NOT BETWEEN 1 AND \(largestKey)")
            for table in [ShardSchema.observation, ShardSchema.series] {
                try database.execute(
                    "DELETE FROM \(table.name) WHERE study_id NOT IN (SELECT study_id FROM study)")
            }
        }
        return try ContentRoot(of: database)
    }

    /// Puts published rows in the place of these parts.
    func replace(_ parts: Set<Int>, from published: SQLiteDatabase) throws {
        try database.transaction {
            try remove(parts)
            try insert(parts, from: published)
        }
    }

    func finish() throws { try database.execute(SQL.shardIndexes) }

    // MARK: What can be read

    /// Keys that are read at once.
    private static let stretch = 4_096

    private func salvage(_ table: ShardSchema.Table, from damaged: SQLiteDatabase) throws {
        let last = (try? damaged.integer("SELECT max(\(table.columns[0])) FROM \(table.name)")) ?? largestKey
        for first in stride(from: 1, through: min(last, largestKey), by: Self.stretch) {
            try salvage(table, first...first + Self.stretch - 1, from: damaged)
        }
    }

    /// Around what cannot be read the range is halved, down to single rows.
    private func salvage(_ table: ShardSchema.Table, _ keys: ClosedRange<Int>, from damaged: SQLiteDatabase) throws {
        let (rows, isWhole) = Self.readableRows(of: table, keys, in: damaged)
        for values in rows { try insert(values, into: table) }
        let next = (rows.last?[0].integer ?? keys.lowerBound - 1) + 1
        guard !isWhole, next < keys.upperBound else { return }
        let middle = next + (keys.upperBound - next) / 2
        try salvage(table, next...middle, from: damaged)
        try salvage(table, middle + 1...keys.upperBound, from: damaged)
    }

    /// Up to the first that cannot be read.
    private static func readableRows(
        of table: ShardSchema.Table, _ keys: ClosedRange<Int>, in damaged: SQLiteDatabase
    ) -> (rows: [[SQLiteValue]], isWhole: Bool) {
        var rows: [[SQLiteValue]] = []
        do {
            let statement = try damaged.statement(
                table.selection("WHERE \(table.columns[0]) BETWEEN ? AND ? ORDER BY \(table.columns[0])"))
            defer { statement.reset() }
            try statement.bind([SQLiteValue(keys.lowerBound), SQLiteValue(keys.upperBound)])
            while try statement.step() { rows.append((0..<statement.columnCount).map(statement.value)) }
            return (rows, true)
        } catch { return (rows, false) }
    }

    /// In the place of one with its key. One that the schema does not allow is damaged, and lost.
    private func insert(_ values: [SQLiteValue], into table: ShardSchema.Table) throws {
        do { try database.statement(table.replacement).run(values) } catch {
            guard database.hasFoundConstraintViolated else { throw error }
        }
    }

    // MARK: What is published

    private func remove(_ parts: Set<Int>) throws {
        if parts.contains(BucketRows.sources) { try database.execute("DELETE FROM source") }
        try database.execute("CREATE TEMP TABLE lost (id INTEGER PRIMARY KEY)")
        for (table, others) in [
            (ShardSchema.study, [ShardSchema.observation, ShardSchema.series]), (ShardSchema.tombstone, []),
        ] {
            try database.execute("DELETE FROM lost")
            for (id, uid) in try keys(of: table, in: database) where parts.contains(ContentRoot.bucket(of: uid)) {
                try database.statement("INSERT INTO lost (id) VALUES (?)").run([SQLiteValue(id)])
            }
            for each in [table] + others {
                let key = each.tag == table.tag ? table.columns[0] : "study_id"
                try database.execute("DELETE FROM \(each.name) WHERE \(key) IN (SELECT id FROM lost)")
            }
        }
        try database.execute("DROP TABLE lost")
    }

    /// Rows of `published` of these parts; it may have others beside them.
    private func insert(_ parts: Set<Int>, from published: SQLiteDatabase) throws {
        func belongs(_ id: Int, _ uid: String) -> Bool { parts.contains(ContentRoot.bucket(of: uid)) }
        let studies = Set(try keys(of: ShardSchema.study, in: published).filter(belongs).map(\.id))
        let tombstones = Set(try keys(of: ShardSchema.tombstone, in: published).filter(belongs).map(\.id))
        for table in ShardSchema.tables {
            let statement = try published.statement(table.selection(""))
            defer { statement.reset() }
            while try statement.step() {
                let values = (0..<statement.columnCount).map(statement.value)
                let isWanted =
                    switch table.tag {
                    case ShardSchema.source.tag: parts.contains(BucketRows.sources)
                    case ShardSchema.study.tag: studies.contains(values[0].integer ?? 0)
                    case ShardSchema.tombstone.tag: tombstones.contains(values[0].integer ?? 0)
                    default: studies.contains(values[1].integer ?? 0)
                    }
                if isWanted { try database.statement(table.replacement).run(values) }
            }
        }
    }

    /// Of rows that name their study by its UID.
    private func keys(of table: ShardSchema.Table, in database: SQLiteDatabase) throws -> [(id: Int, uid: String)] {
        let statement = try database.statement("SELECT \(table.columns[0]), study_uid FROM \(table.name)")
        defer { statement.reset() }
        var keys: [(id: Int, uid: String)] = []
        while try statement.step() { keys.append((statement.int(0) ?? 0, statement.text(1) ?? "")) }
        return keys
    }
}

extension SQLiteValue {
    fileprivate var integer: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
}
