import DICOM
import Dispatch
import Foundation
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

    /// Names that are too many to be listed are compared with each row, or read in their order.
    @Test(arguments: [4, 5] as [UInt64]) func itFindsThemWhetherNamesAreListedOrNot(seed: UInt64) async throws {
        try await TestIndex.with { test in
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 120)
            try await test.sweep(copies)
            for _ in 0..<150 {
                let query = exercise.nameQuery()
                let expected = Set(SearchExercise.reference(query, copies).keys)
                let unlisted = SearchStatement(query, within: .all)
                for (sql, parameters) in [unlisted.amongAll(), unlisted.amongNewest()] {
                    let found = Set(try await test.sql(sql, parameters).compactMap { $0.string(3) })
                    #expect(found == expected, "\(SearchExercise.describe(query))")
                }
            }
        }
    }

    @Test(arguments: SearchCase.all) func itAnswersAsEveryCatalogDoes(each: SearchCase) async throws {
        try await TestIndex.with { test in
            try await test.sweep(each.copies)
            #expect(try await each.failures(of: test.index) == [])
        }
    }

    /// F128: Weasis shows what a refusal says only of those for broad searches.
    @Test func infixesThatMoreNamesHaveThanCanBeLookedThroughAreTooBroad() async throws {
        try await TestIndex.with { test in
            try await test.sweep(
                "a", [.sample("1.1", [.patientName: "ZZANDERSZZ"]), .sample("1.2", [.patientName: "OTHER"])])
            func fill(_ count: Int) async throws {
                try await test.sql(
                    """
                    INSERT INTO person_name (key, terms)
                    SELECT 'anders' || n, array_to_tsvector(ARRAY['anders' || n]) FROM generate_series(1, $1) n
                    ON CONFLICT DO NOTHING
                    """, [.int(Int64(count))])
            }
            try await fill(FoundNames.most - 1)
            #expect(try await test.uids(["PatientName": "*anders*"]) == ["1.1"])
            try await fill(FoundNames.most)
            await #expect(throws: IndexError(.tooBroad, "")) { try await test.search(["PatientName": "*anders*"]) }
            // Another key finds few, or names are read in their order: nothing is too broad about it.
            #expect(
                try await test.uids(["PatientName": "*anders*", "StudyDate": "20200315"]) == ["1.1"])
            #expect(try await test.uids(["PatientName": "*anders*", "PatientID": "P1"]) == ["1.1"])
            #expect(
                try await test.uids(["PatientName": "*anders*", "StudyInstanceUID": "1.1\\1.2"]) == ["1.1"])
            try await fill(FoundNames.most + 1)
            #expect(try await test.uids(["PatientName": "anders*"]) == [])
            #expect(try await test.uids(["PatientName": "zza*"]) == ["1.1"])
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
            let statement = try await test.pool.withConnection { [query] in
                try StudyIndex.statement(query, within: .all, $0)
            }
            #expect(statement.isSelective)
            try await expectNoScan(of: ["observation", "study"], statement.amongAll(), test)
        }
    }

    @Test(arguments: [
        ("mul*", "person_name_key"), ("mul*er", "person_name_key"), ("muller^anna", "person_name_key"),
        ("*ull*", "person_name_trigrams"), ("?uller", "person_name_trigrams"), ("山田^太郎", "person_name_terms"),
        ("*山田*", "person_name_terms"), ("*山田^太*", "person_name_terms"),
    ]) func namesAreFoundByAnIndexWhateverTheirCharactersAre(text: String, index: String) async throws {
        try await TestIndex.with { test in
            let attribute = try #require(AttributeDictionary.attribute(.patientName))
            for isFuzzy in [false, true] {
                let key = try QueryKey(attribute, parsing: text, isFuzzy: isFuzzy)
                let condition = try #require(NameCondition(key.match))
                #expect(condition.hasOnePlan)
                let plan = try await expectNoScan(
                    of: ["person_name"], condition.statement(), test, forAllValues: true)
                #expect(
                    plan.contains { $0.contains("Scan on \(index)") || $0.contains("Scan using \(index)") }, "\(plan)")
                // An index may be read whole, too.
                let (scans, conditions) = ("Index Scan|Index Only Scan", "Index Cond")
                #expect(lines(of: plan, with: scans) == lines(of: plan, with: conditions), "\(plan)")
            }
        }
    }

    /// As many as find few names; the others are read for nothing.
    @Test(arguments: [
        ("*erbercar*", ["erb", "erc", "car"]), ("?abcdef^x*", ["abc", "cde", "def"]),
        ("*abcdefghijklmnop*", ["abc", "hij", "nop"]), ("*uller*", []), ("*ωabcde*", []),
    ]) func aLongPartOfANameIsLookedUpByAFewOfItsTrigrams(text: String, trigrams: [String]) async throws {
        #expect(NameTerms.trigrams(in: text) == trigrams)
        let attribute = try #require(AttributeDictionary.attribute(.patientName))
        let condition = try #require(NameCondition(try QueryKey(attribute, parsing: text).match))
        try await TestIndex.with { test in
            let plan = try await expectNoScan(of: ["person_name"], condition.statement(), test, forAllValues: true)
            let indexed = plan.filter { $0.contains("Index Cond: ") && $0.contains("key ~~") }
                .map { $0.components(separatedBy: "key ~~").count - 1 }
            #expect(indexed == [max(1, trigrams.count)], "\(plan)")
        }
    }

    /// Of two characters no trigram is made; two ideographs are a pair.
    @Test func namesOfTwoLettersArePlannedEachTime() async throws {
        let attribute = try #require(AttributeDictionary.attribute(.patientName))
        for text in ["*ul*", "*u^l*", "*山^田*"] {
            let condition = try #require(NameCondition(try QueryKey(attribute, parsing: text).match))
            #expect(!condition.hasOnePlan, "\(text)")
        }
    }

    private func lines(of plan: [String], with words: String) -> Int {
        plan.count { line in words.split(separator: "|").contains { line.contains($0) } }
    }

    /// Searches that read all names, however many, keep no lookup waiting.
    @Test func lookupsDoNotWaitForSlowSearches() async throws {
        try await TestIndex.with(connections: 4 * ProcessInfo.processInfo.activeProcessorCount + 8) { test in
            try await test.sweep("a", [.sample("1.1")])
            let holder = PostgresPool(connectionString: test.connectionString, size: 1)
            try await holder.withConnection { try $0.execute(script: "BEGIN; LOCK TABLE person_name") }
            let (searches, answered) = (100, DispatchSemaphore(value: 0))
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<searches { group.addTask { _ = try? await test.search(["PatientName": "*ue*"]) } }
                group.addTask {
                    let answer = try? await test.search(["StudyInstanceUID": "1.1"])
                    if answer?.studies.count == 1 { answered.signal() }
                }
                let isAnswered = await withCheckedContinuation { done in
                    DispatchQueue.global().async {
                        done.resume(returning: answered.wait(timeout: .now() + 5) == .success)
                    }
                }
                #expect(isAnswered, "it waits for the searches")
                _ = try? await holder.withConnection { try $0.execute(script: "ROLLBACK") }
            }
            await holder.close()
        }
    }

    /// A small table is read whole unless that is forbidden; then only a shape that no index serves is.
    @discardableResult
    private func expectNoScan(
        of tables: [String], _ statement: (sql: String, parameters: [PostgresValue]), _ test: TestIndex,
        forAllValues isForAllValues: Bool = false
    ) async throws -> [String] {
        let plan = try await test.pool.withConnection { connection in
            try connection.execute(script: "SET enable_seqscan = off; SET plan_cache_mode = force_custom_plan")
            return try isForAllValues
                ? connection.planForAllValues(statement.sql, statement.parameters.count)
                : connection.query("EXPLAIN " + statement.sql, statement.parameters).compactMap { $0.string(0) }
        }
        #expect(!plan.contains { line in tables.contains { line.contains("Seq Scan on \($0)") } }, "\(plan)")
        return plan
    }
}

extension TestIndex {
    fileprivate func uids(_ keys: [String: String]) async throws -> [String] {
        try await search(keys).studies.map(\.record.studyInstanceUID)
    }

    fileprivate func sweep(_ copies: [SearchedCopy]) async throws {
        for source in ["a", "b", "c"] {
            try await sweep(source, copies.filter { $0.source == source }.map(\.record))
        }
    }
}
