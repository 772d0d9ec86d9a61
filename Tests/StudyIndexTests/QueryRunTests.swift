import DICOM
import Foundation
import PostgresClient
import Testing

@testable import StudyIndex

/// Queries that are answered later, whatever becomes of the servers that run them.
@Suite struct QueryRunTests {
    private static let request = QueryRequest(level: .study, query: "PatientID=1", cacheControl: "no-cache")

    private func key(_ test: TestIndex) async throws -> String {
        let text = try #require(try await test.index.createKey(name: "k", KeyTerms(scopes: [.query]))).text
        return try #require(try await test.index.apiKey(presented: text)).id
    }

    @Test func aQueryIsRunByOneServerAndReadByAny() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            let id = try await test.index.enqueue(Self.request, spanner: 7, key: key)
            #expect(id.count == 32)
            #expect(try await test.index.query(id, of: key)?.state == .pending)
            let claimed = try #require(try await test.index.claimQuery())
            #expect(claimed.id == id && claimed.request == Self.request && claimed.spanner == 7 && claimed.key == key)
            #expect(try await test.index.claimQuery() == nil)
            var source = QueryProgress.Source(source: "a", state: .pending)
            try await test.index.note(source, of: claimed.claim)
            try await test.pass(.seconds(2))
            source.state = .answered
            try await test.index.note(source, of: claimed.claim)
            try await test.pass(.seconds(2))
            source.matches = 3
            try await test.index.note(source, of: claimed.claim)
            try await test.index.complete(claimed.claim, answer: [1, 2], matches: 3, warnings: ["w"], age: 5)
            let progress = try #require(try await test.index.query(id, of: key))
            #expect(
                progress.state == .completed && progress.matches == 3 && progress.warnings == ["w"] && progress.age == 5
            )
            #expect(progress.sources.map(\.state) == [.answered] && progress.sources.map(\.matches) == [3])
            #expect(progress.sources.first?.seconds == 2)
            #expect(try await test.index.answer(ofQuery: id) == [1, 2])
        }
    }

    /// It may name patients.
    @Test func onlyTheKeyThatAskedReadsIt() async throws {
        try await TestIndex.with { test in
            let (key, other) = (try await key(test), try await key(test))
            let id = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            #expect(try await test.index.query(id, of: other) == nil)
            #expect(try await test.index.query(id, of: key) != nil)
            #expect(try await test.index.query(id, of: nil) != nil)
        }
    }

    @Test func aDeadServersQueryIsBegunAgainAndItsOwnLateWordIsNotHeard() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            let id = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            let first = try #require(try await test.index.claimQuery())
            try await test.pass(.seconds(10))
            try await test.index.renewQueries([first.claim])
            try await test.pass(.seconds(10))
            #expect(try await test.index.claimQuery() == nil)
            try await test.pass(.seconds(6))
            let second = try #require(try await test.index.claimQuery())
            #expect(second.id == id && second.claim != first.claim)
            try await test.index.complete(first.claim, answer: [1], matches: 1, warnings: [], age: nil)
            try await test.index.note(QueryProgress.Source(source: "a", state: .failed), of: first.claim)
            let progress = try #require(try await test.index.query(id, of: key))
            #expect(progress.state == .running && progress.attempts == 2 && progress.sources.isEmpty)
        }
    }

    @Test func whatNoServerEndsIsReportedAsFailed() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            let id = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            for _ in 0..<3 {
                #expect(try await test.index.claimQuery()?.id == id)
                try await test.index.tidyQueries()
                try await test.pass(.seconds(16))
            }
            #expect(try await test.index.claimQuery() == nil)
            try await test.index.tidyQueries()
            let progress = try #require(try await test.index.query(id, of: key))
            #expect(progress.state == .failed)
            #expect(progress.reason?.contains("3 times") == true)
        }
    }

    @Test func aServerThatStopsGivesItsQueriesBack() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            let id = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            let claimed = try #require(try await test.index.claimQuery())
            try await test.index.releaseQueries([claimed.claim])
            #expect(try await test.index.query(id, of: key)?.attempts == 0)
            #expect(try await test.index.claimQuery()?.id == id)
        }
    }

    @Test func howManyAKeyMayHaveIsBounded() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            for _ in 0..<StudyIndex.queriesUnfinished {
                _ = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            }
            await #expect(throws: IndexError(.tooMany, "")) {
                try await test.index.enqueue(Self.request, spanner: nil, key: key)
            }
            let first = try #require(try await test.index.claimQuery())
            try await test.index.fail(first.claim, reason: "because")
            _ = try await test.index.enqueue(Self.request, spanner: nil, key: key)
        }
    }

    @Test func whatHasEndedIsForgottenAfterAnHour() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            let id = try await test.index.enqueue(Self.request, spanner: nil, key: key)
            let claimed = try #require(try await test.index.claimQuery())
            try await test.index.fail(claimed.claim, reason: "because")
            try await test.pass(StudyIndex.queryRetention - .seconds(1))
            try await test.index.tidyQueries()
            #expect(try await test.index.query(id, of: key) != nil)
            try await test.pass(.seconds(2))
            try await test.index.tidyQueries()
            #expect(try await test.index.query(id, of: key) == nil)
        }
    }

    @Test func ofAKeyOnlySoManyAreKept() async throws {
        try await TestIndex.clocked { test in
            let key = try await key(test)
            var ids: [String] = []
            for _ in 0...StudyIndex.queriesKept {
                ids.append(try await test.index.enqueue(Self.request, spanner: nil, key: key))
                let claimed = try #require(try await test.index.claimQuery())
                try await test.index.fail(claimed.claim, reason: "because")
                try await test.pass(.seconds(1))
            }
            try await test.index.tidyQueries()
            #expect(try await test.index.query(ids[0], of: key) == nil)
            #expect(try await test.index.query(ids[1], of: key) != nil)
        }
    }
}
