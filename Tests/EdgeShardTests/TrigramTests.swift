import DICOM
import SearchSuite
import Testing

@testable import EdgeShard

@Suite struct TrigramTests {
    private func database() throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: ":memory:", .workingCopy(creating: true))
        try ShardSchema.create(database)
        try database.execute(SQL.shardIndexes)
        try ShardFunctions.register(on: database)
        return database
    }

    private func execute(_ sql: String, _ values: [SQLiteValue], _ database: SQLiteDatabase) throws {
        try database.statement(sql).run(values)
    }

    private func insert(_ id: Int, _ name: String?, _ database: SQLiteDatabase) throws {
        try execute(
            """
            INSERT INTO observation (observation_id, study_id, source_id, issuer, name_key, are_series_known)
            VALUES (?, 1, 1, '', ?, 0)
            """, [SQLiteValue(id), SQLiteValue(name)], database)
    }

    /// A patchset applies its rows in any order.
    @Test(arguments: [1, 2, 3] as [UInt64]) func eachNameIsThereOnceWhateverOrderRowsChangeIn(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let database = try database()
        let names = ["anna^a", "otto^b", "müller^c", nil]
        for _ in 0..<1_000 {
            let id = Int.random(in: 1...40, using: &random)
            let name = SQLiteValue(names.randomElement(using: &random) ?? nil)
            if try database.integer("SELECT count(*) FROM observation WHERE observation_id = \(id)") == 0 {
                try insert(id, names.randomElement(using: &random) ?? nil, database)
            } else if Bool.random(using: &random) {
                let update = "UPDATE observation SET name_key = ? WHERE observation_id = ?"
                try execute(update, [name, SQLiteValue(id)], database)
            } else {
                try execute("DELETE FROM observation WHERE observation_id = ?", [SQLiteValue(id)], database)
            }
            for part in ["ann", "ott", "mül"] {
                let found = try database.texts("SELECT rowid FROM name_trigram WHERE name_trigram MATCH '\(part)'")
                let first = try database.texts(
                    """
                    SELECT min(observation_id) FROM observation WHERE name_key GLOB '\(part)*' GROUP BY name_key
                    """)
                #expect(found == first)
            }
        }
        try database.execute("INSERT INTO name_trigram (name_trigram) VALUES ('integrity-check')")
    }

    @Test func whatNearlyAllNamesHoldIsNotLookedUp() throws {
        let database = try database()
        for number in 0..<1_000 { try insert(number + 1, "family\(number)^given", database) }
        let counts = TrigramCounts()
        let pattern = try #require(Trigrams(of: "*y123^giv*"))
        #expect(try counts.rarest(of: pattern, database) == ["123", "23^", "y12"])
        let unknown = try #require(Trigrams(of: "*xyz^giv*"))
        #expect(try counts.rarest(of: unknown, database) == ["xyz", "yz^", "z^g"])
    }

    /// SQLite would look at the pattern of a GLOB, and plan for it.
    @Test func aStatementIsPreparedOnceForAllPatterns() throws {
        let database = try database()
        let name = try #require(AttributeDictionary.attribute(.patientName))
        var statements: [SQLiteStatement] = []
        for pattern in ["ANNA*", "OTTO*", "MULLER*"] {
            var query = StudyQuery()
            query.keys = [try QueryKey(name, parsing: pattern)]
            let (sql, values) = ShardSearch(query).amongAll()
            let statement = try database.statement(sql)
            try statement.bind(values)
            while try statement.step() {}
            statements.append(statement)
        }
        #expect(statements.allSatisfy { $0 === statements[0] })
        #expect(statements[0].repreparations == 0)
    }
}
