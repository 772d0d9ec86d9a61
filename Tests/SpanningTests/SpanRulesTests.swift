import DICOM
import StudyIndex
import Testing

@testable import Spanning

@Suite struct SpanRulesTests {
    private func rules(_ strategy: FailureStrategy) -> SpanRules {
        var rules = SpanRules(deadline: .seconds(5))
        rules.sources = ["b", "a", "c"]
        rules.failureStrategy = strategy
        return rules
    }

    private func gaps(_ absent: [String], unproven: [String] = []) -> SpanningCatalog.Gaps {
        var gaps = SpanningCatalog.Gaps()
        gaps.absences = absent.map { Absence(source: $0, reason: "down") }
        gaps.unproven = unproven
        return gaps
    }

    @Test func sourcesAreAskedByPriority() {
        #expect(rules(.bestEffort).inOrder(["a", "b", "c", "x", "d"]) == ["b", "a", "c", "d", "x"])
        #expect(SpanRules(deadline: .zero).inOrder(["b", "a"]) == ["a", "b"])
    }

    @Test func aSourcesOwnDeadlineIsStronger() {
        var rules = rules(.bestEffort)
        rules.deadlines = ["a": .seconds(1)]
        #expect(rules.deadline(of: "a") == .seconds(1) && rules.deadline(of: "b") == .seconds(5))
    }

    @Test func theFirstFailureEndsWhatFailsFast() throws {
        #expect(!rules(.failFast).isLost([]))
        #expect(rules(.failFast).isLost([Absence(source: "a", reason: "down")]))
        #expect(SpanFailure(gaps([]), rules(.failFast)) == nil)
        #expect(try #require(SpanFailure(gaps(["a"]), rules(.failFast))).description.contains("a (down)"))
        // What was not to be asked has not failed.
        #expect(SpanFailure(gaps([], unproven: ["a"]), rules(.failFast)) == nil)
    }

    @Test func bestEffortNeverEndsAQuery() {
        #expect(!rules(.bestEffort).isLost(["a", "b", "c"].map { Absence(source: $0, reason: "down") }))
        #expect(SpanFailure(gaps(["a", "b", "c"]), rules(.bestEffort)) == nil)
    }

    @Test func aThresholdCountsSourcesAndNotFailures() throws {
        let rules = rules(.minimumThreshold(2))
        let twice = [Absence(source: "a", reason: "down"), Absence(source: "a", reason: "unreadable rows")]
        #expect(!rules.isLost(twice))
        #expect(rules.isLost(twice + [Absence(source: "b", reason: "down")]))
        #expect(SpanFailure(gaps(["a"]), rules) == nil)
        #expect(try #require(SpanFailure(gaps(["a", "b"]), rules)).description.contains("1 of 3"))
        // Whom the index does not vouch for and nobody asked has not answered either.
        #expect(try #require(SpanFailure(gaps(["a"], unproven: ["b"]), rules)).description.contains("b (not asked"))
    }
}
