import DICOM
import DIMSE
import Foundation
import StudyIndex

@testable import Sweep

/// One worker of one simulated process: the production machines, and what their driver keeps beside them.
struct SimulatedWorker {
    let process: Int
    let source: Int
    var machine: WorkerMachine
    var line: LineMachine
    /// What is to be fed to the worker machine when the line machine has come to an end.
    var asking: Question?
    var answer = SliceAnswer()
    var connection: Int?
    /// Distinguishes what was planned for this worker from what was planned for one before it.
    var generation = 0
    /// Of the action that is under way: its result is waited for, and no other.
    var waitingFor = 0
    var isStopping = false
    var isDone = false
    /// When the question under way was sent, on the world's clock; nil: none is.
    var sentAt: Moment?
    /// When the slice's lease was last known to be ours.
    var leased = Moment.min
    /// First and last moment of the questions of the slice under way.
    var asked: (from: Moment, to: Moment)?
}

/// What a ledger said.
enum Said {
    case outlook(Duration?)
    case claimed(Claim)
    case narrowed(ClaimedSlice?)
    case finished(MergeCounts?)
    case known(String?)
    case opening(Opening)
    case permit(Permit)
    case reported(SourceHealth)
    case nothing
}

/// A request of a worker to the ledger.
enum Asked {
    case outlook
    case claim
    case narrow(ClaimedSlice, DICOMDate)
    case finish(ClaimedSlice, SliceOutcome, [StudyRecord])
    case abandon(String)
    case knownStudy
    case openLease
    case permit(LeaseID)
    case report(LeaseID, RequestOutcome, Duration, Double)
    case noteReference(Duration)
    case learnSingleQueries
    case closeLease(LeaseID)
}
