import DICOM
import StudyIndex
import Testing

@testable import Sweep

private func date(_ text: String) throws -> DICOMDate { try #require(DICOMDate(text)) }
private func range(_ text: String) throws -> DateRange { try #require(DateRange(da: text)) }

private func covered(_ text: String, _ state: CoveredDays.State = .proven, at: String = "2026-11-01") throws
    -> CoveredDays
{
    CoveredDays(source: "a", level: .study, days: try range(text), state: state, reason: "", verifiedAt: at)
}

@Suite struct RootRanges {
    private let everything = DateRange(lower: nil, upper: nil)

    @Test func aFirstSweepHasTwoOpenRangesAndNoGap() throws {
        let roots = Planner().roots(of: everything, today: try date("20261124"))
        // The future last: by then larger answers were seen, by which its few studies are trusted.
        #expect(roots.map(\.range.da) == ["-20261124", "20261125-"])
        // How much of the past is asked at once, workers find out.
        #expect(roots.map(\.isSized) == [false, true])
    }

    @Test func aBoundedSweepCoversExactlyItsDates() throws {
        let roots = Planner().roots(of: try range("20200115-20200410"), today: try date("20261124"))
        #expect(roots.map(\.range.da) == ["20200115-20200410"])
    }

    @Test func aSweepFromADateOnReachesTheFuture() throws {
        let roots = Planner().roots(of: try range("20261101-"), today: try date("20261124"))
        #expect(roots.map(\.range.da) == ["20261101-20261124", "20261125-"])
    }

    @Test func whatIsKnownIsPackedByHowManyStudiesItsDaysHave() throws {
        let known = Dictionary(
            uniqueKeysWithValues: try (1...9).map { (try date("2020010\($0)"), 100) })
        let roots = Planner(cap: 500).roots(
            of: try range("20191201-20200109"), today: try date("20261124"),
            covered: [try covered("20200101-20200104"), try covered("20200105-20200109")], known: known)
        #expect(
            roots.map(\.range.da) == [
                "20200106-20200109", "20200103-20200105", "20200101-20200102", "20191201-20191231",
            ])
        #expect(roots.map(\.isSized) == [true, true, true, false])
    }

    /// By a larger answer than their own all others are trusted, wherever the day with more than the source sends lies.
    @Test(arguments: [nil, 300], 1...20)
    func theFullestOfWhatIsKnownIsAskedFirst(_ cap: Int?, _ seed: UInt64) throws {
        var random = Chance(seed: seed)
        let days = try range("20200101-20201231")
        var known: [DICOMDate: Int] = [:]
        for day in 0..<366 { known[try date("20200101").adding(days: day)] = random.below(150) }
        known[try date("20200601")] = 700
        let roots = Planner(cap: cap).roots(
            of: days, today: try date("20261124"), covered: [try covered("20200101-20201231")], known: known)
        func rows(_ range: DateRange) -> Int { known.reduce(0) { range.contains($1.key) ? $0 + $1.value : $0 } }
        let crowded = try date("20200601")
        let others = roots.dropFirst().map(\.range).filter { cap == nil || !$0.contains(crowded) }
        #expect(others.allSatisfy { rows($0) < rows(roots[0].range) })
        #expect(rows(roots[0].range) < cap ?? .max)
        // Close to the fewest that are possible.
        let least = known.values.reduce(0, +) / ((cap ?? 2_001) - 1)
        #expect(roots.count <= (cap == nil ? least + 3 : least * 14 / 10))
        let sorted = roots.map(\.range).sorted { ($0.upper ?? .latest) > ($1.upper ?? .latest) }
        #expect(sorted.first?.upper == days.upper && sorted.last?.lower == days.lower)
        for (later, earlier) in zip(sorted, sorted.dropFirst()) {
            #expect(earlier.upper?.adding(days: 1) == later.lower)
        }
    }

    /// A night later a few are new.
    @Test func recentDaysLeaveRoomForMore() throws {
        let known = Dictionary(uniqueKeysWithValues: (0..<60).map { (DICOMDate.latest.adding(days: -$0), 49) })
        let ranges = Planner(cap: 100).packed(DateRange(lower: nil, upper: .latest), known: known)
        #expect(
            ranges.filter { $0.rows == 98 }.allSatisfy { $0.days.upper.map { $0 < .latest.adding(days: -29) } ?? false }
        )
        #expect(ranges.contains { $0.rows == 98 })
    }

    @Test func aHoleIsNotKnown() throws {
        let roots = Planner().roots(
            of: try range("20200101-20200131"), today: try date("20261124"),
            covered: [try covered("20200111-20200120", .hole), try covered("20200121-20200131")])
        #expect(roots.map(\.range.da) == ["20200121-20200131", "20200101-20200120"])
        #expect(roots.map(\.isSized) == [true, false])
    }

    @Test func rootsPartitionWhateverIsKnown() throws {
        let roots = Planner(cap: 100).roots(
            of: everything, today: try date("20261124"),
            covered: [
                try covered("-20191231"), try covered("20200301-20200630", .enumerated), try covered("20270101-"),
            ],
            known: [try date("20200401"): 99, try date("20200402"): 99, try date("19900101"): 5])
        let ranges = roots.map(\.range).sorted { ($0.upper ?? .latest) > ($1.upper ?? .latest) }
        #expect(ranges.first?.upper == nil && ranges.last?.lower == nil)
        for (later, earlier) in zip(ranges, ranges.dropFirst()) {
            let lower = try #require(later.lower)
            let upper = try #require(earlier.upper)
            #expect(upper.adding(days: 1) == lower)
        }
    }

    @Test func theOldestProofIsRenewedFirst() throws {
        let ranges = Planner().oldestFirst(
            everything,
            covered: [
                try covered("20200101-20200131", at: "2026-11-20 03:00:00"),
                try covered("20200201-20200229", at: "2026-11-01 02:00:00"),
                try covered("20200301-20200331", at: "2026-11-01 03:00:00"),
                try covered("20200401-20200430", .hole, at: "2026-01-01 00:00:00"),
            ], known: [:])
        // What was proven in one night is asked together.
        #expect(ranges.map(\.da) == ["20200201-20200331", "20200101-20200131"])
    }
}

