import DIMSE
import StudyIndex

/// How one association comes to be opened, paid for, used and closed: the decisions, without the doing. Whoever drives it
/// carries out each action, and hands its result back as an event, until an action says `done`.
///
/// An association has a place in the database while it is open, each request a permit (gentle); how the source takes it is
/// reported, so that failures make all workers of all machines rest (F80, F104); one that the source has closed in the
/// meantime is opened again, once, before anything is called a failure (F83, F84).
package struct LineMachine: Sendable {
    package enum Action: Sendable {
        case openLease(Purpose)
        case connect
        case echo
        case permit(LeaseID)
        case find(Question)
        /// A question that the driver was given by somebody else.
        case findGiven
        case report(LeaseID, RequestOutcome, took: Duration)
        case noteReference(Duration)
        /// The source takes one C-FIND per association (F83).
        case learnSingleQueries
        /// Releases the association (F96); a connection that is gone already costs nothing.
        case disconnect
        case closeLease(LeaseID)
        case sleep(Duration)
        case done(Outcome)
    }

    package enum Event: Sendable {
        case opening(Opening)
        case connected(DIMSEError?)
        case echoed(DIMSEError?)
        case permit(Permit)
        case found(DIMSEError?, rows: Int, took: Duration)
        case reported(SourceHealth)
        /// Of an action that has no result.
        case carriedOut
    }

    package enum Outcome: Sendable {
        /// The association is open.
        case ready
        /// None may be opened for so long.
        case notNow(Duration, WaitReason, failingFor: Duration)
        case answered(took: Duration)
        case failed(DIMSEError, rows: Int, took: Duration, health: SourceHealth)
        case closed
    }

    /// A request that is to be made on the association.
    private struct Request {
        enum Kind {
            case echo
            /// A small question by UID.
            case reference
            case question(Question)
            case given
        }
        enum Reason {
            /// Somebody wants the answer.
            case asked
            /// Whether a source that was resting is well (F104).
            case trial
            /// How fast the source is (F103).
            case brake
        }
        var kind: Kind
        var reason = Reason.asked
    }

    private enum Step {
        case atRest
        case openingLease, connecting, sleeping, awaitingPermit, asking, reporting
        case learning, notingReference
        case disconnecting, closingLease
    }

    package let purpose: Purpose
    /// A study that the source showed lately, for reference questions; nil: none is known.
    package var referenceUID: String?
    /// C-FINDs that one association takes; nil: many.
    package var queriesPerAssociation: Int?

    private var step = Step.atRest
    private var lease: LeaseID?
    private var isConnected = false
    private var queries = 0
    private var hasReopened = false
    private var requests: [Request] = []
    private var answer: Outcome?
    /// How it ends once the association is closed.
    private var ending: Outcome?
    private var referenceDue = false
    private var reportsWanted = false

    package init(purpose: Purpose, referenceUID: String? = nil, queriesPerAssociation: Int? = nil) {
        self.purpose = purpose
        self.referenceUID = referenceUID
        self.queriesPerAssociation = queriesPerAssociation
    }

    /// Its place in the database; nil while it has none.
    package var place: LeaseID? { lease }
    package var isOpen: Bool { isConnected }

    /// Whether something that it wanted done is still under way.
    package var isWaiting: Bool { step != .atRest }
    /// Whether it is this question that an answer is waited for, and not one of its own.
    package func isAsking(_ question: Question) -> Bool {
        guard step == .asking, case .question(question)? = requests.first?.kind else { return false }
        return true
    }

    // MARK: What is asked of it

    /// Ends in `ready`, `notNow` or `failed`.
    package mutating func open() -> Action {
        begin([])
        return isConnected ? finish(.ready) : reopen()
    }

    /// Ends in `answered`, `failed`, or where the association has to be opened first also in `notNow`.
    package mutating func ask(_ question: Question) -> Action {
        begin([Request(kind: .question(question))])
        return isConnected ? next() : reopen()
    }

    /// As `ask`, of a question that the driver has.
    package mutating func askGiven() -> Action {
        begin([Request(kind: .given)])
        return isConnected ? next() : reopen()
    }

    /// Ends in `answered` or `failed`, or `notNow`.
    package mutating func echo() -> Action {
        begin([Request(kind: .echo)])
        return isConnected ? next() : reopen()
    }

    package mutating func close() -> Action { close(.closed) }

    /// The peer, or whoever keeps the places, says that the association is gone.
    package mutating func lost() { isConnected = false }

    private mutating func begin(_ requests: [Request]) {
        self.requests = requests
        answer = nil
        ending = nil
        hasReopened = false
    }

    /// A place whose association is gone is given back first: another may be waiting for it.
    private mutating func reopen() -> Action { lease == nil ? openLease() : closePlace() }

    // MARK: What has happened

    package mutating func handle(_ event: Event) -> Action {
        switch (step, event) {
        case (.openingLease, .opening(.granted(let lease, let isTrial))):
            self.lease = lease
            if isTrial {
                // C-ECHO alone does not show that C-FIND works.
                let trials: [Request.Kind] = referenceUID == nil ? [.echo] : [.echo, .reference]
                requests = trials.map { Request(kind: $0, reason: .trial) } + requests.filter { $0.reason != .trial }
            }
            step = .connecting
            return .connect
        case (.openingLease, .opening(.wait(let duration, let reason, let failingFor))):
            return finish(.notNow(duration, reason, failingFor: failingFor))
        case (.connecting, .connected(nil)):
            isConnected = true
            queries = 0
            return next()
        case (.connecting, .connected(let error?)):
            return fail(error, rows: 0, took: .zero)
        case (.awaitingPermit, .permit(let permit)): return permitted(permit)
        case (.sleeping, .carriedOut): return askPermit()
        case (.asking, .echoed(let error)): return asked(error, rows: 0, took: .zero)
        case (.asking, .found(let error?, _, _)) where error.code == .tooLate:
            // Its permit is spent. Another request may come close behind, were it sent now.
            return askPermit()
        case (.asking, .found(let error, let rows, let took)):
            queries += 1
            return asked(error, rows: rows, took: took)
        case (.reporting, .reported(let health)): return reported(health)
        case (.learning, .carriedOut):
            return close(nil)
        case (.notingReference, .carriedOut): return next()
        case (.disconnecting, .carriedOut):
            isConnected = false
            return closePlace()
        case (.closingLease, .carriedOut):
            lease = nil
            if let ending { return finish(ending) }
            return openLease()
        default:
            // Own bug: an event that nobody waits for. The association is given up, nothing is claimed to be answered.
            return finish(.failed(.given, rows: 0, took: .zero, health: .well))
        }
    }

    // MARK: Steps

    private mutating func openLease() -> Action {
        step = .openingLease
        return .openLease(purpose)
    }

    private mutating func finish(_ outcome: Outcome) -> Action {
        step = .atRest
        return .done(outcome)
    }

    /// Goes on to the next request, or ends.
    private mutating func next() -> Action {
        guard !requests.isEmpty else {
            if answer != nil, let limit = queriesPerAssociation, queries >= limit { return close(answer) }
            return finish(answer ?? .ready)
        }
        return askPermit()
    }

    private mutating func askPermit() -> Action {
        guard let lease else { return openLease() }
        step = .awaitingPermit
        return .permit(lease)
    }

    private mutating func permitted(_ permit: Permit) -> Action {
        switch permit {
        case .wait(let duration):
            step = .sleeping
            return .sleep(duration)
        case .lost:
            // Somebody else may have the place by now.
            return close(.failed(.placeLost, rows: 0, took: .zero, health: .well))
        case .granted(let referenceDue, let reportsWanted):
            self.referenceDue = self.referenceDue || referenceDue
            self.reportsWanted = reportsWanted
            step = .asking
            switch requests[0].kind {
            case .echo: return .echo
            case .reference: return .find(Question(range: SliceRange(uids: [referenceUID ?? ""])))
            case .question(let question): return .find(question)
            case .given: return .findGiven
            }
        }
    }

    private mutating func asked(_ error: DIMSEError?, rows: Int, took: Duration) -> Action {
        if let error { return failed(error, rows: rows, took: took) }
        let request = requests.removeFirst()
        switch request.reason {
        case .trial: break
        case .brake:
            step = .notingReference
            return .noteReference(took)
        case .asked:
            answer = .answered(took: took)
            if referenceDue, referenceUID != nil {
                referenceDue = false
                requests.append(Request(kind: .reference, reason: .brake))
            }
        }
        guard reportsWanted, let lease else { return next() }
        step = .reporting
        return .report(lease, .success, took: took)
    }

    private mutating func failed(_ error: DIMSEError, rows: Int, took: Duration) -> Action {
        if requests.first?.reason == .brake, let answer {
            // The question before it was answered: what is wrong will show with the next one.
            requests = []
            return close(answer)
        }
        let isClosed = error.code == .connectionClosed || error.code == .aborted
        if isClosed, rows == 0, queries > 1, !hasReopened {
            // It has served before: one query per association (F83), or an idle one that was dropped (F84).
            hasReopened = true
            isConnected = false
            if queries == 2, queriesPerAssociation == nil {
                queriesPerAssociation = 1
                step = .learning
                return .learnSingleQueries
            }
            return close(nil)
        }
        return fail(error, rows: rows, took: took)
    }

    private mutating func fail(_ error: DIMSEError, rows: Int, took: Duration) -> Action {
        ending = .failed(error, rows: rows, took: took, health: .well)
        guard let outcome = error.asRequestOutcome, let lease else { return afterFailure(error) }
        step = .reporting
        return .report(lease, outcome, took: took)
    }

    private mutating func reported(_ health: SourceHealth) -> Action {
        guard case .failed(let error, let rows, let took, _) = ending else { return next() }
        ending = .failed(error, rows: rows, took: took, health: health)
        return afterFailure(error)
    }

    /// A refused question leaves the association as it was; everything else ends it.
    private mutating func afterFailure(_ error: DIMSEError) -> Action {
        if isConnected, error.code == .findFailed || error.code == .echoFailed, let ending { return finish(ending) }
        return close(ending)
    }

    /// nil: to open it again.
    private mutating func close(_ ending: Outcome?) -> Action {
        self.ending = ending
        guard isConnected else { return closePlace() }
        step = .disconnecting
        return .disconnect
    }

    private mutating func closePlace() -> Action {
        guard let lease else {
            if let ending { return finish(ending) }
            return openLease()
        }
        step = .closingLease
        return .closeLease(lease)
    }
}

extension SourceHealth {
    static let well = SourceHealth(failingFor: .zero, restsFor: .zero)
}

extension DIMSEError {
    static let placeLost = DIMSEError(
        .cancelled, "the association's place was taken back: it has expired, or the source was paused")
    static let given = DIMSEError(.cancelled, "given up")

    /// What a failed request says of the source's health; nil: nothing, or it is our own doing.
    var asRequestOutcome: RequestOutcome? {
        switch code {
        case .associationRejected: rejection?.isCongestion == true ? .congestion : .failure
        case .findFailed:
            // Out of resources; other statuses are answers to the question.
            status == 0xA700 ? .failure : .success
        case .echoFailed, .connectFailed, .tlsFailed, .aborted, .connectionClosed, .timedOut, .noAcceptedContext,
            .malformed, .limitExceeded:
            .failure
        case .tooManyMatches: .success
        case .cancelled, .invalidAETitle, .tooLate: nil
        }
    }
}
