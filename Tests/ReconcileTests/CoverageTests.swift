import DICOM
import Testing

@testable import Reconcile

struct CoverageTests {
    private func statement(
        _ dates: String, _ outcome: CoverageStatement.Outcome = .complete, byTime: Bool = false, run: Int64 = 1,
        at: String = "2026-11-24", source: String = "a"
    ) throws -> CoverageStatement {
        let range = dates.isEmpty ? DateRange(lower: nil, upper: nil) : try #require(DateRange(da: dates))
        return CoverageStatement(source: source, dates: range, isByTime: byTime, outcome: outcome, run: run, at: at)
    }

    private func lines(_ coverage: Coverage) -> [String] {
        coverage.spans.map {
            "\($0.source) \($0.dates): \($0.state.rawValue)\($0.reason.isEmpty ? "" : " \($0.reason)")"
        }
    }

    @Test func neighbouringProofsOfOneTimeBecomeOneSpan() throws {
        let coverage = Coverage([try statement("20200101-20200131"), try statement("20200201-20200229")])
        #expect(lines(coverage) == ["a 2020-01-01 – 2020-02-29: proven"])
    }

    @Test func openEndsStayOpen() throws {
        let coverage = Coverage([
            try statement("-20191231"), try statement("20200101-20200131", .open(reason: "too broad")),
            try statement("20200201-"), try statement("", source: "b"),
        ])
        #expect(
            lines(coverage) == [
                "a until 2019-12-31: proven", "a 2020-01-01 – 2020-01-31: hole too broad", "a from 2020-02-01: proven",
                "b any date: proven",
            ])
    }

    @Test func aDaySplitByTimeIsEnumeratedWhenAllItsPartsAreComplete() throws {
        let parts = [try statement("20200105", byTime: true), try statement("20200105", byTime: true)]
        #expect(lines(Coverage(parts)) == ["a 2020-01-05: enumerated"])
        let failed = try statement("20200105", .open(reason: "A700"), byTime: true)
        #expect(lines(Coverage(parts + [failed])) == ["a 2020-01-05: hole A700"])
    }

    @Test func aProofOutlivesALaterFailureAndReplacesAnEarlierOne() throws {
        let failure = try statement("20200101-20200131", .open(reason: "timed out"), run: 1)
        let proof = try statement("20200110", run: 2)
        let laterFailure = try statement("20200110", .open(reason: "aborted"), run: 3)
        #expect(
            lines(Coverage([failure, proof, laterFailure])) == [
                "a 2020-01-01 – 2020-01-09: hole timed out", "a 2020-01-10: proven",
                "a 2020-01-11 – 2020-01-31: hole timed out",
            ])
    }

    @Test func withoutAProofTheLatestRunDecides() throws {
        let early = try statement("20200105", .open(reason: "down"), run: 1)
        let late = try statement("20200105", byTime: true, run: 2)
        #expect(lines(Coverage([early, late])) == ["a 2020-01-05: enumerated"])
    }

    @Test func monthsCountTheirDays() throws {
        let coverage = Coverage([
            try statement("-20200110"), try statement("20200111-20200120", .open(reason: "too broad")),
            try statement("20200301-20200331", source: "b"),
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
        let months = Coverage([try statement("")]).months()
        #expect(months.map(\.month) == ["any date"])
        #expect(months.first?.state == .proven)
    }

    @Test func theLastAndTheFirstDayOfTheCalendarHold() throws {
        let months = Coverage([try statement("00010101-00010131"), try statement("99991201-99991231")]).months()
        #expect(months.count == 9999 * 12)
    }
}
