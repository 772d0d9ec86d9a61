import DICOM
import DIMSE
import Foundation
import StudyIndex
import Testing

@testable import Sweep

/// What a worker makes of a source that answers Repository Queries (F9).
@Suite struct RecordPagesTests {
    private var machine: WorkerMachine
    private var experience = Experience()

    init() {
        var capabilities = Capabilities()
        capabilities.recordKeys = .works
        capabilities.silentCap = 60
        machine = WorkerMachine(planner: Planner(capabilities: capabilities), patience: .seconds(600))
    }

    private mutating func handle(_ event: WorkerMachine.Event) -> WorkerMachine.Action {
        machine.handle(event, &experience, jitter: 0.5)
    }

    /// The first question of a slice.
    private mutating func claim() throws -> Question {
        let slice = ClaimedSlice(
            id: 1, claimID: UUID(), sourceID: 1, level: .study,
            range: SliceRange(dates: DateRange(da: "20260105")), isSized: true, attempt: 1,
            largestAnswer: 0, controlUID: nil)
        _ = machine.start()
        _ = handle(.outlook(.zero))
        _ = handle(.line(.ready))
        return try asked(handle(.claimed(.slice(slice))))
    }

    private func asked(_ action: WorkerMachine.Action) throws -> Question {
        guard case .ask(let question) = action else { throw Unexpected(action: action) }
        return question
    }

    private func ended(_ action: WorkerMachine.Action) throws -> (SliceOutcome, rows: Int) {
        guard case .finish(_, let outcome, let gathered) = action else { throw Unexpected(action: action) }
        return (outcome, gathered.rawRows)
    }

    private struct Unexpected: Error { var action: WorkerMachine.Action }

    private func key(_ number: Int) throws -> RecordKey {
        var match = DataSet()
        match.setBytes(.recordKey, vr: .OB, [UInt8(number / 256), UInt8(number % 256), 1])
        return try #require(RecordKey(of: match))
    }

    private func page(_ numbers: Range<Int>, of question: Question) throws -> SliceAnswer {
        var answer = SliceAnswer()
        for number in numbers {
            var record = StudyRecord()
            record[.studyInstanceUID] = "1.2.\(number)"
            record[.studyDate] = "20260105"
            try answer.receive(record, for: question, key: try key(number))
        }
        return answer
    }

    private let answered = LineMachine.Outcome.answered(took: .milliseconds(5))
    private var more: LineMachine.Outcome {
        var error = DIMSEError(.findFailed, "more")
        error.status = 0xB001
        return .failed(error, rows: 0, took: .milliseconds(5), health: .well)
    }

    @Test mutating func whatTheLimitLeftOutIsAskedForAndTheDayIsProven() throws {
        let first = try claim()
        #expect(first.after == .start)
        let second = try asked(handle(.answered(more, page(0..<60, of: first))))
        #expect(second.after == (try key(59)))
        #expect(second.range == first.range)
        let end = try ended(handle(.answered(answered, page(60..<100, of: second))))
        guard case .complete(let proof) = end.0 else {
            Issue.record("\(end)")
            return
        }
        #expect(proof.rawRows == 100)
        #expect(proof.distinctUIDs == 100)
        #expect(end.rows == 100)
        #expect(proof.finalStatus == nil, "no answer of 100 rows was seen, by which others could be trusted")
    }

    @Test mutating func anAnswerThatMayHaveBeenCutWithoutAWordIsGoneOnWithUntilNothingComes() throws {
        let first = try claim()
        let second = try asked(handle(.answered(answered, page(0..<60, of: first))))
        #expect(second.after == (try key(59)))
        let third = try asked(handle(.answered(answered, page(60..<120, of: second))))
        let end = try ended(handle(.answered(answered, page(120..<120, of: third))))
        guard case .complete(let proof) = end.0 else {
            Issue.record("\(end)")
            return
        }
        #expect(proof.rawRows == 120)

        _ = handle(.finished(MergeCounts()))
        let next = try claim()
        let trusted = try ended(handle(.answered(answered, page(0..<59, of: next))))
        guard case .complete = trusted.0 else {
            Issue.record("it has sent a larger page: \(trusted)")
            return
        }
    }

    @Test mutating func keysThatGoInCirclesProveNothing() throws {
        let first = try claim()
        let second = try asked(handle(.answered(more, page(0..<60, of: first))))
        let end = try ended(handle(.answered(more, page(0..<60, of: second))))
        guard case .split = end.0 else {
            Issue.record("\(end)")
            return
        }
        #expect(experience.mostSent == 0, "no one answer had 120 rows, by which others could be trusted")
    }

    @Test mutating func aRowWithoutAKeyProvesNothing() throws {
        let first = try claim()
        var page = try page(0..<60, of: first)
        try page.receive(StudyRecord(), for: first)
        let end = try ended(handle(.answered(more, page)))
        guard case .split = end.0 else {
            Issue.record("\(end)")
            return
        }
    }

    @Test mutating func moreThanOneTransactionTakesIsDividedAsEver() throws {
        var question = try claim()
        for number in 0..<9 {
            question = try asked(handle(.answered(more, page(number * 1_100..<(number + 1) * 1_100, of: question))))
        }
        let end = try ended(handle(.answered(more, page(9_900..<11_000, of: question))))
        guard case .split(_, let reason, _) = end.0 else {
            Issue.record("\(end)")
            return
        }
        #expect(reason == SplitReason.outOfTime.rawValue)
    }

    @Test mutating func aSourceThatTakesNoRepositoryQueriesAnyMoreIsAskedAsOthersAre() throws {
        let first = try claim()
        let refused = LineMachine.Outcome.failed(
            DIMSEError(.noAcceptedContext, "no"), rows: 0, took: .zero, health: .well)
        let second = try asked(handle(.answered(refused, SliceAnswer())))
        #expect(second.after == nil)
        #expect(second.range == first.range)
        let end = try ended(handle(.answered(answered, page(0..<60, of: second))))
        guard case .split = end.0 else {
            Issue.record("as many as it ever sends: \(end)")
            return
        }
    }
}
