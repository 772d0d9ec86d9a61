import DICOM
import Foundation
import StudyIndex
import Testing

@testable import Sweep

private func date(_ text: String) throws -> DICOMDate { try #require(DICOMDate(text)) }

private func studies(_ counts: [DICOMDate: Int], time: String = "100000") -> [StudyRecord] {
    counts.sorted { $0.key < $1.key }.flatMap { day, count in
        (0..<count).map { number in
            var record = StudyRecord()
            record[.studyInstanceUID] = "1.\(day.da).\(number)"
            record[.studyDate] = day.da
            record[.studyTime] = time
            return record
        }
    }
}

/// What a sweep learns of how much it may ask at once.
@Suite struct ExperienceTests {
    private var experience = Experience()

    private mutating func answered(_ range: String, _ counts: [DICOMDate: Int]) throws {
        let dates = try #require(DateRange(da: range))
        let records = studies(counts)
        experience.learn(SliceRange(dates: dates), rows: records.count, records, isWhole: true)
    }

    @Test mutating func theSameLargestAnswerAgainAndAgainLooksLikeALimit() throws {
        for count in 1...3 {
            experience.learn(SliceRange(dates: DateRange(da: "20260101-20260131")), rows: 347, [], isWhole: false)
            #expect(experience.mostRows == (count == 3 ? 346 : nil))
        }
        // It was none.
        experience.learn(SliceRange(dates: DateRange(da: "20260101-20260131")), rows: 348, [], isWhole: true)
        #expect(experience.mostRows == nil)
    }

    @Test mutating func aRefusalSaysThatTheLimitIsBelow() throws {
        try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: try week().map { ($0, 40) }))
        #expect(experience.mostRows == nil)
        let refused = Answer(end: .refused(status: 0xC000), rawRows: 0, distinct: 0)
        experience.overflowed(SliceRange(dates: DateRange(da: "20260101-20260201")), refused)
        let most = try #require(experience.mostRows)
        // No less than what it has sent, and no more than a step beyond.
        #expect(most > 280 && most <= 560)
    }

    /// As soon as its parts have shown how many were too many.
    @Test mutating func aRefusedRangeWhosePartsAreKnownShowsWhereTheLimitIs() throws {
        let week = try week()
        try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: week.map { ($0, 40) }))
        let refused = Answer(end: .refused(status: 0xC000), rawRows: 0, distinct: 0)
        experience.overflowed(SliceRange(dates: DateRange(da: "20260126-20260201")), refused)
        try answered("20260130-20260201", [try date("20260130"): 150])
        try answered("20260126-20260129", [try date("20260126"): 150])
        #expect(experience.mostRows == 290)
        // It was refused for another reason.
        try answered("20260119-20260125", [try date("20260119"): 310])
        #expect(experience.mostRows.map { $0 > 310 } ?? true)
    }

    /// Its other parts wait for the newest, and the one that is left is not asked whole.
    @Test mutating func theCrowdedDayOfARefusedRangeIsFoundByLeavingOutTheOthers() throws {
        let week = try week()
        try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: week.map { ($0, 40) }))
        let refused = Answer(end: .refused(status: 0xC000), rawRows: 0, distinct: 0)
        experience.overflowed(SliceRange(dates: DateRange(da: "20251201-20251231")), refused)
        experience.overflowed(SliceRange(dates: DateRange(da: "20260128-20260201")), refused)
        let newer = SliceRange(dates: DateRange(da: "20260131-20260201"))
        let older = SliceRange(dates: DateRange(da: "20260128-20260130"))
        #expect(experience.search(newer, most: 299) == .ask)
        #expect(experience.search(older, most: 299) == .wait)
        try answered("20260131-20260201", [try date("20260131"): 20])
        #expect(experience.search(older, most: 299) == .isHere)
        // A part that is never answered does not hold up the others for ever.
        experience.overflowed(SliceRange(dates: DateRange(da: "20260118-20260122")), refused)
        let last = SliceRange(dates: DateRange(da: "20260118"))
        #expect((0..<100).contains { _ in experience.search(last, most: 299) == .ask })
    }

    @Test mutating func daysOfTheWeekDiffer() throws {
        let week = try week()
        for _ in 0..<20 {
            try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: zip(week, [40, 40, 40, 40, 100, 5, 5])))
        }
        let friday = experience.density.week(from: try date("20260130"))[0]
        #expect(friday > 80 && friday < 120)
        let sunday = experience.density.week(from: try date("20260201"))[0]
        #expect(sunday < 12)
    }

    /// A day that is more than the source sends is never seen whole: that it is more, and what its hours have, are.
    @Test mutating func aCrowdedWeekdayIsLearnedFromWhatOverflowed() throws {
        let week = try week()
        for _ in 0..<4 {
            try answered("20260202-20260205", Dictionary(uniqueKeysWithValues: week.prefix(4).map { ($0, 100) }))
            try answered("20260206", [week[4]: 100])
        }
        for friday in ["20260130", "20260123", "20260116", "20260109", "20260102", "20251226"] {
            let cut = Answer(end: .success, rawRows: 500, distinct: 500)
            experience.overflowed(SliceRange(dates: DateRange(da: friday)), cut)
            for times in ["000000-124300", "124300-235959"] {
                let range = SliceRange(dates: DateRange(da: friday), times: TimeRange(tm: times))
                experience.learn(range, rows: 350, [], isWhole: true)
            }
        }
        #expect(experience.density.week(from: try date("20251219"))[0] > 500)
        #expect(experience.density.week(from: try date("20251218"))[0] < 150)
    }

    @Test mutating func anArchiveThatWasYoungerHasFewerOnAllDays() throws {
        let week = try week()
        for _ in 0..<5 {
            try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: week.map { ($0, 100) }))
        }
        for _ in 0..<3 { try answered("20260202", [week[0]: 20]) }
        #expect(experience.density.week(from: try date("20260127"))[0] < 60)
    }

    /// One of several workers has asked long before the others.
    @Test mutating func aDayOfLongAgoSaysNothingOfThoseThatAreAskedBeforeIt() throws {
        let week = try week()
        for _ in 0..<5 {
            try answered("20260202-20260208", Dictionary(uniqueKeysWithValues: week.map { ($0, 100) }))
        }
        try answered("20250106", [try date("20250106"): 5])
        #expect(experience.density.week(from: try date("20260127"))[0] > 90)
    }

    private func week() throws -> [DICOMDate] {
        let monday = try date("20260202")
        return (0..<7).map(monday.adding(days:))
    }
}

