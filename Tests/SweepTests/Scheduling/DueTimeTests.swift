import Foundation
import Testing

@testable import Sweep

@Suite struct DueTimeTests {
    private let zone = TimeZone(identifier: "Europe/Berlin") ?? .gmt

    private func moment(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    @Test func nothingIsDueBeforeItsTime() throws {
        let nightly = try CronExpression("0 20 * * *")
        let due = nightly.due(
            after: try moment("2026-11-24T20:00:00+01:00"), by: try moment("2026-11-25T19:59:59+01:00"), in: zone)
        #expect(due == nil)
    }

    @Test func ofAllThatWereMissedTheLastIsCaughtUp() throws {
        let nightly = try CronExpression("0 20 * * *")
        for last in ["2026-11-24T20:00:00+01:00", "2026-11-20T20:00:00+01:00", "2020-01-01T20:00:00+01:00"] {
            let due = nightly.due(after: try moment(last), by: try moment("2026-11-26T07:00:00+01:00"), in: zone)
            #expect(due == (try moment("2026-11-25T20:00:00+01:00")))
        }
    }

    @Test func oftenMissedOnesAreFoundAsWell() throws {
        let everyMinute = try CronExpression("* * * * *")
        let due = everyMinute.due(
            after: try moment("2026-01-01T00:00:00+01:00"), by: try moment("2026-11-26T07:00:30+01:00"), in: zone)
        #expect(due == (try moment("2026-11-26T07:00:00+01:00")))
    }

    @Test func whatWasDueMoreThanAYearAgoIsForgotten() throws {
        let leapDay = try CronExpression("0 0 29 2 *")
        let due = leapDay.due(
            after: try moment("2024-01-01T00:00:00+01:00"), by: try moment("2026-11-26T07:00:00+01:00"), in: zone)
        #expect(due == nil)
    }
}
