import DICOM
import EdgeShard
import Spanning
import Testing

@testable import QueryServer

/// An edge site that asks its own PACS beside its replica.
@Suite struct SiteSpanningTests {
    private func search(
        _ site: Site, _ keyword: String, _ text: String, _ policy: SpanningPolicy = .auto
    ) async throws -> (answer: StudyAnswer, gaps: SpanningCatalog.Gaps) {
        var query = StudyQuery()
        query.keys = [try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text)]
        var terms = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(20))
        terms.policy = policy
        return try await site.catalog.search(query, terms)
    }

    /// What has come since the night is shown, and is in the answers to other questions, too.
    @Test func whatTheReplicaDoesNotHaveIsAskedOfTheSitesPACS() async throws {
        try await Site.with { site in
            site.pacs.holds([.named("1.9", patient: "P9", description: "NEW")])
            let (answer, gaps) = try await search(site, "StudyInstanceUID", "1.9")
            #expect(answer.studies.map(\.record[.studyDescription]) == ["NEW"])
            #expect(answer.studies.map(\.holders) == [["OWN"]])
            #expect(gaps.isSpanned && gaps.absences.isEmpty)
            let (patients, _) = try await search(site, "StudyDescription", "NEW")
            #expect(patients.studies.map(\.record.studyInstanceUID) == ["1.9"])
            #expect(site.pacs.asked == 1)
        }
    }

    /// The other sources' copies are the replica's, and the live one is consolidated with them.
    @Test func aLiveCopyTakesThePlaceOfTheReplicas() async throws {
        try await Site.with { site in
            site.pacs.holds([.named("1.1", patient: "P1", description: "CORRECTED")])
            let (answer, _) = try await search(site, "StudyInstanceUID", "1.1", .always)
            #expect(answer.total == 1)
            #expect(answer.studies.map(\.record[.studyDescription]) == ["CORRECTED"])
            #expect(answer.studies.map(\.holders) == [["OWN", "OTHER"]])
        }
    }

    /// Promise 1: the replica goes on answering, and says who is missing.
    @Test func aPACSThatIsAwayIsNamedAndTheReplicaAnswers() async throws {
        try await Site.with { site in
            await site.pacs.stop()
            let (answer, gaps) = try await search(site, "StudyInstanceUID", "1.1", .always)
            #expect(answer.studies.map(\.record[.studyDescription]) == ["OLD"])
            #expect(gaps.absences.map(\.source) == ["own"])
            // It is left alone for a while.
            let (_, again) = try await search(site, "StudyInstanceUID", "1.2", .always)
            #expect(again.absences.map(\.reason) == ["resting after failures"])
        }
    }

    /// Broad questions are not asked live; what the generation rests on vouches for them.
    @Test func broadQuestionsAreTheReplicasAlone() async throws {
        try await Site.with { site in
            let (answer, gaps) = try await search(site, "PatientName", "MUELLER*")
            #expect(answer.total == 3)
            #expect(!gaps.isSpanned && gaps.unproven.isEmpty)
            #expect(site.pacs.asked == 0)
        }
    }

    /// No more than its share, counted at the door, whatever is asked at once.
    @Test func theShareOfTheBudgetIsKept() async throws {
        let rate = 25.0
        try await Site.with(queriesPerSecond: rate) { site in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { _ = try await search(site, "StudyInstanceUID", "1.7.\(number)") }
                }
                try await group.waitForAll()
            }
            let moments = site.pacs.moments
            #expect(moments.count == 10)
            #expect((moments.last ?? start) - start >= .seconds(9.5 / rate))
            for (first, second) in zip(moments, moments.dropFirst()) {
                #expect(second - first >= .seconds(0.5 / rate))
            }
        }
    }

    /// Their budget is one.
    @Test func onlyOneProcessAsks() async throws {
        try await Site.with { site in
            try site.replica.claimLiveQuestions()
            let other = ReplicaCatalog(root: site.centre.replica, trust: site.centre.trust, threads: 1)
            #expect(throws: ShardError(.busy, "")) { try other.claimLiveQuestions() }
            await other.stop()
        }
    }
}
