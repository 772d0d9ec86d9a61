import DICOM
import DIMSE
import StudyIndex
import Testing

@testable import Sweep

private func dates(_ text: String) throws -> SliceRange { SliceRange(dates: try #require(DateRange(da: text))) }
private func month() throws -> SliceRange { try dates("20200101-20200131") }
private func day() throws -> SliceRange { try dates("20200101") }

private func answer(_ rows: Int, _ end: AnswerEnd = .success, outside: [SliceRange.Axis: Int] = [:]) -> Answer {
    Answer(end: end, rawRows: rows, distinct: rows, outside: outside)
}

private func study(
    _ number: Int, time: String? = "120000", modality: String? = "CT", patient: String = "P1"
) -> StudyRecord {
    var record = StudyRecord()
    record[.studyInstanceUID] = "1.\(number)"
    record[.studyDate] = "20200101"
    record[.studyTime] = time
    record[.modalitiesInStudy] = modality
    record[.patientID] = patient
    return record
}

extension Verdict {
    fileprivate var parts: [SliceRange] {
        if case .split(let parts, _) = self { return parts }
        return []
    }
}

@Suite struct SilentCaps {
    let planner = Planner()

    @Test func anAnswerIsTrustedWhenTheSourceHasSentALargerOne() throws {
        #expect(planner.judge(try month(), answer(346), largestAnswer: 347) == .complete)
    }

    @Test(arguments: [347, 500])
    func anAnswerAsLargeAsTheLargestIsSplitWhateverItsNumber(_ cap: Int) throws {
        let verdict = planner.judge(try month(), answer(cap), largestAnswer: cap)
        guard case .split(let halves, .largestAnswer) = verdict else {
            Issue.record("\(verdict)")
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
    @Test func anAnswerAtTheKnownCapIsSplitEvenAfterALargerOne() throws {
        let verdict = Planner(cap: 20).judge(try month(), answer(20), largestAnswer: 1_000)
        guard case .split(_, .atKnownCap) = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }

    @Test func aLearnedCapCountsWhereNoneIsConfigured() {
        var capabilities = Capabilities()
        capabilities.silentCap = 347
        #expect(Planner(capabilities: capabilities).cap == 347)
        #expect(Planner(cap: 200, capabilities: capabilities).cap == 200)
    }

    @Test(arguments: [
        (AnswerEnd.cropped(status: 0xFE00), SplitReason.cropped), (.cropped(status: 0xB001), .cropped),
        (.refused(status: 0xC000), .refused), (.refused(status: 0xA700), .refused), (.outOfTime, .outOfTime),
    ])
    func anAnswerThatDidNotEndInSuccessIsSplit(_ end: AnswerEnd, _ reason: SplitReason) throws {
        guard case .split(_, reason) = Planner().judge(try month(), answer(1, end), largestAnswer: 9) else {
            Issue.record("not split for \(reason)")
            return
        }
    }
}

@Suite struct PartsOfADay {
    private let cropped = answer(200, .cropped(status: 0xFE00))

    @Test func aDayIsAskedByItsTimesWhichOverlapAtTheirBorders() throws {
        let records = (0..<200).map { study($0, time: "0\($0 % 10)0000") }
        let parts = Planner().judge(try day(), cropped, records: records, largestAnswer: 0).parts
        #expect(parts.allSatisfy { $0.axis == .times && $0.day == DICOMDate("20200101") })
        #expect(parts.first?.times?.lower == .midnight)
        #expect(parts.last?.times?.upper == .endOfDay)
        for (earlier, later) in zip(parts, parts.dropFirst()) {
            #expect(earlier.times?.upper == later.times?.lower)
            #expect(try #require(later.times?.lower).microsecond == 0)
        }
    }

    @Test func itsTimesAreDividedWhereItsStudiesAre() throws {
        // All in the hour from nine to ten.
        let records = (0..<200).map { study($0, time: "09\(10 + $0 % 50)00") }
        let parts = Planner().judge(try day(), cropped, records: records, largestAnswer: 0).parts
        let border = try #require(parts.first?.times?.upper)
        #expect(border.hour == 9)
    }

    @Test func studiesWithoutATimeAreReachedByTheBeginningsOfPatientIDs() throws {
        let records = (0..<200).map { study($0, time: $0 == 7 ? "" : "101010", patient: "X\($0)") }
        let parts = Planner().judge(try day(), cropped, records: records, largestAnswer: 0).parts
        #expect(parts.contains { $0.axis == .times })
        #expect(parts.contains { $0.axis == .prefixes && $0.times == nil && $0.patientPrefix == "X" })
    }

    @Test func whereTimesAreIgnoredOtherAxesServe() throws {
        var capabilities = Capabilities()
        capabilities.timeRanges = .ignored
        capabilities.modalities = .works
        let records = (0..<200).map { study($0, modality: $0 % 2 == 0 ? "CT" : "MR") }
        let planner = Planner(capabilities: capabilities)
        let parts = planner.judge(try day(), cropped, records: records, largestAnswer: 0).parts
        #expect(parts.map(\.modality) == ["CT", "MR"])
        // And where a modality overflows, the beginnings of patient IDs.
        let finer = planner.judge(parts[0], cropped, records: records, largestAnswer: 0).parts
        #expect(finer.allSatisfy { $0.axis == .prefixes && $0.modality == "CT" })
    }

    @Test func aTimeThatCannotBeDividedIsAskedByPatientIDs() throws {
        var second = try day()
        second.times = TimeRange(tm: "120000-120001")
        let parts = Planner().judge(second, cropped, records: [study(1)], largestAnswer: 0).parts
        #expect(parts.allSatisfy { $0.axis == .prefixes && $0.times == second.times })
        #expect(parts.contains { $0.patientPrefix == "P" })
    }

    @Test func theIDThatIsItselfTheBeginningIsNotLost() throws {
        var range = try day()
        range.patientPrefix = "12"
        let records = ["12", "123", "12A"].map { study(1, patient: $0) }
        let parts = Planner().judge(range, cropped, records: records, largestAnswer: 0).parts
        #expect(parts.contains { $0.patientID == "12" && $0.patientPrefix == nil })
        #expect(parts.contains { $0.patientPrefix == "123" })
        #expect(parts.contains { $0.patientPrefix == "12A" })
        #expect(!parts.contains { $0.patientPrefix?.contains("*") == true })
    }

    @Test func whatNoAxisCanDivideIsRecordedNotDropped() throws {
        var capabilities = Capabilities()
        capabilities.patientPrefixes = .refused
        var second = try day()
        second.times = TimeRange(tm: "120000-120001")
        let verdict = Planner(capabilities: capabilities).judge(second, cropped, largestAnswer: 0)
        #expect(verdict == .irreducible(.cropped))
    }

    @Test(arguments: [
        (SliceRange.Axis.times, SplitReason.timeKeysIgnored), (.modalities, .modalityKeysIgnored),
        (.prefixes, .patientKeysIgnored),
    ])
    func aSourceThatIgnoresAKeyIsNotAskedEverNarrowerByIt(_ axis: SliceRange.Axis, _ reason: SplitReason) throws {
        var range = try day()
        switch axis {
        case .times: range.times = TimeRange(tm: "000000-120000")
        case .modalities: range.modality = "CT"
        default: range.patientPrefix = "1"
        }
        let verdict = Planner().judge(range, answer(500, outside: [axis: 200]), largestAnswer: 500)
        #expect(verdict == .irreducible(reason))
    }

    @Test func aFewStudiesElsewhereDoNotStopTheDivision() throws {
        var range = try day()
        range.times = TimeRange(tm: "000000-120000")
        let verdict = Planner().judge(range, answer(500, outside: [.times: 9]), largestAnswer: 500)
        guard case .split(_, .largestAnswer) = verdict else { return #expect(Bool(false), "\(verdict)") }
    }

    @Test func aSourceThatIgnoresDatesIsNotAskedForEveryDay() throws {
        let verdict = Planner().judge(try month(), answer(500, outside: [.dates: 400]), largestAnswer: 500)
        #expect(verdict == .irreducible(.dateKeysIgnored))
    }

    @Test func aStudyThatIsAskedByUIDIsNeverSplit() throws {
        let verdict = Planner().judge(
            SliceRange(uids: ["1.2.3"]), answer(0, .refused(status: 0xC000)), largestAnswer: 0)
        #expect(verdict == .irreducible(.refused))
    }
}

/// Answers outside of a sweep, which has no larger answer to trust them by.
@Suite struct LiveAnswers {
    @Test(arguments: [(nil, 49, false), (nil, 50, true), (500, 499, false), (500, 500, true)])
    func anAnswerAsLongAsALimitMayBeIsDoubted(cap: Int?, rows: Int, isDoubted: Bool) throws {
        let peer = Peer(host: "127.0.0.1", port: 104, called: try AETitle("A"), calling: try AETitle("B"))
        let source = SweepSource(id: 1, name: "a", peer: peer, associations: 1, maximumResults: cap)
        #expect((source.doubt(rows: rows) != nil) == isDoubted)
    }
}
