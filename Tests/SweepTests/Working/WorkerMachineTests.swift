import DICOM
import Foundation
import StudyIndex
import Testing

@testable import Sweep

@Suite struct WorkerMachineTests {
    private var machine = WorkerMachine(planner: Planner(), patience: .seconds(600))
    private var experience = Experience()
    private let slice = ClaimedSlice(
        id: 1, claimID: UUID(), sourceID: 1, level: .study, range: SliceRange(uids: ["1.2.4"]), isSized: true,
        attempt: 1, largestAnswer: 0, controlUID: "1.2.3")

    private mutating func handle(_ event: WorkerMachine.Event) -> WorkerMachine.Action {
        machine.handle(event, &experience, jitter: 0.5)
    }

    private func answer(_ uid: String, to question: Question) throws -> SliceAnswer {
        var record = StudyRecord()
        record[.studyInstanceUID] = uid
        var answer = SliceAnswer()
        try answer.receive(record, for: question)
        return answer
    }

    /// A source that takes one question per association, and opens few a second: the slice of two questions waits between
    /// them, instead of beginning anew for ever.
    @Test(arguments: [WaitReason.gap, .places])
    mutating func aSliceKeepsWhatItKnowsWhileItWaitsForAnAssociation(reason: WaitReason) throws {
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        guard case .ask(let control) = handle(.claimed(.slice(slice))) else { return #expect(Bool(false)) }
        #expect(control.range.uids == ["1.2.3"])
        let first = handle(.answered(.answered(took: .zero), try answer("1.2.3", to: control)))
        guard case .ask(let question) = first else { return #expect(Bool(false), "\(first)") }

        // Rows of an attempt that did not come to its end are not counted: they will come again.
        let unfinished = try answer("1.2.4", to: question)
        let wait = handle(.answered(.notNow(.milliseconds(400), reason, failingFor: .zero), unfinished))
        guard case .sleep(.milliseconds(400), _) = wait else { return #expect(Bool(false), "\(wait)") }
        guard case .ask(question) = handle(.carriedOut) else { return #expect(Bool(false)) }
        let end = handle(.answered(.answered(took: .zero), try answer("1.2.4", to: question)))
        guard case .finish(slice, .complete(let proof), let gathered) = end else {
            return #expect(Bool(false), "\(end)")
        }
        #expect(proof.rawRows == 2)
        #expect(gathered.rawRows == 2)
    }

    @Test(arguments: [WaitReason.paused, .window, .resting, .trial])
    mutating func aSliceIsGivenBackWhereTheSourceIsNotToBeAsked(reason: WaitReason) throws {
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        _ = handle(.claimed(.slice(slice)))
        let end = handle(.answered(.notNow(.seconds(3), reason, failingFor: .zero), SliceAnswer()))
        guard case .finish(slice, .deferred(.seconds(3)), _) = end else { return #expect(Bool(false), "\(end)") }
    }

    private static let unsized = ClaimedSlice(
        id: 2, claimID: UUID(), sourceID: 1, level: .study,
        range: SliceRange(dates: DateRange(da: "20200101-20260131")), isSized: false, attempt: 1, largestAnswer: 0,
        controlUID: nil)

    /// They would wait for ever for what series do not tell.
    @Test mutating func workersDoNotWaitForEachOtherWhereSeriesAreAsked() throws {
        let series = ClaimedSlice(
            id: 3, claimID: UUID(), sourceID: 1, level: .series, range: Self.unsized.range, isSized: false, attempt: 1,
            largestAnswer: 0, controlUID: nil)
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        _ = handle(.claimed(.slice(series)))
        #expect(!experience.isExploring)
    }

    /// While nobody knows how many studies a day has, four large questions would only all be too large.
    @Test(arguments: [true, false])
    mutating func oneFindsOutHowManyStudiesADayHasForAll(isOurs: Bool) throws {
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        guard case .narrow(let slice, let lower) = handle(.claimed(.slice(Self.unsized))) else {
            return #expect(Bool(false))
        }
        var other = WorkerMachine(planner: Planner(), patience: .seconds(600))
        _ = other.start()
        guard case .giveLineBack = other.handle(.outlook(.zero), &experience, jitter: 0) else {
            return #expect(Bool(false))
        }
        // Another may have asked already whether there is work.
        var third = WorkerMachine(planner: Planner(), patience: .seconds(600))
        experience.isExploring = false
        _ = third.start()
        _ = third.handle(.outlook(.zero), &experience, jitter: 0)
        _ = third.handle(.line(.ready), &experience, jitter: 0)
        experience.isExploring = true
        guard case .finish(_, .deferred, _) = third.handle(.claimed(.slice(Self.unsized)), &experience, jitter: 0)
        else { return #expect(Bool(false)) }
        _ = third.handle(.finished(nil), &experience, jitter: 0)
        #expect(experience.isExploring)
        // Lost to somebody else, or answered: another may try.
        let next = handle(.narrowed(isOurs ? slice.narrowed(to: lower, id: 7) : nil))
        if isOurs {
            guard case .ask = next else { return #expect(Bool(false)) }
            _ = handle(.answered(.answered(took: .zero), SliceAnswer()))
            _ = handle(.finished(MergeCounts()))
        }
        #expect(!experience.isExploring)
    }

    /// A slice that was lost while it was narrowed is never ended, least of all as complete without a question.
    @Test mutating func aSliceThatIsNotOursIsForgotten() throws {
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        guard case .narrow = handle(.claimed(.slice(Self.unsized))) else { return #expect(Bool(false)) }
        guard case .claim = handle(.narrowed(nil)) else { return #expect(Bool(false)) }
        #expect(machine.claimed == nil)
        guard case .giveLineBack = handle(.claimed(.wait(.seconds(1)))) else { return #expect(Bool(false)) }
        guard case .sleep = handle(.carriedOut) else { return #expect(Bool(false)) }
        guard case .look = handle(.carriedOut) else { return #expect(Bool(false)) }
    }

    /// Its few studies would be larger than any answer yet, and decades without any would be taken for what the past is like.
    @Test mutating func theFutureWaitsForThePast() throws {
        func claim(_ range: DateRange, _ experience: inout Experience, isSized: Bool) -> WorkerMachine.Action {
            var machine = WorkerMachine(planner: Planner(), patience: .seconds(600))
            _ = machine.start()
            _ = machine.handle(.outlook(.zero), &experience, jitter: 0)
            _ = machine.handle(.line(.ready), &experience, jitter: 0)
            let slice = ClaimedSlice(
                id: 3, claimID: UUID(), sourceID: 1, level: .study, range: SliceRange(dates: range), isSized: isSized,
                attempt: 1, largestAnswer: 0, controlUID: nil)
            return machine.handle(.claimed(.slice(slice)), &experience, jitter: 0)
        }
        let today = try #require(DICOMDate("20261126"))
        let (past, future) = (DateRange(lower: nil, upper: today), DateRange(lower: today.adding(days: 1), upper: nil))
        var record = StudyRecord()
        record[.studyDate] = today.da
        func learn(_ range: DateRange, _ rows: Int) {
            experience.learn(
                SliceRange(dates: range), rows: rows, Array(repeating: record, count: rows), isWhole: true)
        }
        learn(DateRange(lower: today.adding(days: -9), upper: today), 100)
        guard case .narrow = claim(past, &experience, isSized: false) else { return #expect(Bool(false)) }
        guard case .finish(_, .deferred, _) = claim(future, &experience, isSized: true) else {
            return #expect(Bool(false))
        }
        let days = experience.daysAnswered
        learn(DateRange(lower: today.adding(days: 400), upper: today.adding(days: 4_000)), 0)
        #expect(experience.daysAnswered == days && !experience.isBeforeAll)
        // Not for ever: another process may have taken the rest.
        var others = experience
        var waits = 1
        while case .finish(_, .deferred, _) = claim(future, &others, isSized: true), waits < 1_000 { waits += 1 }
        #expect(waits == 40)
        // Its turn comes when all that is left of the past is asked.
        for _ in 0..<40 {
            learn(DateRange(lower: today.adding(days: -39_999), upper: today.adding(days: -30_000)), 0)
        }
        guard case .ask = claim(past, &experience, isSized: false) else { return #expect(Bool(false)) }
        guard case .ask = claim(future, &experience, isSized: true) else { return #expect(Bool(false)) }
    }
}