@Suite struct BeginningsOfAnArchive {
    /// Long before and after it there is nothing: where it shows its newest days, they are not dug for.
    @Test func theNewestDayThatWasShownIsAskedByItself() throws {
        let range = SliceRange(dates: DateRange(da: "20251129-20260729"))
        let (new, old) = (studies([try date("20260630"): 300]), studies([try date("20260115"): 200]))
        let rows = new + old
        var experience = Experience()
        experience.learn(range, rows: 500, rows, isWhole: false)
        let cut = Answer(end: .success, rawRows: 500, distinct: 500)
        let parts = Planner().parts(of: range, cut, rows, experience)
        var other = Experience()
        other.overflowed(range, Answer(end: .cropped(status: 0xFE00), rawRows: 500, distinct: 500), rows)
        #expect(Planner().parts(of: range, cut, rows, other) == parts, "also where the source says that there are more")
        #expect(parts.map { $0.dates?.da } == ["20260701-20260729", "20260630", "20251129-20260629"])
        #expect(Planner().parts(of: range, cut, old + new, experience).count == 2, "the oldest first show no newest")
        // As soon as something is known, it is asked by halves.
        experience.learn(SliceRange(dates: DateRange(da: "20260630")), rows: 40, [rows[0]], isWhole: true)
        #expect(Planner().parts(of: range, cut, rows, experience).count == 2)
    }

    /// Of a range that was cut the newer half has nothing: that the older one is too much as well is not asked.
    @Test func whatIsTooMuchInAnyCaseIsNotAsked() throws {
        func range(_ da: String) -> SliceRange { SliceRange(dates: DateRange(da: da)) }
        let rows = studies([try date("20251201"): 200])
        var experience = Experience()
        experience.overflowed(
            range("20251129-20260729"), Answer(end: .cropped(status: 0xFE00), rawRows: 200, distinct: 200), rows)
        experience.learn(range("20260331-20260729"), rows: 0, [], isWhole: true)
        #expect(experience.search(range("20251129-20260330"), most: 199) == .isHere)
        #expect(experience.search(range("20251001-20251128"), most: 199) == .ask, "it was no part of it")
        // What a single day shows when it is asked, its times might not.
        experience.learn(range("20251130-20260330"), rows: 0, [], isWhole: true)
        #expect(experience.search(range("20251129"), most: 199) == .ask)
    }
}

