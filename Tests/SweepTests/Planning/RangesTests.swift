import DICOM
import StudyIndex
import Testing

@testable import Sweep

private func date(_ text: String) throws -> DICOMDate { try #require(DICOMDate(text)) }
private func range(_ text: String) throws -> DateRange { try #require(DateRange(da: text)) }

@Suite struct RootRanges {
    @Test func anUnboundedSweepHasOpenEndsAndNoGap() throws {
        let roots = Planner.roots(of: DateRange(lower: nil, upper: nil), today: try date("20261124"))
        #expect(roots.first?.dates?.da == "20261125-")
        #expect(roots.last?.dates?.da == "-19891231")
        #expect(roots.contains { $0.dates?.da == "20261101-20261124" })
        try expectAdjacent(roots)
    }

    @Test func aBoundedSweepCoversExactlyItsDates() throws {
        let roots = Planner.roots(of: try range("20200115-20200410"), today: try date("20261124"))
        #expect(
            roots.map(\.dates?.da) == [
                "20200401-20200410", "20200301-20200331", "20200201-20200229", "20200115-20200131",
            ])
    }

    @Test func aSweepFromADateOnReachesTheFuture() throws {
        let roots = Planner.roots(of: try range("20261101-"), today: try date("20261124"))
        #expect(roots.map(\.dates?.da) == ["20261125-", "20261101-20261124"])
    }

    @Test func aSweepThatEndsBeforeAllArchivesIsOneOpenRange() throws {
        let roots = Planner.roots(of: try range("-19500101"), today: try date("20261124"))
        #expect(roots.map(\.dates?.da) == ["-19500101"])
    }

    private func expectAdjacent(_ roots: [SliceRange]) throws {
        for (later, earlier) in zip(roots, roots.dropFirst()) {
            let lower = try #require(later.dates?.lower)
            let upper = try #require(earlier.dates?.upper)
            #expect(upper.adding(days: 1) == lower)
        }
    }
}

@Suite struct Halves {
    @Test func datesArePartitioned() throws {
        let halves = Planner.halves(of: SliceRange(dates: try range("20200101-20200131")))
        #expect(halves.map(\.dates?.da) == ["20200117-20200131", "20200101-20200116"])
    }

    @Test func aDayIsSplitIntoTimesOfThatDayWhichOverlapAtTheirBorder() throws {
        let halves = Planner.halves(of: SliceRange(dates: try range("20200101")))
        #expect(halves.map(\.axis) == [.times, .times])
        #expect(halves.allSatisfy { $0.dates?.lower == $0.dates?.upper })
        #expect(halves.first?.times?.upper == halves.last?.times?.lower)
        #expect(halves.first?.times?.lower?.microseconds == 0)
        #expect(halves.last?.times?.upper?.tm == "235959.999999")
    }

    @Test func timesAreSplitDownToASecondAndNoFurther() throws {
        var range = SliceRange(dates: try range("20200101"))
        var depth = 0
        while let half = Planner.halves(of: range).first {
            range = half
            depth += 1
        }
        #expect(depth <= 18)
        #expect(try #require(range.times?.upper).microseconds - #require(range.times?.lower).microseconds <= 1_000_000)
    }

    @Test(arguments: ["-19891231", "20261125-"])
    func anOpenRangeShedsTenYearsAndEndsWithTheCalendar(_ text: String) throws {
        var queue = [SliceRange(dates: try range(text))]
        var splits = 0
        while let open = queue.first(where: { $0.dates?.lower == nil || $0.dates?.upper == nil }) {
            queue = Planner.halves(of: open)
            #expect(!queue.isEmpty)
            splits += 1
            #expect(splits < 1_000)
            if splits >= 1_000 { return }
        }
        #expect(queue.contains { $0.dates?.lower?.year == 1 || $0.dates?.upper?.year == 9_999 })
    }
}
