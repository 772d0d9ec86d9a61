import DICOM
import Foundation
import SearchSuite
import Testing

@testable import EdgeShard

@Suite struct ShardSearchTests {
    /// A replica that holds these copies, by way of a publication and a sync.
    private func withReplica(
        of copies: [SearchedCopy], _ body: (ReplicaCatalog) async throws -> Void
    ) async throws {
        let published = try Published()
        // Live copies are newer.
        published.now -= 30 * 86_400
        let ids = ["a": 1, "b": 2, "c": 3]
        let studies = Dictionary(grouping: copies, by: \.record.studyInstanceUID).map { uid, copies in
            ShardStudy(
                uid: uid,
                copies: copies.map {
                    ShardStudy.Copy(source: ids[$0.source] ?? 0, issuer: $0.issuer, record: $0.record)
                })
        }
        // Half at once, half by a delta: indexes and trigrams have to follow both ways.
        let half = studies.count / 2
        try published.publish(Array(studies.prefix(half)))
        try await published.sync()
        published.night()
        try published.publish(Array(studies.dropFirst(half)))
        try await published.sync()
        let catalog = ReplicaCatalog(root: published.replica, trust: published.trust, threads: 1)
        do { try await body(catalog) } catch {
            await catalog.stop()
            throw error
        }
        await catalog.stop()
    }

