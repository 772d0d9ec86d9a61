import Foundation
import Testing

@testable import Sweep

@Suite struct CronExpressionTests {
    // MARK: Reading

    @Test(arguments: [
        ("*/15 * * * *", ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:45:00Z"]),
        ("1-5/2 0 * * *", ["2026-01-01T00:01:00Z", "2026-01-01T00:03:00Z", "2026-01-01T00:05:00Z"]),
        ("5/25 3 * * *", ["2026-01-01T03:05:00Z", "2026-01-01T03:30:00Z", "2026-01-01T03:55:00Z"]),
        ("30 22,2,5-6 * * *", ["2026-01-01T02:30:00Z", "2026-01-01T05:30:00Z", "2026-01-01T06:30:00Z"]),
        ("0 0 1 FEB,apr-Jun *", ["2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"]),
        ("0 12 ? * mon-WED", ["2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z", "2026-01-07T12:00:00Z"]),
        ("05 007 31 * ?", ["2026-01-31T07:05:00Z", "2026-03-31T07:05:00Z", "2026-05-31T07:05:00Z"]),
        ("59 23 31 12 *", ["2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z", "2028-12-31T23:59:00Z"]),
        ("0 0 * * 5/2", ["2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-16T00:00:00Z"]),
    ])
    func reads(text: String, expected: [String]) throws {
        #expect(try runs(text, after: "2026-01-01T00:00:00Z", count: 3) == expected)
    }

    @Test(arguments: ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "0 0 * * 7/2", "0 0 * * 7-7", "0 0 * * SUN-SUN"])
    func sundayHasThreeSpellings(text: String) throws {
        let sundays = ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]
        #expect(try runs(text, after: "2026-01-01T00:00:00Z", count: 2) == sundays)
    }

    @Test(arguments: ["0 0 * * FRI-SUN", "0 0 * * 5-7", "0 0 * * 5-0", "0 0 * * 0,5,6"])
    func sundayEndsARangeOfDays(text: String) throws {
        let weekend = ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"]
        #expect(try runs(text, after: "2026-01-01T00:00:00Z", count: 4) == weekend)
    }

    @Test(arguments: [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 JAN *"), ("@annually", "0 0 1 1 *"), ("@Daily", "0 0 * * *"),
    ])
    func nicknamesStandForFiveFields(nickname: String, fields: String) throws {
        let start = "2026-03-05T06:07:00Z"
        #expect(try runs(nickname, after: start, count: 3) == runs(fields, after: start, count: 3))
    }

    @Test func isDescribedAsWrittenWithSingleSpaces() throws {
        #expect(try CronExpression(" 0\t2 * *  mon-fri\n").description == "0 2 * * mon-fri")
        #expect(try CronExpression("0  0 * * *") == CronExpression("0 0 * * *"))
        #expect(try CronExpression("@daily").description == "@daily")
    }

    @Test(arguments: [
        ("61 * * * *", "'61 * * * *': minute takes 0 to 59, not '61'"),
        ("0 24 * * *", "'0 24 * * *': hour takes 0 to 23, not '24'"),
        ("0 0 0 * *", "'0 0 0 * *': day of month takes 1 to 31, not '0'"),
        ("0 0 * 1,13 *", "'0 0 * 1,13 *': month takes 1 to 12 or JAN to DEC, not '13'"),
        ("0 0 * * 8", "'0 0 * * 8': day of week takes 0 to 7 or SUN to SAT, not '8'"),
        ("*/0 * * * *", "'*/0 * * * *': minute takes a step of 1 to 60, not '*/0'"),
        ("0 8-6 * * *", "'0 8-6 * * *': hour takes no range that ends before it begins, such as '8-6'"),
        ("0 0 * * ", "'0 0 * *': a schedule takes five fields (minute, hour, day of month, month, day of week), not 4"),
        (
            "@reboot",
            "'@reboot': a nickname is one of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly, "
                + "and stands alone"
        ),
    ])
    func errorsNameTheFieldAndWhatItTakes(text: String, description: String) {
        #expect(error(of: text)?.description == description)
    }

    @Test(arguments: [
        "", " ", "* * * *", "* * * * * *", "@", "@daily 5", "@ daily", "99999999999999999999 * * * *",
        "*/99999999999999999999 * * * *", "-1 * * * *", "+1 * * * *", "1- * * * *", "-5 * * * *", "1-2-3 * * * *",
        ", * * * *", "1,,2 * * * *", "1, * * * *", "1/ * * * *", "/5 * * * *", "/ * * * *", "- * * * *", "*5 * * * *",
        "*-5 * * * *", "5-* * * * *", "1/2/3 * * * *", "*/-2 * * * *", "*/61 * * * *", "*/90 * * * *", "* */25 * * *",
        "59-0 * * * *", "1.5 * * * *", "0x5 * * * *", "٣ * * * *", "５ * * * *", "*\u{301} * * * *", "** * * * *",
        "JAN * * * *", "0 0 MON * *", "0 0 * MON *", "0 0 * * JAN", "0 0 * JANUARY *", "0 0 * * MO", "0 0 L * *",
        "0 0 * * 5#2", "0 0 15W * *", "0 0 * * FRI-MON", "0 0 32 * *", "0 0 1-32 * *", "0 0 * * 6-8", "\0 * * * *",
    ])
    func refuses(text: String) {
        #expect(error(of: text) != nil)
    }

    @Test(arguments: ["*", "9", "1,", "1-", "*/", " ", "@", "0 0 * * * "])
    func tenThousandCharactersAreRefusedWithoutRepeatingThemAll(piece: String) throws {
        let refusal = try #require(error(of: String(repeating: piece, count: 10_000 / piece.count)))
        #expect(refusal.description.count < 200)
    }

    // MARK: Days

    @Test func aDayMatchesEitherDayFieldWhenBothAreRestricted() throws {
        #expect(
            try runs("0 0 13,20 * FRI", after: "2026-01-08T00:00:00Z", count: 4) == [
                "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z", "2026-01-20T00:00:00Z",
            ])
    }

    @Test(arguments: ["0 0 */2 * MON", "0 0 ?/2 * MON"])
    func aDayMatchesBothDayFieldsWhenOneBeginsWithAStar(text: String) throws {
        let oddMondays = ["2026-01-05T00:00:00Z", "2026-01-19T00:00:00Z", "2026-02-09T00:00:00Z"]
        #expect(try runs(text, after: "2026-01-01T00:00:00Z", count: 3) == oddMondays)
        #expect(try runs("0 0 5 * */2", after: "2026-01-01T00:00:00Z", count: 1) == ["2026-02-05T00:00:00Z"])
    }

    @Test func aDateThatNeverComesHasNoRun() throws {
        #expect(try runs("0 0 30 2 *", after: "2026-01-01T00:00:00Z", count: 1) == [])
        #expect(try runs("0 0 31 4,6,9,11 *", after: "2026-01-01T00:00:00Z", in: "Europe/Berlin", count: 1) == [])
        #expect(try runs("* * 30 2 *", after: "2026-01-01T00:00:00Z", in: "Europe/Berlin", count: 1) == [])
    }

    @Test func aLeapDayIsFoundAcrossTheCenturyThatHasNone() throws {
        #expect(
            try runs("0 0 29 2 *", after: "2092-03-01T00:00:00Z", count: 2) == [
                "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z",
            ])
    }

    @Test func aRunMoreThanTenYearsAheadIsNotLookedFor() throws {
        // A Monday 29 February comes every 28 years.
        #expect(try runs("0 0 29 2 */7", after: "2032-03-01T00:00:00Z", count: 1) == [])
        #expect(try runs("0 0 29 2 */7", after: "2051-01-01T00:00:00Z", count: 1) == ["2060-02-29T00:00:00Z"])
    }

    // MARK: Instants

    @Test func aRunIsStrictlyAfterTheGivenInstant() throws {
        let cron = try CronExpression("30 2 * * *")
        let run = try instant("2026-01-10T02:30:00Z")
        let tomorrow = try instant("2026-01-11T02:30:00Z")
        #expect(cron.next(after: run, in: .gmt) == tomorrow)
        #expect(cron.next(after: run.addingTimeInterval(0.5), in: .gmt) == tomorrow)
        #expect(cron.next(after: run.addingTimeInterval(-0.5), in: .gmt) == run)
        #expect(cron.next(after: run.addingTimeInterval(-60), in: .gmt) == run)
    }

    @Test func timesBefore1970AreReadAsOthers() throws {
        #expect(
            try runs("30 6 * * MON", after: "1969-07-20T20:17:40Z", count: 2) == [
                "1969-07-21T06:30:00Z", "1969-07-28T06:30:00Z",
            ])
    }

    @Test(arguments: [
        Double.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -0x1p63, 0x1p63, -1e18, 1e18, 1e12, -1e12,
    ])
    func instantsOutsideTheCalendarHaveNoRun(seconds: Double) throws {
        for zone in [TimeZone.gmt, try #require(TimeZone(identifier: "Europe/Berlin"))] {
            #expect(try CronExpression("* * * * *").next(after: Date(timeIntervalSince1970: seconds), in: zone) == nil)
        }
    }

    @Test func theEndsOfTheCalendarDoNotTrap() throws {
        let cron = try CronExpression("0 2 * * *")
        let berlin = try #require(TimeZone(identifier: "Europe/Berlin"))
        #expect(cron.next(after: .distantPast, in: berlin) == nil)
        #expect(cron.next(after: .distantPast.addingTimeInterval(7 * 86_400), in: berlin) != nil)
        let lastRun = try instant("9999-12-31T01:00:00Z")
        #expect(cron.next(after: lastRun.addingTimeInterval(-86_400), in: berlin) == lastRun)
        #expect(cron.next(after: lastRun, in: berlin) == nil)
    }

    // MARK: Clock changes

    @Test func aTimeThatDoesNotExistRunsOnceWhenTheClockHasJumped() throws {
        // 02:00 becomes 03:00.
        let start = "2026-03-28T02:30:00+01:00"
        #expect(
            try runs("30 2 * * *", after: start, in: "Europe/Berlin", count: 2) == [
                "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
            ])
        #expect(
            try runs("*/20 1-2 29 3 *", after: start, in: "Europe/Berlin", count: 5) == [
                "2026-03-29T01:00:00+01:00", "2026-03-29T01:20:00+01:00", "2026-03-29T01:40:00+01:00",
                "2026-03-29T03:00:00+02:00", "2027-03-29T01:00:00+02:00",
            ])
    }

    @Test func aSkippedRunAndARegularOneAtTheSameInstantAreOne() throws {
        #expect(
            try runs("0,30 2,3 * * *", after: "2026-03-29T00:00:00+01:00", in: "Europe/Berlin", count: 3) == [
                "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00",
            ])
    }

    @Test func aTimeThatComesTwiceRunsTheFirstTime() throws {
        // 03:00 becomes 02:00.
        #expect(
            try runs("0,30 2-3 * * *", after: "2026-10-25T00:00:00+02:00", in: "Europe/Berlin", count: 5) == [
                "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00",
                "2026-10-25T03:30:00+01:00", "2026-10-26T02:00:00+01:00",
            ])
    }

    @Test(arguments: ["2026-10-25T02:00:00+01:00", "2026-10-25T02:10:00+01:00", "2026-10-25T02:59:59+01:00"])
    func aStartWithinTheRepeatedHourDoesNotRepeatItsRuns(start: String) throws {
        #expect(
            try runs("30 1-3 * * *", after: start, in: "Europe/Berlin", count: 1) == ["2026-10-25T03:30:00+01:00"])
        #expect(
            try runs("30 2 * * *", after: start, in: "Europe/Berlin", count: 1) == ["2026-10-26T02:30:00+01:00"])
    }

    @Test(arguments: ["30 * * * *", "30 0-23 * * *", "30 */1 * * *"])
    func anExpressionForEveryHourFollowsElapsedTime(text: String) throws {
        #expect(
            try runs(text, after: "2026-10-25T01:30:00+02:00", in: "Europe/Berlin", count: 3) == [
                "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00",
            ])
        #expect(
            try runs(text, after: "2026-03-29T00:30:00+01:00", in: "Europe/Berlin", count: 2) == [
                "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00",
            ])
    }

    @Test func aShiftOfHalfAnHourMovesOnlyWhatItTouches() throws {
        let zone = "Australia/Lord_Howe"
        // 02:00 becomes 02:30.
        #expect(
            try runs("*/15 2 * * *", after: "2026-10-03T16:00:00+10:30", in: zone, count: 3) == [
                "2026-10-04T02:30:00+11:00", "2026-10-04T02:45:00+11:00", "2026-10-05T02:00:00+11:00",
            ])
        // 02:00 becomes 01:30.
        #expect(
            try runs("*/20 1 * * *", after: "2026-04-05T01:00:00+11:00", in: zone, count: 3) == [
                "2026-04-05T01:20:00+11:00", "2026-04-05T01:40:00+11:00", "2026-04-06T01:00:00+10:30",
            ])
        #expect(
            try runs("40 * * * *", after: "2026-04-05T01:00:00+11:00", in: zone, count: 3) == [
                "2026-04-05T01:40:00+11:00", "2026-04-05T01:40:00+10:30", "2026-04-05T02:40:00+10:30",
            ])
    }

    @Test(arguments: [
        // 00:00 becomes 01:00.
        (
            "America/Sao_Paulo", "2018-11-03T00:00:00-03:00",
            ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"]
        ),
        ("Asia/Beirut", "2026-03-28T00:00:00+02:00", ["2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"]),
        // 00:00 becomes 23:00 of the day before.
        ("Asia/Beirut", "2026-10-24T00:00:00+03:00", ["2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+02:00"]),
    ])
    func aShiftAtMidnightLeavesOneRunADay(zone: String, start: String, expected: [String]) throws {
        #expect(try runs("@daily", after: start, in: zone, count: 2) == expected)
    }

    @Test func aDayThatIsSkippedRunsOnceAsTheNextBegins() throws {
        // Samoa went from the end of 29 December to the start of 31 December.
        let start = "2011-12-29T12:00:00-10:00"
        #expect(
            try runs("0 6,12,18 * * *", after: start, in: "Pacific/Apia", count: 4) == [
                "2011-12-29T18:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T06:00:00+14:00",
                "2011-12-31T12:00:00+14:00",
            ])
        #expect(
            try runs("0 12 30 12 *", after: start, in: "Pacific/Apia", count: 2) == [
                "2011-12-31T00:00:00+14:00", "2012-12-30T12:00:00+14:00",
            ])
        #expect(
            try runs("0 * 30 12 *", after: start, in: "Pacific/Apia", count: 1) == ["2012-12-30T00:00:00+14:00"])
    }

    /// Walks the clock minute by minute instead of reasoning about shifts.
    @Test(arguments: [
        ("Europe/Berlin", "2026-03-28T12:00:00Z"), ("Europe/Berlin", "2026-10-24T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"), ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
        ("America/Sao_Paulo", "2018-11-03T12:00:00Z"), ("America/Sao_Paulo", "2018-02-17T12:00:00Z"),
        ("Asia/Beirut", "2026-03-28T12:00:00Z"), ("Asia/Beirut", "2026-10-24T12:00:00Z"),
        ("Pacific/Apia", "2011-12-29T12:00:00Z"), ("Pacific/Kwajalein", "1993-08-20T12:00:00Z"),
        ("Asia/Pyongyang", "2015-08-14T00:00:00Z"), ("Asia/Kolkata", "2026-03-28T12:00:00Z"),
    ])
    func agreesWithAClockWatchedForTwoDays(identifier: String, start: String) throws {
        let zone = try #require(TimeZone(identifier: identifier))
        let first = try instant(start)
        let instants = (0...2_880).map { first.addingTimeInterval(Double($0) * 60) }
        let last = first.addingTimeInterval(2_880 * 60)
        for text in ["*/7 * * * *", "0 */2 * * *", "5,35 1,2,23 * * *", "@daily"] {
            let cron = try CronExpression(text)
            let isForEveryHour = text.split(separator: " ").dropFirst().first == "*"
            // Local times as dates in GMT, where no clock is ever changed.
            let clock = instants.map { $0.addingTimeInterval(Double(zone.secondsFromGMT(for: $0))) }
            var isRun = [false]
            var latest = clock[0]
            for local in clock.dropFirst() {
                let reached = isForEveryHour ? local.addingTimeInterval(-60) : latest
                isRun.append(cron.next(after: reached, in: .gmt).map { $0 <= local } ?? false)
                latest = max(latest, local)
            }
            #expect(isRun.contains(true))
            var upcoming: Date?
            for (instant, isRun) in zip(instants, isRun).reversed() {
                let next = cron.next(after: instant, in: zone).flatMap { $0 <= last ? $0 : nil }
                if next != upcoming { Issue.record("\(text) after \(instant)") }
                if isRun { upcoming = instant }
            }
        }
    }

    // MARK: Helpers

    private func error(of text: String) -> CronError? {
        do {
            _ = try CronExpression(text)
            return nil
        } catch {
            return error
        }
    }

    private func instant(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    /// Up to `count` runs after `start`, in local time.
    private func runs(
        _ text: String, after start: String, in zone: String = "GMT", count: Int
    ) throws -> [String] {
        let cron = try CronExpression(text)
        let zone = try #require(TimeZone(identifier: zone))
        let style = Date.ISO8601FormatStyle(timeZoneSeparator: .colon, timeZone: zone)
        var date = try instant(start)
        var runs: [String] = []
        while runs.count < count, let next = cron.next(after: date, in: zone) {
            runs.append(next.formatted(style))
            date = next
        }
        return runs
    }
}
