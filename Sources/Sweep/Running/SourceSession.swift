import DICOM
import DIMSE
import StudyIndex

/// One worker's line to one source: an association that is opened when needed, kept while it serves, released at the
/// end (F96), and paid for with a lease and permits that all workers of all machines share.
///
/// Used by one worker only; queries are never nested (F85).
struct SourceSession: ~Copyable {
    private let source: SweepSource
    private let index: StudyIndex
    private let condition: SourceCondition
    private let clock: any Clock<Duration>
    private var association: Association?
    private var lease: LeaseID?
    private var queries = 0

    /// The longest that a worker sleeps before it looks again whether an association has become free.
    private static let leaseRetry = Duration.milliseconds(250)

    init(source: SweepSource, index: StudyIndex, condition: SourceCondition, clock: any Clock<Duration>) {
        self.source = source
        self.index = index
        self.condition = condition
        self.clock = clock
    }

    /// Asks one C-FIND and hands each match to `receive`. Returns normally only on Success.
    ///
    /// When an association that has served before is found closed before the first match, the query is asked once
    /// more on a new one: the source may take one query per association (F83) or have dropped an idle one (F84).
    mutating func find(
        _ identifier: DataSet, receive: (FindResponse) throws -> Void
    ) async throws {
        let reused = association != nil
        var rows = 0
        do {
            try await findOnce(identifier) {
                rows += 1; try receive($0)
            }
        } catch let error as DIMSEError
            where reused && rows == 0 && (error.code == .connectionClosed || error.code == .aborted)
        {
            condition.oneQueryPerAssociation = condition.oneQueryPerAssociation || queries == 1
            try await close()
            try await findOnce(identifier, receive: receive)
        }
    }

    /// C-ECHO; returns how long the request itself took.
    mutating func echo() async throws -> Duration {
        let association = try await opened()
        try await permit()
        let start = ContinuousClock.now
        try await association.echo()
        return ContinuousClock.now - start
    }

    private mutating func findOnce(_ identifier: DataSet, receive: (FindResponse) throws -> Void) async throws {
        let association = try await opened()
        try await permit()
        do {
            for try await response in association.find(identifier, model: association.preferredStudyModel) {
                try receive(response)
            }
        } catch {
            if !association.isOpen { try await close() }
            throw error
        }
        queries += 1
        if condition.oneQueryPerAssociation { try await close() }
    }

    private mutating func opened() async throws -> Association {
        if let association {
            if association.isOpen { return association }
            try await close()
        }
        while lease == nil {
            lease = try await index.openLease(source: source.id, purpose: "sweep")
            if lease == nil { try await clock.sleep(for: Self.leaseRetry) }
        }
        do {
            let association = try await Association.open(to: source.peer)
            self.association = association
            queries = 0
            return association
        } catch {
            try await close()
            throw error
        }
    }

    /// Waits for the source's budget; taken directly before the request, and dropped, not returned, when unused.
    private func permit() async throws {
        while case .wait(let duration) = try await index.permit(source: source.id) {
            try await clock.sleep(for: duration)
        }
    }

    /// Keeps the association's row in the database alive while it is open.
    func renewLease() async throws {
        if let lease { try await index.renewLease(lease) }
    }

    /// Releases the association, then its lease: in this order, or another worker could open one too many.
    mutating func close() async throws {
        if let association {
            self.association = nil
            await association.release()
        }
        if let lease {
            self.lease = nil
            try await index.closeLease(lease)
        }
    }
}

extension Association {
    /// Study Root where the source accepted it: Patient Root cannot reach studies without a Patient ID (F35, F37).
    package var preferredStudyModel: FindModel {
        acceptedModels.contains(.studyRoot) ? .studyRoot : .patientRoot
    }
}
