import DIMSE
import StudyIndex

/// What a C-FIND that did not end in Success, or an association that was not to be had, means for a slice.
enum Setback: Sendable {
    /// Too much was asked: the planner splits the range.
    case tooBroad(AnswerEnd)
    /// It was not asked at all.
    case notAsked(Failure)
    /// The slice is tried again later; the source may be well.
    case transient(Failure)
    /// Asking again cannot help until somebody changes a configuration: the source is left alone for this run.
    case permanent(Failure)
}

/// A failure as the ledger stores and the operator reads it. Never holds patient data.
struct Failure: Error, Sendable, Hashable {
    /// A closed word, e.g. `aborted`.
    var code: String
    var message: String
}

extension Setback {
    /// Reads an error of the DIMSE layer. `rows`: matches received before it.
    init(_ error: DIMSEError, rows: Int) {
        let failure = Failure(code: "\(error.code)", message: error.description)
        switch error.code {
        case .findFailed:
            self = Self.reading(status: error.status ?? 0xC001, rows: rows, failure)
        case .timedOut where rows > 0, .tooManyMatches:
            // The source was answering and the query's whole time passed: narrower ranges help (F11). A source that
            // never sent a row is down or stalled, and asking it twice as often would not be gentle.
            self = .tooBroad(.outOfTime)
        case .connectFailed, .associationRejected, .tlsFailed, .noAcceptedContext, .invalidAETitle:
            self = error.isTransient ? .notAsked(failure) : .permanent(failure)
        case .cancelled: self = .notAsked(failure)
        default: self = error.isTransient ? .transient(failure) : .permanent(failure)
        }
    }

    /// PS3.4 §C.4.1.1.4, and what archives make of it (F2–F6, F8).
    private static func reading(status: UInt16, rows: Int, _ failure: Failure) -> Setback {
        switch status {
        case 0xFE00, 0xB001: .tooBroad(.cropped(status: status))
        case 0xA700: .tooBroad(.refused(status: status))
        case 0xA900, 0x0122, 0x0124: .permanent(failure)
        case 0xC000...0xCFFF where rows == 0: .tooBroad(.refused(status: status))
        default: .transient(failure)
        }
    }
}