@Suite struct TimesOfDayTests {
    private func times(_ lower: Int, _ upper: DICOMTime?) -> TimeRange {
        TimeRange(lower: DICOMTime(hour: lower), upper: upper)
    }

    /// The parts of a day are answered one after the other: those that were answered first are not the fullest.
    @Test func aPartCountsWhenAllOfItsDayAreAnswered() throws {
        let day = try date("20260206")
        let (nine, three) = try (#require(DICOMTime(hour: 9)), #require(DICOMTime(hour: 15)))
        var times = TimesOfDay()
        let before = times.share(of: self.times(8, .init(hour: 12)))
        times.add([DICOMTime](repeating: nine, count: 500), of: self.times(0, .init(hour: 12)), on: day)
        #expect(times.share(of: self.times(8, .init(hour: 12))) == before)
        times.add([DICOMTime](repeating: three, count: 500), of: self.times(12, .endOfDay), on: day)
        #expect(times.share(of: self.times(8, .init(hour: 12))) > 0.45)
        #expect(times.share(of: self.times(12, .endOfDay)) > 0.45)
        #expect(abs(times.share(of: self.times(0, .endOfDay)) - 1) < 0.001)
    }

    @Test func minutesOfAHalfHourAreAPartOfIt() throws {
        let times = TimesOfDay()
        let ten = try #require(DICOMTime(hour: 10))
        let past = try #require(DICOMTime(microseconds: ten.microseconds + 600_000_000))
        let half = try #require(DICOMTime(microseconds: ten.microseconds + 1_800_000_000))
        let (part, whole) = (
            times.share(of: TimeRange(lower: ten, upper: past)), times.share(of: TimeRange(lower: ten, upper: half))
        )
        #expect(abs(part / whole - 1.0 / 3) < 0.01)
    }
}

/// A day that will be more than the source sends.
@Suite struct CrowdedDays {
    private var experience = Experience()
    private let planner: Planner = {
        var capabilities = Capabilities()
        capabilities.timeRanges = .works
        return Planner(cap: 500, capabilities: capabilities)
    }()

    init() throws {
        let friday = try date("20260206")
        let morning = studies([friday: 300], time: "090000")
        let evening = studies([friday: 300], time: "180000")
        for _ in 0..<4 {
            experience.learn(
                SliceRange(dates: DateRange(day: friday)), rows: 600, morning + evening, isWhole: true)
        }
        for _ in 0..<2 { show(studies([friday: 500])) }
    }

    /// A whole day was too much for one answer, which had these.
    private mutating func show(_ rows: [StudyRecord]) {
        let day = rows.first?.studyDate.map { DateRange(day: $0) }
        experience.overflowed(
            SliceRange(dates: day), Answer(end: .success, rawRows: 500, distinct: 500), rows)
    }

    @Test func itIsAskedByItsTimesAtOnce() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        let parts = try #require(planner.partsOfCrowdedDay(range, experience))
        #expect(parts.count == 2)
        #expect(parts.first?.times?.lower == .midnight)
        #expect(parts.last?.times?.upper == .endOfDay)
        #expect(parts[0].times?.upper == parts[1].times?.lower)
    }

