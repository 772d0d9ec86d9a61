import DICOM
import StudyIndex
import Testing

@testable import Sweep

private func month() throws -> SliceRange { SliceRange(dates: try #require(DateRange(da: "20200101-20200131"))) }

private func answer(_ rows: Int, _ end: AnswerEnd = .success, outsideTimes: Int = 0) -> Answer {
    Answer(end: end, rawRows: rows, distinctStudies: rows, outsideTimes: outsideTimes)
}

@Suite struct SilentCaps {
    let planner = Planner(configuredCap: nil)

    @Test func anAnswerIsTrustedWhenTheSourceHasSentALargerOne() throws {
        #expect(planner.judge(try month(), answer(346), largestAnswer: 347) == .complete)
    }

    @Test(arguments: [347, 500])
    func anAnswerAsLargeAsTheLargestIsSplitWhateverItsNumber(_ cap: Int) throws {
        guard case .split(let halves, .largestAnswer) = planner.judge(try month(), answer(cap), largestAnswer: cap)
        else {
            Issue.record("not split")
            return
        }
        #expect(halves.count == 2)
    }

    @Test func theFirstAnswerOfARunIsNotTrustedByItself() throws {
        #expect(planner.judge(try month(), answer(50), largestAnswer: 0) != .complete)
    }

    @Test func anAnswerBelowAnyPlausibleCapIsTrusted() throws {
        #expect(planner.judge(try month(), answer(49), largestAnswer: 0) == .complete)
    }
}

@Suite struct KnownCaps {
    @Test func anAnswerAtTheConfiguredCapIsSplitEvenAfterALargerOne() throws {
        let verdict = Planner(configuredCap: 20).judge(try month(), answer(20), largestAnswer: 1_000)
        guard case .split(_, .atConfiguredCap) = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }

    @Test(arguments: [
        (AnswerEnd.cropped(status: 0xFE00), SplitReason.cropped), (.cropped(status: 0xB001), .cropped),
        (.refused(status: 0xC000), .refused), (.refused(status: 0xA700), .refused), (.outOfTime, .outOfTime),
    ])
    func anAnswerThatDidNotEndInSuccessIsSplit(_ end: AnswerEnd, _ reason: SplitReason) throws {
        guard case .split(_, reason) = Planner(configuredCap: nil).judge(try month(), answer(1, end), largestAnswer: 9)
        else {
            Issue.record("not split for \(reason)")
            return
        }
    }
}

@Suite struct Irreducible {
    private func second() throws -> SliceRange {
        SliceRange(
            dates: try #require(DateRange(da: "20200101")), times: try #require(TimeRange(tm: "120000-120001")))
    }

    @Test func whatOverflowsASecondIsRecordedNotDropped() throws {
        let verdict = Planner(configuredCap: nil).judge(
            try second(), answer(200, .cropped(status: 0xFE00)), largestAnswer: 0)
        #expect(verdict == .irreducible(.cropped))
    }

    @Test func aSourceThatIgnoresTimesIsNotAskedForEverSmallerTimes() throws {
        let day = SliceRange(
            dates: try #require(DateRange(da: "20200101")), times: try #require(TimeRange(tm: "000000-120000")))
        let verdict = Planner(configuredCap: nil).judge(day, answer(500, outsideTimes: 200), largestAnswer: 500)
        #expect(verdict == .irreducible(.timeKeysIgnored))
    }

    @Test func aStudyThatIsAskedByUIDIsNeverSplit() throws {
        let verdict = Planner(configuredCap: nil).judge(
            SliceRange(uids: ["1.2.3"]), answer(0, .refused(status: 0xC000)), largestAnswer: 0)
        #expect(verdict == .irreducible(.refused))
    }
}
