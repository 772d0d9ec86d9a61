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
}
