import DICOM
import Dispatch
import PostgresClient
import SearchSuite
import Testing

@testable import StudyIndex

@Suite struct IndexCutTests {
    private func studies(
        _ test: TestIndex, of sources: [String], since horizon: String? = nil, oldest: DICOMDate? = nil
    ) async throws -> (horizon: String, studies: [IndexCut.Study]) {
        let ids = sources.map { Int(test.source($0)) }
        return try await test.index.withCut { cut in
            var studies: [IndexCut.Study] = []
            try cut.eachStudy(of: ids, since: horizon, oldest: oldest) { studies.append($0) }
            return (cut.horizon, studies)
        }
    }

    @Test func aWholeCutHasTheCopiesOfItsSources() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2", [.studyDate: "20010101"])])
            try await test.sweep("c", [.sample("1.1"), .sample("1.3", [.studyDate: ""])])
            let (_, all) = try await studies(test, of: ["a", "c"])
            #expect(all.map(\.uid) == ["1.1", "1.2", "1.3"])
            #expect(all[0].copies.map(\.issuer) == ["HOSP", "OTHER"])
            #expect(all[0].copies.first?.record[.accessionNumber] == "A1")
            #expect(try await studies(test, of: ["c"]).studies.map { $0.copies.count } == [1, 1])
            let recent = try await studies(test, of: ["a", "c"], oldest: DICOMDate("20100101")).studies
            #expect(recent.map(\.uid) == ["1.1", "1.3"])
        }
    }

    @Test func theNextCutHasWhatChangedAndNothingElse() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            let (horizon, _) = try await studies(test, of: ["a"])
            #expect(try await studies(test, of: ["a"], since: horizon).studies.isEmpty)
            try await test.sweep("a", [.sample("1.1"), .sample("1.2", [.studyDescription: "MR"]), .sample("1.3")])
            #expect(try await studies(test, of: ["a"], since: horizon).studies.map(\.uid) == ["1.2", "1.3"])
        }
    }

    /// A transaction that began before a cut and commits after it is in the next one.
    @Test func aLateCommitIsNotSkipped() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1")])
            let (begun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            // On a connection's own thread, which may wait.
            async let late: Void = test.pool.transaction { connection in
                try connection.query("INSERT INTO change (study_uid) VALUES ('1.1')")
                begun.signal()
                mayEnd.wait()
            }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    begun.wait()
                    continuation.resume()
                }
            }
            let (horizon, _) = try await studies(test, of: ["a"])
            // Later transactions that commit at once do not carry the horizon beyond it.
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            let (next, seen) = try await studies(test, of: ["a"], since: horizon)
            #expect(seen.map(\.uid) == ["1.2"])
            mayEnd.signal()
            try await late
            #expect(try await studies(test, of: ["a"], since: next).studies.map(\.uid) == ["1.1", "1.2"])
        }
    }

    @Test func whatNoSourceHoldsAnyMoreIsSaid() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1")])
            let (horizon, _) = try await studies(test, of: ["a"])
            try await test.sql("UPDATE observation SET missed_nights = 2, missing_since = now(), vanished_at = now()")
            try await test.sql("INSERT INTO change (study_uid) VALUES ('1.1')")
            let gone = try await studies(test, of: ["a"], since: horizon).studies
            #expect(gone.map(\.uid) == ["1.1"] && gone[0].copies.isEmpty)
            #expect(gone[0].goneFrom == [Int(test.source("a"))])
        }
    }

    @Test func daysThatWereNeverAskedAreHoles() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", .dates("20200101-20201231"), [.sample("1.1")])
            let sources = try await test.index.withCut { try $0.sources() }
            let known = try #require(sources.first { $0.name == "a" })
            #expect(known.holes.map(\.da) == ["-20191231", "20210101-"])
            #expect(known.lastRun != nil && known.oldestProof != nil)
            #expect(sources.first { $0.name == "b" }?.holes.count == 1)
        }
    }

    @Test func keysThatMayAskAreGoodAtSites() async throws {
        try await TestIndex.with { test in
            var terms = KeyTerms(scopes: [.query])
            let key = try #require(try await test.index.createKey(name: "viewer", terms))
            _ = try await test.index.createKey(name: "boss", KeyTerms(scopes: [.admin]))
            let revoked = try #require(try await test.index.createKey(name: "old", terms))
            _ = try await test.index.revokeKey(id: revoked.id)
            // Sites know neither facilities nor when a key ends.
            terms.visibility = .facilities(["North"])
            _ = try await test.index.createKey(name: "north", terms)
            terms.visibility = .unrestricted
            terms.lifetime = .seconds(3_600)
            _ = try await test.index.createKey(name: "guest", terms)
            let keys = try await test.index.withCut { try $0.keys() }
            #expect(keys.map(\.id) == [key.id])
            #expect(keys.first?.hash == SHA256.hash(Array(key.text.split(separator: "_")[2].utf8)))
        }
    }

    /// Series are merged without their study being written: the feed has to say so all the same.
    @Test func seriesThatChangeOrBecomeKnownAreInTheFeed() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            let source = test.source("a")
            func merge(_ description: String) async throws {
                let series = SeriesRecord(texts: ["1.1.1", "1.1", "CT", "1", description])
                _ = try await test.pool.transaction {
                    try StudyIndex.mergeSeries([series], of: source, studies: ["1.1"], asked: .zero, $0)
                }
            }
            let (before, _) = try await studies(test, of: ["a"])
            try await merge("AXIAL")
            let (first, known) = try await studies(test, of: ["a"], since: before)
            #expect(known.map(\.uid) == ["1.1"] && known[0].copies.map(\.areSeriesKnown) == [true])
            #expect(known[0].series.map(\.record.seriesInstanceUID) == ["1.1.1"])
            try await merge("AXIAL")
            let (second, same) = try await studies(test, of: ["a"], since: first)
            #expect(same.isEmpty)
            try await merge("CORONAL")
            #expect(try await studies(test, of: ["a"], since: second).studies.map(\.uid) == ["1.1"])
        }
    }
}
