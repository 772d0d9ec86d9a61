import DIMSE
import Foundation
import StudyIndex
import Testing

@testable import Sweep

@Suite struct LineMachineTests {
    /// An association that has answered one question, whose next permit asks for the reference question too (F103).
    private func lineWithReferenceDue(_ question: Question) -> LineMachine {
        var line = LineMachine(purpose: .sweep, referenceUID: "1.2.3")
        _ = line.ask(question)
        _ = line.handle(.opening(.granted(LeaseID(value: UUID()), isTrial: false)))
        _ = line.handle(.connected(nil))
        _ = line.handle(.permit(.granted(referenceDue: true, reportsWanted: false)))
        return line
    }

    @Test func anAnswerCountsThoughTheAssociationIsClosedBeforeTheReferenceQuestion() {
        var line = lineWithReferenceDue(Question(range: SliceRange(uids: ["1.2.4"])))
        _ = line.handle(.found(nil, rows: 76, took: .milliseconds(5)))
        _ = line.handle(.permit(.granted(referenceDue: false, reportsWanted: false)))
        // It ends the association, and does not open it again, which may not be possible now.
        guard
            case .disconnect = line.handle(
                .found(DIMSEError(.connectionClosed, "closed"), rows: 0, took: .milliseconds(1)))
        else { return #expect(Bool(false), "the association goes on") }
        _ = line.handle(.carriedOut)
        guard case .done(.answered(let took)) = line.handle(.carriedOut) else {
            return #expect(Bool(false), "the answer is lost")
        }
        #expect(took == .milliseconds(5))
    }

    @Test func aRequestThatWasNotSentInTimeTakesAnotherPermit() {
        var line = lineWithReferenceDue(Question(range: SliceRange(uids: ["1.2.4"])))
        let late = DIMSEError(.tooLate, "not sent in time")
        guard case .permit = line.handle(.found(late, rows: 0, took: .zero)) else {
            return #expect(Bool(false), "it is taken for an answer")
        }
        guard case .find(let question) = line.handle(.permit(.granted(referenceDue: false, reportsWanted: false)))
        else { return #expect(Bool(false), "it is not asked") }
        #expect(question.range.uids == ["1.2.4"])
    }
}
