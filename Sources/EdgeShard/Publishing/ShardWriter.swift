import DICOM

/// Brings a shard's rows to what the index shows; gives out keys, and never one twice.
final class ShardWriter {
    /// The next key of each table.
    struct NextKeys: Sendable, Hashable, Codable {
        var study = 1
        var observation = 1
        var series = 1
    }

    private let database: SQLiteDatabase
    private let sources: [Int: ShardSource]
    /// Studies before it are outside of the scope; nil: of any age. Those without a date are always inside.
    private let cutoff: DICOMDate?
    private let today: DICOMDate
    private let isEmpty: Bool
    private(set) var keys: NextKeys
    private(set) var changes = Changes()

    struct Changes: Sendable {
        var inserted = 0
        var updated = 0
        var deleted = 0
        /// Copies that left although their study's age did not end them, by source.
        var lost: [Int: Int] = [:]
    }

    /// - Parameter isEmpty: rows are only added, before there are indexes.
    init(
        _ database: SQLiteDatabase, sources: [ShardSource], cutoff: DICOMDate?, today: DICOMDate, keys: NextKeys,
        isEmpty: Bool
    ) {
        self.database = database
        self.sources = Dictionary(sources.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        self.cutoff = cutoff
        self.today = today
        self.keys = keys
        self.isEmpty = isEmpty
    }

    /// The sources of the scope, as they are now.
    func writeSources() throws {
        let known = try rows(of: ShardSchema.source, "WHERE source_id > ?", 0)
        for (id, values) in known where sources[id] == nil {
            try delete(ShardSchema.source, id)
            _ = values
        }
        for source in sources.values.sorted(by: { $0.id < $1.id }) {
            try put(
                ShardSchema.source, source.id,
                [
                    .text(source.name), .text(source.aeTitle), .text(source.issuer), .integer(Int64(source.priority)),
                ], over: known[source.id])
        }
    }

    func write(_ study: ShardStudy) throws {
        let uid = study.uid.storable
        let known = isEmpty ? nil : try studyRow(uid)
        let consolidation = Consolidation(study.copies.filter { sources[$0.source] != nil }, sources: sources)
        guard let consolidation, !isBeforeScope(consolidation.studyDay) else {
            if let known {
                try remove(
                    known.id, uid: uid, goneFrom: consolidation == nil ? study.goneFrom : [],
                    isLoss: consolidation == nil)
            }
            return
        }
        let id = known?.id ?? keys.study
        if known == nil { keys.study += 1 }
        try put(
            ShardSchema.study, id,
            [
                .text(uid), SQLiteValue(consolidation.studyDay?.daysSince1970),
                SQLiteValue(consolidation.studyClock?.microseconds),
            ], over: known?.values)
        try writeCopies(consolidation, of: study, id: id, uid: uid, isNew: known == nil)
        try writeSeries(of: study, id: id, isNew: known == nil)
    }

    /// Studies that have grown older than the scope, and tombstones that were kept long enough.
    func removeAged() throws {
        if let cutoff {
            for (id, values) in try rows(of: ShardSchema.study, "WHERE study_day < ?", cutoff.daysSince1970) {
                guard case .text(let uid) = values[0] else { continue }
                try remove(id, uid: uid, goneFrom: [], isLoss: false)
            }
        }
        let oldest = today.adding(days: -Self.tombstoneDays).daysSince1970
        for (id, _) in try rows(of: ShardSchema.tombstone, "WHERE gone_day < ?", oldest) {
            try delete(ShardSchema.tombstone, id)
        }
    }

    /// Studies of which a whole reading of the index has shown nothing.
    func removeAllBut(_ isKnown: (String) -> Bool) throws {
        for (id, values) in try rows(of: ShardSchema.study, "WHERE study_id > ?", 0) {
            guard case .text(let uid) = values[0], !isKnown(uid) else { continue }
            try remove(id, uid: uid, goneFrom: Array(sources.keys), isLoss: true)
        }
    }

    static let tombstoneDays = 90

    // MARK: Rows of a study

    private func writeCopies(
        _ consolidation: Consolidation, of study: ShardStudy, id: Int, uid: String, isNew: Bool
    ) throws {
        var known = isNew ? [:] : try rows(of: ShardSchema.observation, "WHERE study_id = ?", id)
        for ranked in consolidation.copies {
            let values = ranked.copy.values(
                study: id, ranked.values, otherPatient: consolidation.otherPatient(ranked))
            // One copy of a source: the second value.
            if let old = known.first(where: { $0.value[1] == values[1] }) {
                known[old.key] = nil
                try put(ShardSchema.observation, old.key, values, over: old.value)
            } else {
                try put(ShardSchema.observation, keys.observation, values, over: nil)
                keys.observation += 1
            }
        }
        for (key, values) in known { try removeCopy(key, values, uid: uid, goneFrom: study.goneFrom, isLoss: true) }
    }

    private func writeSeries(of study: ShardStudy, id: Int, isNew: Bool) throws {
        var known = isNew ? [:] : try rows(of: ShardSchema.series, "WHERE study_id = ?", id)
        // Of copies that are there.
        let holders = Set(study.copies.map(\.source)).intersection(sources.keys)
        for series in study.series where holders.contains(series.source) {
            let values = series.values(study: id)
            // One row of a source for each series: the second and third value.
            if let old = known.first(where: { $0.value[1] == values[1] && $0.value[2] == values[2] }) {
                known[old.key] = nil
                try put(ShardSchema.series, old.key, values, over: old.value)
            } else {
                try put(ShardSchema.series, keys.series, values, over: nil)
                keys.series += 1
            }
        }
        for key in known.keys { try delete(ShardSchema.series, key) }
    }

    private func remove(_ id: Int, uid: String, goneFrom: [Int], isLoss: Bool) throws {
        for (key, values) in try rows(of: ShardSchema.observation, "WHERE study_id = ?", id) {
            try removeCopy(key, values, uid: uid, goneFrom: goneFrom, isLoss: isLoss)
        }
        for key in try rows(of: ShardSchema.series, "WHERE study_id = ?", id).keys {
            try delete(ShardSchema.series, key)
        }
        try delete(ShardSchema.study, id)
    }

    private func removeCopy(_ key: Int, _ values: [SQLiteValue], uid: String, goneFrom: [Int], isLoss: Bool) throws {
        try delete(ShardSchema.observation, key)
        guard case .integer(let number) = values[1] else { return }
        let source = Int(number)
        if isLoss { changes.lost[source, default: 0] += 1 }
        guard goneFrom.contains(source) else { return }
        try put(
            ShardSchema.tombstone, key,
            [.text(uid), .integer(number), .integer(Int64(today.daysSince1970))], over: nil)
    }

    private func isBeforeScope(_ day: DICOMDate?) -> Bool {
        guard let cutoff, let day else { return false }
        return day < cutoff
    }

    // MARK: Single rows

    private func studyRow(_ uid: String) throws -> (id: Int, values: [SQLiteValue])? {
        let statement = try database.statement(ShardSchema.study.selection("WHERE study_uid = ?"))
        defer { statement.reset() }
        try statement.bind(.text(uid), at: 1)
        guard try statement.step(), let id = statement.int(0) else { return nil }
        return (id, (1..<statement.columnCount).map(statement.value))
    }

    private func rows(of table: ShardSchema.Table, _ condition: String, _ value: Int) throws -> [Int: [SQLiteValue]] {
        let statement = try database.statement(table.selection(condition))
        defer { statement.reset() }
        try statement.bind(.integer(Int64(value)), at: 1)
        var rows: [Int: [SQLiteValue]] = [:]
        while try statement.step() {
            if let id = statement.int(0) { rows[id] = (1..<statement.columnCount).map(statement.value) }
        }
        return rows
    }

    private func put(
        _ table: ShardSchema.Table, _ id: Int, _ values: [SQLiteValue], over known: [SQLiteValue]?
    ) throws {
        guard values != known else { return }
        if known == nil {
            changes.inserted += 1
            try database.statement(table.insertion).run([.integer(Int64(id))] + values)
        } else {
            changes.updated += 1
            try database.statement(table.update).run(values + [.integer(Int64(id))])
        }
    }

    private func delete(_ table: ShardSchema.Table, _ id: Int) throws {
        changes.deleted += 1
        try database.statement(table.deletion).run([.integer(Int64(id))])
    }
}