    /// Promise 8.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func itFindsWhatTheReferenceMatcherFinds(seed: UInt64) async throws {
        var exercise = SearchExercise(seed: seed)
        let copies = exercise.copies(studies: 120)
        try await withReplica(of: copies) { catalog in
            let disagreements = try await exercise.disagreements(of: catalog, with: copies, queries: 500)
            #expect(disagreements == [])
        }
    }

    /// Copies that the site's own PACS have shown since take the place of the shard's, in all searches and pages.
    @Test(arguments: [5, 6] as [UInt64]) func itFindsWhatLiveCopiesShow(seed: UInt64) async throws {
        var exercise = SearchExercise(seed: seed)
        let before = exercise.copies(studies: 120)
        let shown = exercise.copies(studies: 150).filter { $0.source == "b" }.enumerated()
            .filter { $0.offset % 3 == 0 }.map(\.element)
        let replaced = Set(shown.map(\.record.studyInstanceUID))
        let after = before.filter { $0.source != "b" || !replaced.contains($0.record.studyInstanceUID) } + shown
        try await withReplica(of: before) { catalog in
            catalog.keep(shown.map(\.record), of: "b")
            let disagreements = try await exercise.disagreements(of: catalog, with: after, queries: 400)
            #expect(disagreements == [])
        }
    }

    @Test func liveCopiesAreForgottenOnceAGenerationWasMadeLater() async throws {
        let published = try Published()
        try published.publish([.sample("1.1")])
        try await published.sync()
        let catalog = ReplicaCatalog(root: published.replica, trust: published.trust, threads: 1)
        catalog.keep([.sample("1.2")], of: "a")
        #expect(try await catalog.search(StudyQuery(), within: .unrestricted).total == 2)
        published.now = Int(Date().timeIntervalSince1970) + 60
        try published.publish([])
        try await published.sync()
        try await Task.sleep(for: .milliseconds(250))
        #expect(try await catalog.search(StudyQuery(), within: .unrestricted).total == 1)
        await catalog.stop()
    }

    @Test(arguments: SearchCase.all) func itAnswersAsEveryCatalogDoes(each: SearchCase) async throws {
        try await withReplica(of: each.copies) { catalog in
            let failures = try await each.failures(of: catalog)
            #expect(failures == [])
        }
    }

    /// The shapes that users ask must not read the table when it is large.
    @Test(arguments: [
        ["PatientID": "P1"], ["PatientID": "P1*"], ["AccessionNumber": "A1"], ["PatientName": "MUELLER^A*"],
        ["PatientName": "MUELLER^ANNA"], ["PatientName": "*ELLER*"], ["StudyInstanceUID": "1.1\\1.2"],
        ["StudyDate": "20200301-20200315"], ["PatientID": "P1", "StudyDate": "20200101-"],
    ]) func selectiveSearchesUseAnIndex(keys: [String: String]) throws {
        var query = StudyQuery()
        for (keyword, text) in keys {
            query.keys.append(
                try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text))
        }
        let search = ShardSearch(query)
        #expect(search.driver != nil)
        let database = try SQLiteDatabase(path: ":memory:", .workingCopy(creating: true))
        try ShardSchema.create(database)
        try database.execute(SQL.shardIndexes)
        try ShardFunctions.register(on: database)
        let (sql, values) = search.amongAll()
        let plan = try database.statement("EXPLAIN QUERY PLAN " + sql)
        try plan.bind(values)
        while try plan.step() {
            let step = plan.text(3) ?? ""
            #expect(
                !["SCAN o", "SCAN c", "SCAN s", "SCAN observation", "SCAN study"].contains {
                    step.hasPrefix($0) && !step.contains("USING")
                }, "\(step)")
        }
    }

    /// With one thread.
    @Test func aSearchThatIsNotOverSoonGoesOnBesideTheOthers() async throws {
        let catalog = ReplicaCatalog(root: "", trust: [], threads: 1)
        let isOver = DispatchSemaphore(value: 0)
        async let broad = catalog.inTurn { limit in
            guard limit > .seconds(1) else { throw ShardError(.tooBroad, "its turn is over") }
            isOver.wait()
            return limit
        }
        for _ in 0..<3 { #expect(try await catalog.inTurn { $0 } < .milliseconds(10)) }
        isOver.signal()
        #expect(try await broad == .seconds(10))
        await catalog.stop()
    }

    @Test func aSearchEndsWhenItsTimeIsUp() throws {
        let published = try Published()
        try published.publish([.sample("1.1")])
        let file = "\(published.root)/state/north/1/shard.sqlite"
        let shard = try OpenShard(path: file, manifest: try published.manifest(1), expires: 0)
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        #expect(throws: ShardError(.tooBroad, "the search took too long")) {
            try shard.read(within: .milliseconds(1)) { try $0.integer(endless) }
        }
        #expect(try shard.read(within: .seconds(1)) { try $0.integer("SELECT count(*) FROM study") } == 1)
    }

    @Test func whatIsInstalledMeanwhileIsSeenByTheNextQuestion() async throws {
        let published = try Published()
        try published.publish([.sample("1.1")])
        try await published.sync()
        let catalog = ReplicaCatalog(root: published.replica, trust: published.trust, threads: 1)
        @Sendable func count() async throws -> Int {
            try await catalog.search(StudyQuery(), within: .unrestricted).total
        }
        #expect(try await count() == 1)
        try await catalog.pinned { view in
            #expect(view.shards.map(\.manifest.generation) == [1])
            published.night()
            try published.publish([.sample("1.2")])
            for _ in 0..<4 {
                try await published.sync()
                published.night()
                try published.publish([])
            }
            // Even now that its directory is gone.
            #expect((published.installed.generations.first ?? 0) > 1)
            #expect(try await count() == 1)
        }
        try await Task.sleep(for: .milliseconds(250))
        #expect(try await count() == 2)
        await catalog.stop()
    }

    @Test func seriesAreShownWithTheirHoldersAndWhatIsUnknownIsSaid() async throws {
        let published = try Published()
        var known = ShardStudy.sample("1.1", series: 2)
        known.copies[0].areSeriesKnown = true
        try published.publish([known, .sample("1.2")])
        try await published.sync()
        let catalog = ReplicaCatalog(root: published.replica, trust: published.trust, threads: 1)
        #expect(
            try await catalog.series(of: ["1.1", "1.2"], within: .unrestricted).map(\.record.seriesInstanceUID) == [
                "1.1.0", "1.1.1",
            ])
        #expect(try await catalog.series(of: ["1.1"], within: .unrestricted).map(\.holders) == [["PACSA"], ["PACSA"]])
        #expect(
            try await catalog.holdersWithUnknownSeries(of: ["1.1", "1.2"], within: .unrestricted).map(\.study) == [
                "1.2"
            ])
        #expect(try await catalog.studies(ofSeries: ["1.1.1"], within: .unrestricted) == ["1.1"])
        await catalog.stop()
    }
}