@Suite struct Cuts {
    private func experienced(days: Int, perDay: Int, _ answers: Int = 10, ending: String) throws -> Experience {
        var experience = Experience()
        var upper = try date(ending).adding(days: days * answers)
        for number in 0..<answers {
            let lower = upper.adding(days: 1 - days)
            var records: [StudyRecord] = []
            for offset in 0..<days {
                for number in 0..<perDay {
                    var record = StudyRecord()
                    record[.studyInstanceUID] = "1.\(offset).\(number)"
                    record[.studyDate] = lower.adding(days: offset).da
                    records.append(record)
                }
            }
            // Some have sent a row more than once; the same number every time would look like a limit.
            experience.learn(
                SliceRange(dates: DateRange(lower: lower, upper: upper)), rows: records.count + number, records,
                isWhole: true)
            upper = lower.adding(days: -1)
        }
        return experience
    }

    @Test func nothingKnownIsAskedInSmallSteps() throws {
        #expect(Planner().cut(try range("-20261124"), Experience()) == (try date("20261122")))
    }

    @Test func stepsGrowWhileLittleIsFound() throws {
        let experience = try experienced(days: 9, perDay: 0, ending: "20261124")
        #expect(Planner().cut(try range("-20261124"), experience) == (try date("20261124").adding(days: -26)))
    }

    @Test func aQuestionAimsAtMostOfTheKnownCapAndNeverAtMore() throws {
        let experience = try experienced(days: 4, perDay: 100, ending: "20261124")
        let lower = try #require(Planner(cap: 500).cut(try range("-20261124"), experience))
        let days = lower.days(to: try date("20261124")) + 1
        #expect(days == 4)
    }

    @Test func withoutAKnownCapALargerAnswerIsTried() throws {
        let experience = try experienced(days: 4, perDay: 50, ending: "20261124")
        let lower = try #require(Planner().cut(try range("-20261124"), experience))
        #expect(lower.days(to: try date("20261124")) + 1 == 10)
    }

    @Test func aDayAsLargeAsTheLargestAnswerIsAskedTogetherWithItsNeighbour() throws {
        let experience = try experienced(days: 1, perDay: 3_000, ending: "20261124")
        let lower = try #require(Planner().cut(try range("-20261124"), experience))
        #expect(lower.days(to: try date("20261124")) + 1 == 2)
    }

    /// Where a range that was too much has been halved, its newer half may be all that nobody has filled yet.
    @Test func whatIsNewerThanAllThatWasSeenIsAskedWhole() throws {
        let experience = try experienced(days: 4, perDay: 100, ending: "20260630")
        #expect(Planner(cap: 500).cut(try range("20260811-20261024"), experience) == nil)
        // What is cut off has studies: the empty days are no questions of their own.
        for planner in [Planner(cap: 500), Planner()] {
            let lower = try #require(planner.cut(try range("20260511-20261024"), experience))
            #expect(lower <= (try date("20260808")))
        }
    }

    @Test func whatFitsIsAskedWhole() throws {
        #expect(Planner().cut(try range("20261123-20261124"), Experience()) == nil)
        #expect(Planner().cut(try range("20261125-"), Experience()) == nil)
        // Before the first X-ray there is little to find.
        #expect(Planner().cut(try range("-19000102"), Experience()) == nil)
    }

    @Test func everyCutMakesProgress() throws {
        let experience = try experienced(days: 1, perDay: 10_000, ending: "20261124")
        let lower = try #require(Planner(cap: 10).cut(try range("-20261124"), experience))
        #expect(lower == (try date("20261124")))
    }
}

@Suite struct Halves {
    @Test func datesArePartitioned() throws {
        let halves = Planner.halves(of: try range("20200101-20200131"))
        #expect(halves.map(\.da) == ["20200117-20200131", "20200101-20200116"])
    }

    @Test func aDayHasNoHalves() throws {
        #expect(Planner.halves(of: try range("20200101")).isEmpty)
    }

    @Test func timesAreSplitDownToASecondAndNoFurther() throws {
        var capabilities = Capabilities()
        capabilities.patientPrefixes = .refused
        let planner = Planner(capabilities: capabilities)
        let cropped = Answer(end: .cropped(status: 0xFE00), rawRows: 10, distinct: 10)
        var slice = SliceRange(dates: try range("20200101"))
        var depth = 0
        while case .split(let parts, _) = planner.judge(slice, cropped, largestAnswer: 0), depth < 100 {
            slice = parts[0]
            depth += 1
        }
        #expect(depth <= 20)
        let times = try #require(slice.times)
        #expect(try #require(times.upper).microseconds - #require(times.lower).microseconds <= 1_000_000)
    }

    @Test(arguments: ["-19891231", "20261125-"])
    func anOpenRangeShedsTenYearsAndEndsWithTheCalendar(_ text: String) throws {
        var queue = [try range(text)]
        var splits = 0
        while let open = queue.first(where: { $0.lower == nil || $0.upper == nil }) {
            queue = Planner.halves(of: open)
            #expect(!queue.isEmpty)
            splits += 1
            #expect(splits < 1_000)
            if splits >= 1_000 { return }
        }
        #expect(queue.contains { $0.lower?.year == 1 || $0.upper?.year == 9_999 })
    }
}
