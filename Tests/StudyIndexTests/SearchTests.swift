import DICOM
import PostgresClient
import SearchSuite
import Testing

@testable import StudyIndex

@Suite struct SearchTests {
    /// Promise 8: PostgreSQL finds what the reference matcher finds, whatever is asked.
    @Test(arguments: [1, 2, 3] as [UInt64]) func itFindsWhatTheReferenceMatcherFinds(seed: UInt64) async throws {
        try await TestIndex.with { test in
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 120)
            try await test.sweep(copies)
            #expect(try await exercise.disagreements(of: test.index, with: copies, queries: 250) == [])
        }
    }

    @Test(arguments: SearchCase.all) func itAnswersAsEveryCatalogDoes(each: SearchCase) async throws {
        try await TestIndex.with { test in
            try await test.sweep(each.copies)
            #expect(try await each.failures(of: test.index) == [])
        }
    }

    /// The shapes that users ask must not read the table when it is large.
    @Test(arguments: [
        ["PatientID": "P1"], ["PatientID": "P1*"], ["AccessionNumber": "A1"], ["PatientName": "MUELLER^A*"],
        ["PatientName": "MUELLER^ANNA"], ["StudyInstanceUID": "1.1\\1.2"], ["StudyDate": "20200301-20200315"],
        ["PatientID": "P1", "StudyDate": "20200101-"],
    ]) func selectiveSearchesUseAnIndex(keys: [String: String]) async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            var query = StudyQuery()
            for (keyword, text) in keys {
                query.keys.append(
                    try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text))
            }
            let statement = SearchStatement(query)
            #expect(statement.isSelective)
            let (sql, parameters) = statement.amongAll()
            let plan = try await test.pool.withConnection { connection in
                // A small table is read whole unless that is forbidden; then only a shape that no index serves is.
                try connection.execute(script: "SET enable_seqscan = off; SET plan_cache_mode = force_custom_plan")
                return try connection.query("EXPLAIN " + sql, parameters).compactMap { $0.string(0) }
            }
            #expect(!plan.contains { $0.contains("Seq Scan on observation") || $0.contains("Seq Scan on study") })
        }
    }
}

extension TestIndex {
    fileprivate func sweep(_ copies: [SearchedCopy]) async throws {
        for source in ["a", "b", "c"] {
            try await sweep(source, copies.filter { $0.source == source }.map(\.record))
        }
    }
}
