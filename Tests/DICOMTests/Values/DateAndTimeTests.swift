import Foundation
import Testing

@testable import DICOM

@Suite struct DICOMDateTests {
    @Test(arguments: [
        ("20200229", "20200229"), ("2020.02.29", "20200229"), ("2020-02-29", "20200229"), (" 20200229 ", "20200229"),
        ("20200229\0", "20200229"), ("2020/12/31", "20201231"), ("00010101", "00010101"),
    ])
    func reads(text: String, da: String) {
        #expect(DICOMDate(text)?.da == da)
    }

    @Test(arguments: [
        "", "00000000", "20210229", "19851345", "n/a", "200229", "2020.0229", "2020.02-29", "202002290", "20200229X",
        "2020022", "２０２００２２９", "20200100", "-20200101",
    ])
    func refuses(text: String) {
        #expect(DICOMDate(text) == nil)
    }

    @Test func strictness() {
        #expect(DICOMDate.isStrict("20200229"))
        #expect(
            !DICOMDate.isStrict("2020.02.29") && !DICOMDate.isStrict("20200229 ") && !DICOMDate.isStrict("20210229"))
    }

    @Test func arithmeticAgreesWithTheCalendarOfEveryDay() throws {
        var date = DICOMDate.earliest
        var expected = (year: 1, month: 1, day: 1)
        for days in -719_162...2_932_896 where days % 17 == 0 || days > 2_932_800 || days < -719_100 {
            date = try #require(DICOMDate(daysSince1970: days))
            #expect(date.daysSince1970 == days)
        }
        #expect(date == .latest)
        date = .earliest
        for _ in 0..<1_500 {
            #expect((date.year, date.month, date.day) == expected)
            let lengths = [31, expected.year % 4 == 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            expected.day += 1
            if expected.day > lengths[expected.month - 1] { (expected.day, expected.month) = (1, expected.month + 1) }
            if expected.month > 12 { (expected.month, expected.year) = (1, expected.year + 1) }
            date = date.adding(days: 1)
        }
    }

    @Test func daysBetween() throws {
        let start = try #require(DICOMDate("20191231"))
        #expect(start.adding(days: 1).iso == "2020-01-01" && start.adding(days: 61).iso == "2020-03-01")
        #expect(start.days(to: try #require(DICOMDate("20201231"))) == 366)
        #expect(DICOMDate("19700101")?.daysSince1970 == 0 && DICOMDate("20000301")?.daysSince1970 == 11_017)
        #expect(start.adding(days: .max) == .latest && start.adding(days: .min) == .earliest)
    }
}

@Suite struct DICOMTimeTests {
    @Test(arguments: [
        ("10", "100000"), ("1030", "103000"), ("103015", "103015"), ("103015.5", "103015.500000"),
        ("10:30", "103000"), ("10:30:15", "103015"), ("10:30:15.25", "103015.250000"), ("103015.", "103015"),
        (" 235959.999999 ", "235959.999999"), ("000000.0000009", "000000"), ("00", "000000"),
    ])
    func reads(text: String, tm: String) {
        #expect(DICOMTime(text)?.tm == tm)
    }

    @Test(arguments: [
        "", "24", "240000", "24:00:00", "235960", "1", "103", "10300", "10:3", "1030:15", "10:3015", "n/a",
        "103015.5.5", "1030.5", "10:30:", ":1030", "103015-",
    ])
    func refuses(text: String) {
        #expect(DICOMTime(text) == nil)
    }

    @Test func parts() throws {
        let time = try #require(DICOMTime("235958.000001"))
        #expect((time.hour, time.minute, time.second, time.microsecond) == (23, 59, 58, 1))
        #expect(time.description == "23:59:58.000001" && time < .endOfDay && time > .midnight)
        #expect(DICOMTime(microseconds: 86_400_000_000) == nil && DICOMTime(microseconds: -1) == nil)
        #expect(DICOMTime.isStrict("1030") && !DICOMTime.isStrict("10:30") && !DICOMTime.isStrict("103015."))
    }
}

@Suite struct RangeTests {
    @Test(arguments: [
        ("20200101-20200131", "20200101-20200131"), ("20200101-", "20200101-"), ("-20200131", "-20200131"),
        ("20200101", "20200101"), ("20200101-20200101", "20200101"), ("2020.01.01-2020.12.31", "20200101-20201231"),
        (" 20200101 - 20200131 ", "20200101-20200131"), ("2020-01-01", "20200101"),
    ])
    func readsDates(text: String, da: String) {
        #expect(DateRange(da: text)?.da == da)
    }

    @Test(arguments: ["-", "", "*", "20200131-20200101", "20200101-x", "x-20200101", "20200101-20200102-20200103"])
    func refusesDates(text: String) {
        #expect(DateRange(da: text) == nil)
    }

    @Test func dateEndsAreIncluded() throws {
        let range = try #require(DateRange(da: "20200101-20200131"))
        let (first, last) = (try #require(range.lower), try #require(range.upper))
        #expect(range.contains(first) && range.contains(last))
        #expect(!range.contains(first.adding(days: -1)) && !range.contains(last.adding(days: 1)))
        #expect(DateRange(lower: nil, upper: last).contains(.earliest))
        #expect(DateRange(lower: nil, upper: nil).da == "")
    }

    @Test(arguments: [
        ("1000-1800", "100000-180059.999999"), ("100000-", "100000-"), ("-235959", "-235959.999999"),
        ("120000.5", "120000.500000-120000.599999"), ("10", "100000-105959.999999"),
    ])
    func readsTimes(text: String, tm: String) {
        #expect(TimeRange(tm: text)?.tm == tm)
    }

    @Test(arguments: ["-", "", "2200-0200", "1000-2460", "10-12-14"])
    func refusesTimes(text: String) {
        #expect(TimeRange(tm: text) == nil)
    }

    @Test func timeEndsCoverTheirUnit() throws {
        let range = try #require(TimeRange(tm: "100000-115959"))
        #expect(range.contains(try #require(DICOMTime("115959.5"))))
        #expect(!range.contains(try #require(DICOMTime("120000"))))
        #expect(!range.contains(try #require(DICOMTime("0959"))))
    }

    @Test func codedExactly() throws {
        let times = TimeRange(lower: DICOMTime(hour: 10), upper: DICOMTime(hour: 18))
        #expect(try JSONDecoder().decode(TimeRange.self, from: try JSONEncoder().encode(times)) == times)
        let dates = DateRange(lower: DICOMDate("20200101"), upper: nil)
        #expect(try JSONDecoder().decode(DateRange.self, from: try JSONEncoder().encode(dates)) == dates)
    }
}
