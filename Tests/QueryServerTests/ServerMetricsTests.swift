import Spanning
import StudyIndex
import Testing

@testable import QueryServer

@Suite struct ServerMetricsTests {
    private let metrics = ServerMetrics()

    /// Prometheus' text format: cumulative buckets, a sum and a count.
    @Test func aHistogramCountsUpToEachBound() {
        for milliseconds in [1, 3, 500, 501, 60_000] {
            metrics.answered(route: "/dicom-web/studies", status: 200, in: .milliseconds(milliseconds))
        }
        let lines = metrics.exposition().split(separator: "\n").map(String.init)
        let series = "concord_http_request_duration_seconds"
        let labels = "route=\"/dicom-web/studies\",status=\"200\""
        #expect(lines.contains("# TYPE \(series) histogram"))
        for (bound, count) in [
            ("0.001", 1), ("0.0025", 1), ("0.005", 2), ("0.5", 3), ("1.0", 4), ("30.0", 4), ("+Inf", 5),
        ] {
            #expect(lines.contains("\(series)_bucket{\(labels),le=\"\(bound)\"} \(count)"))
        }
        #expect(lines.contains("\(series)_count{\(labels)} 5"))
        #expect(lines.contains { $0.hasPrefix("\(series)_sum{\(labels)} 61.0") })
    }

    @Test func answersAreCountedByWhatTheyRestOn() {
        metrics.note(SpanningCatalog.Gaps())
        var gaps = SpanningCatalog.Gaps()
        gaps.isSpanned = true
        metrics.note(gaps)
        gaps.absences = [Absence(source: "pacs-a", reason: "no answer within 5 s")]
        metrics.note(gaps)
        metrics.note(gaps)
        let text = metrics.exposition()
        for line in [
            "concord_answers_total{basis=\"index\"} 1", "concord_answers_total{basis=\"sources\"} 1",
            "concord_answers_total{basis=\"incomplete\"} 2", "concord_source_absences_total{source=\"pacs-a\"} 2",
        ] {
            #expect(text.contains(line + "\n"))
        }
        #expect(text == metrics.exposition())
    }

    @Test func whatALabelMayNotHoldIsEscaped() {
        metrics.answered(route: "a\"b\\c\nd", status: 200, in: .zero)
        #expect(metrics.exposition().contains("route=\"a\\\"b\\\\c\\nd\""))
    }

    @Test func aStatusIsFourDigitsOfHexadecimal() {
        metrics.answeredFind(level: "STUDY", status: 0, in: .zero)
        metrics.answeredFind(level: "STUDY", status: 0xC001, in: .zero)
        #expect(metrics.exposition().contains("status=\"0000\""))
        #expect(metrics.exposition().contains("status=\"C001\""))
    }
}

@Suite struct RememberedKeysTests {
    private let keys = RememberedKeys()
    private let now = ContinuousClock.now
    private let key = APIKey(id: "1", name: "n", terms: KeyTerms(scopes: [.query]))

    /// So that a revocation is obeyed within five.
    @Test func aKeyIsRememberedForLessThanFiveSeconds() {
        keys.remember(key, "ck_1", at: now)
        #expect(keys.key("ck_1", at: now + .seconds(1)) == key)
        #expect(keys.key("ck_2", at: now) == nil)
        #expect(keys.key("ck_1", at: now + .milliseconds(4_900)) == nil)
        keys.remember(nil, "ck_1", at: now + .seconds(5))
        #expect(keys.key("ck_1", at: now + .seconds(5)) == nil)
    }

    /// A thousand clients with one key do not all wait for it every few seconds.
    @Test func oneOfManyLooksAKeyUpAgainWhileTheOthersGoOn() {
        keys.remember(key, "ck_1", at: now)
        let asked = (0..<100).map { _ in keys.key("ck_1", at: now + .seconds(3)) }
        #expect(asked.first == .some(nil))
        #expect(asked.dropFirst().allSatisfy { $0 == key })
        keys.remember(key, "ck_1", at: now + .seconds(3))
        #expect(keys.key("ck_1", at: now + .milliseconds(4_900)) == key)
    }
}
