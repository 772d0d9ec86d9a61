import DICOM
import Testing

@testable import Reconcile

struct CoverageTests {
    private func span(
        _ dates: String, _ state: Coverage.State = .proven, _ reason: String = "", at: String = "2026-11-24",
        source: String = "a"
    ) throws -> Coverage.Span {
        let range = dates.isEmpty ? DateRange(lower: nil, upper: nil) : try #require(DateRange(da: dates))
        return Coverage.Span(source: source, dates: range, state: state, reason: reason, at: at)
    }

    private func lines(_ coverage: Coverage) -> [String] {
        coverage.spans.map {
            "\($0.source) \($0.dates): \($0.state.rawValue)\($0.reason.isEmpty ? "" : " \($0.reason)")"
        }
    }

    @Test func neighbouringProofsOfOneTimeBecomeOneSpan() throws {
        let coverage = Coverage([try span("20200101-20200131"), try span("20200201-20200229")])
        #expect(lines(coverage) == ["a 2020-01-01 – 2020-02-29: proven"])
    }

    @Test func openEndsStayOpen() throws {
        let coverage = Coverage([
            try span("-20191231"), try span("20200101-20200131", .hole, "too broad"),
            try span("20200201-"), try span("", source: "b"),
        ])
        #expect(
            lines(coverage) == [
                "a until 2019-12-31: proven", "a 2020-01-01 – 2020-01-31: hole too broad", "a from 2020-02-01: proven",
                "b any date: proven",
            ])
    }

    @Test func neighboursOfAnotherTimeStayApart() throws {
        let coverage = Coverage([
            try span("20200201-20200229", at: "2026-11-24"), try span("20200101-20200131", at: "2026-11-23"),
        ])
        #expect(coverage.spans.map(\.at) == ["2026-11-23", "2026-11-24"])
    }

    @Test func monthsCountTheirDays() throws {
        let coverage = Coverage([
            try span("-20200110"), try span("20200111-20200120", .hole, "too broad"),
            try span("20200301-20200331", source: "b"),
        ])
        let months = coverage.months()
        #expect(
            months.map { "\($0.source) \($0.month) \($0.state.rawValue)" } == [
                "a before 2020-01 proven", "a 2020-01 hole", "a 2020-02 not-asked", "a 2020-03 not-asked",
                "b before 2020-01 not-asked", "b 2020-01 not-asked", "b 2020-02 not-asked", "b 2020-03 proven",
            ])
        let january = months[1]
        #expect([january.daysProven, january.daysInHoles, january.daysNotAsked] == [10, 10, 11])
        #expect(january.reason == "too broad")
        #expect(months[7].daysProven == 31)
    }

    @Test func nothingAskedIsNothingCovered() {
        #expect(Coverage([]).months().isEmpty)
    }

    @Test func everyDateHasTheWholeOfTimeAsItsMonth() throws {
        let months = Coverage([try span("")]).months()
        #expect(months.map(\.month) == ["any date"])
        #expect(months.first?.state == .proven)
    }

    @Test func theLastAndTheFirstDayOfTheCalendarHold() throws {
        let months = Coverage([try span("00010101-00010131"), try span("99991201-99991231")]).months()
        #expect(months.count == 9999 * 12)
    }
}