    @Test mutating func notWhereCrowdedDaysHaveStudiesWithoutATime() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        // On other days they say nothing of crowded ones.
        let thursday = try date("20260205")
        experience.learn(
            SliceRange(dates: DateRange(day: thursday)), rows: 1, studies([thursday: 1], time: ""), isWhole: true)
        #expect(planner.partsOfCrowdedDay(range, experience) != nil)
        let friday = try date("20260206")
        show(studies([friday: 499]) + studies([friday: 1], time: ""))
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        // Until a thousand were shown again that have one.
        show(studies([friday: 500]))
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        show(studies([friday: 500]))
        #expect(planner.partsOfCrowdedDay(range, experience) != nil)
    }

    /// A part of it was too much; what was not asked yet is not asked as it is.
    @Test mutating func whatOnePartHasShownDividesTheOthers() throws {
        let day = DateRange(da: "20260130")
        func times(_ lower: Int, _ upper: Int) -> SliceRange {
            SliceRange(dates: day, times: TimeRange(lower: DICOMTime(hour: lower), upper: DICOMTime(hour: upper)))
        }
        #expect(planner.partsOfCrowdedTimes(times(14, 23), experience) == nil, "nothing is known of this day")
        experience.overflowed(times(6, 14), Answer(end: .success, rawRows: 500, distinct: 500))
        let parts = try #require(planner.partsOfCrowdedTimes(times(14, 23), experience))
        #expect(parts.first?.times?.lower == DICOMTime(hour: 14))
        #expect(parts.last?.times?.upper == DICOMTime(hour: 23))
        for part in parts { #expect(planner.partsOfCrowdedTimes(part, experience) == nil, "they are asked") }
        #expect(planner.partsOfCrowdedTimes(times(22, 23), experience) == nil, "so few are made late")
    }

    /// It is not cut into all of its parts before the first of them have shown how many there are.
    @Test mutating func whatIsLeftOfItIsDividedByWhatItsPartsHaveShown() throws {
        let friday = try date("20260206")
        for _ in 0..<9 {
            experience.learn(
                SliceRange(dates: DateRange(day: friday)), rows: 4_800,
                studies([friday: 2_400], time: "090000") + studies([friday: 2_400], time: "180000"), isWhole: true)
        }
        let parts = try #require(planner.partsOfCrowdedDay(SliceRange(dates: DateRange(da: "20260130")), experience))
        #expect(parts.count == 2)
        #expect(planner.partsOfCrowdedTimes(parts[0], experience) == nil, "it is asked")
        let rest = try #require(planner.partsOfCrowdedTimes(parts[1], experience))
        #expect(rest.map(\.times?.lower) == [parts[0].times?.upper, rest[0].times?.upper])
        #expect(rest[1].times?.upper == .endOfDay)
        // Before the archive grew.
        experience.learn(parts[0], rows: 30, [], isWhole: true)
        #expect(planner.partsOfCrowdedTimes(parts[1], experience) == nil, "all that is left is asked at once")
    }

    /// All days of a month have grown: what its last days had says more of the one before than its day of the week.
    @Test mutating func itIsDividedAsTheCrowdedDaysNearIt() throws {
        func whole(_ da: String, _ rows: Int) throws {
            let day = try date(da)
            for hours in [(0, 12), (12, 23)] {
                let times = TimeRange(lower: DICOMTime(hour: hours.0), upper: DICOMTime(hour: hours.1))
                experience.learn(
                    SliceRange(dates: DateRange(day: day), times: times), rows: rows / 2, [], isWhole: true)
            }
        }
        let thursday = try date("20260129")
        for da in ["20260210", "20260211", "20260212", "20260213"] { try whole(da, 600) }
        let alone = experience.studies(of: thursday, nil, above: 499)
        try whole("20260130", 2_400)
        #expect(experience.studies(of: thursday, nil, above: 499) == alone, "one crowded day says nothing of others")
        try whole("20260202", 1_800)
        #expect(experience.studies(of: thursday, nil, above: 499) > 1.5 * alone)
        #expect(experience.studies(of: thursday, nil, above: 499) < 2_000, "as the lesser of them")
    }

    /// What is known of the week is moved by its other days, and may stay too low for one.
    @Test func whatIsDividedTooLittleAgainAndAgainIsDividedAsTheLastOfItsKind() throws {
        let friday = try date("20260206")
        var density = Density()
        density.saw(friday)
        density.learn(DateRange(day: friday), [friday: 300])
        for week in 1...2 {
            #expect(density.studies(of: friday.adding(days: -7 * week), above: 199) < 450)
            let day = friday.adding(days: -7 * week)
            density.partExceeded(day)
            for _ in 0..<2 { density.learn(day, rows: 225, share: 0.5) }
        }
        #expect(density.studies(of: friday.adding(days: -21), above: 199) == 450)
        #expect(density.week(from: friday.adding(days: -21))[0] == 450)
        // Until one was asked whole.
        let holiday = friday.adding(days: -21)
        density.learn(DateRange(day: holiday), [holiday: 150])
        #expect(density.studies(of: friday.adding(days: -28), above: 199) < 450)
    }

    @Test func whatIsAskedWholeInVainAgainAndAgainIsExpectedToBeCrowded() throws {
        let friday = try date("20260206")
        var density = Density()
        density.saw(friday.adding(days: 70))
        for week in (0...10).reversed() {
            let day = friday.adding(days: 7 * week)
            density.learn(DateRange(day: day), [day: 180])
        }
        for week in 1...2 {
            let day = friday.adding(days: -7 * week)
            #expect(density.week(from: day)[0] < 1.05 * 199)
            density.exceeded(day, 200)
            for _ in 0..<2 { density.learn(day, rows: 120, share: 0.5) }
        }
        #expect(density.week(from: friday.adding(days: -21))[0] == 240)
    }

    @Test func aDayNewerThanAllThatWasSeenIsAskedWhole() throws {
        #expect(planner.partsOfCrowdedDay(SliceRange(dates: DateRange(da: "20260206")), experience) != nil)
        #expect(planner.partsOfCrowdedDay(SliceRange(dates: DateRange(da: "20260213")), experience) == nil)
    }

    /// A source that refuses what is too much may have shown no probe a day that could be asked by its times.
    @Test mutating func thatTimesFilterIsSeenInPartsOfOtherDays() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        let planner = Planner(cap: 500)
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        experience.noteAnswer(on: .times, Answer(end: .success, rawRows: 0, distinct: 0))
        experience.noteAnswer(on: .times, Answer(end: .refused(status: 0xC000), rawRows: 0, distinct: 0))
        experience.noteAnswer(on: .times, Answer(end: .success, rawRows: 400, distinct: 400, outside: [.times: 100]))
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        experience.noteAnswer(on: .times, Answer(end: .success, rawRows: 200, distinct: 200))
        #expect(planner.partsOfCrowdedDay(range, experience) != nil)
    }

    @Test mutating func oneOfSeventeenIsLookedAtAgain() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        for number in 0..<16 {
            #expect(planner.partsOfCrowdedDay(range, experience) != nil)
            experience.divided(try date("20260130").adding(days: -7 * number), parts: 2)
        }
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        show(studies([try date("20260206"): 500]))
        #expect(planner.partsOfCrowdedDay(range, experience) != nil)
    }

    /// A holiday: its studies without a time are found by asking for all of it.
    @Test mutating func oneThatWasNoneIsAskedWholeAfterAll() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        let parts = try #require(planner.partsOfCrowdedDay(range, experience))
        experience.divided(try date("20260130"), parts: parts.count)
        let answers = parts.map { experience.partAnswered($0, rows: 249, most: 499) }
        #expect(answers == [false, true])
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
    }

    /// Also where another process asks the rest of its parts.
    @Test mutating func oneThatWasFarFromItIsKnownByItsFirstPart() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        let parts = try #require(planner.partsOfCrowdedDay(range, experience))
        experience.divided(try date("20260130"), parts: parts.count)
        let isFew = experience.partAnswered(parts[0], rows: 40, most: 499)
        #expect(isFew)
    }

    @Test mutating func oneThatWasIsNotAskedAgain() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        let parts = try #require(planner.partsOfCrowdedDay(range, experience))
        experience.divided(try date("20260130"), parts: parts.count)
        let answers = parts.map { experience.partAnswered($0, rows: 250, most: 499) }
        #expect(answers == [false, false])
    }

    /// It would show nothing of the day.
    @Test mutating func atASourceThatRefusesWhateverWasShown() throws {
        let friday = try date("20260206")
        show(studies([friday: 1], time: ""))
        let range = SliceRange(dates: DateRange(da: "20260130"))
        #expect(planner.partsOfCrowdedDay(range, experience) == nil)
        let refused = Answer(end: .refused(status: 0xC000), rawRows: 0, distinct: 0)
        experience.overflowed(SliceRange(dates: DateRange(day: friday)), refused)
        #expect(planner.partsOfCrowdedDay(range, experience) != nil)
    }

    @Test func notWhereTheSourceIgnoresTimes() throws {
        let range = SliceRange(dates: DateRange(da: "20260130"))
        #expect(Planner(cap: 500).partsOfCrowdedDay(range, experience) == nil)
    }

    @Test mutating func theDayForWhichARangeWasTooLongIsAskedByItself() throws {
        // Not before it is known that the others are not too many.
        #expect(try parts(Experience()) == ["20260206-20260210", "20260201-20260205"])
        let week = try #require(DateRange(da: "20260211-20260217"))
        let usual = studies([try date("20260211"): 20, try date("20260213"): 30, try date("20260216"): 20])
        experience = Experience()
        experience.learn(SliceRange(dates: week), rows: usual.count, usual, isWhole: true)
        #expect(try parts(experience) == ["20260207-20260210", "20260206", "20260201-20260205"])
    }

    private func parts(_ experience: Experience) throws -> [String] {
        let rows = studies([try date("20260206"): 400, try date("20260204"): 50, try date("20260209"): 50])
        let answer = Answer(end: .success, rawRows: 500, distinct: 500)
        let range = SliceRange(dates: DateRange(da: "20260201-20260210"))
        guard
            case .split(let parts, _) = planner.judge(
                range, answer, records: rows, largestAnswer: 500, experience: experience)
        else { return [] }
        return parts.compactMap(\.dates?.da)
    }
}
