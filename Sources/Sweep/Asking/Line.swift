import DICOM
import DIMSE
import StudyIndex
import Synchronization

/// A line to one source: an association that is opened when needed and paid for, driven by `LineMachine`. One request at a
/// time; queries are never nested (F85).
package actor Line {
    package nonisolated let source: SweepSource
    nonisolated let purpose: Purpose
    private let pool: AssociationPool
    /// When the permit of the request under way was asked for.
    private var permitAsked = ContinuousClock.now
    private var machine: LineMachine
    private var association: Association?
    private var given: (identifier: DataSet, priority: Priority, model: FindModel?)?
    private(set) var openedAt: ContinuousClock.Instant?

    init(source: SweepSource, purpose: Purpose, pool: AssociationPool) {
        self.source = source
        self.purpose = purpose
        self.pool = pool
        machine = LineMachine(purpose: purpose, queriesPerAssociation: source.capabilities.queriesPerAssociation)
    }

    /// Opens the association, where the source's limits allow one now.
    package func open() async throws -> LineMachine.Outcome {
        if machine.referenceUID == nil {
            machine.referenceUID = try await pool.persistently { try await $0.knownStudy(at: source.id) }
        }
        noticeLoss()
        return try await drive(machine.open())
    }

    /// Asks one C-FIND. The answer holds what was received before whatever ended it; it is all there is only where the
    /// outcome is `answered`.
    package func ask(_ question: Question) async throws -> (LineMachine.Outcome, SliceAnswer) {
        noticeLoss()
        var answer = SliceAnswer()
        let outcome = try await drive(machine.ask(question)) { asked, response in
            guard asked == question else { return }
            try answer.receive(response, for: question)
        }
        return (outcome, answer)
    }

    /// Asks one C-FIND of anybody's making, and hands on each match as it arrives. `model`; nil: the best that the source
    /// accepts.
    package func find(
        _ identifier: DataSet, priority: Priority = .medium, model: FindModel? = nil,
        receive: @Sendable (FindResponse) throws -> Void
    ) async throws -> LineMachine.Outcome {
        noticeLoss()
        given = (identifier, priority, model)
        defer { given = nil }
        return try await drive(machine.askGiven()) { _, response in try receive(response) }
    }

    /// C-ECHO.
    package func echo() async throws -> LineMachine.Outcome {
        noticeLoss()
        return try await drive(machine.echo())
    }

    /// Releases the association and gives its place back.
    package func close() async {
        noticeLoss()
        _ = try? await drive(machine.close())
        association = nil
    }

    /// Ends what is under way: the place was lost, or a person has paused the source.
    func interrupt() { association?.abort() }

    /// What the source accepted for C-FIND; empty while no association is open.
    var acceptedModels: Set<FindModel> { association?.acceptedModels ?? [] }

    /// Whether it granted relational questions in the model that is asked.
    var grantsRelationalQuestions: Bool {
        association.flatMap { $0.granted[$0.preferredModel] }?.contains(.relational) ?? false
    }

    var isOpen: Bool { machine.isOpen && association?.isOpen == true }

    private func noticeLoss() {
        if let association, !association.isOpen {
            machine.lost()
            self.association = nil
        }
    }

    // MARK: Carrying out

    /// The question is nil where it is somebody else's.
    private typealias Receive = (Question?, FindResponse) throws -> Void

    private func drive(
        _ first: LineMachine.Action, receive: Receive = { _, _ in }
    ) async throws -> LineMachine.Outcome {
        var action = first
        while true {
            if case .done(let outcome) = action { return outcome }
            action = machine.handle(try await carryOut(action, receive))
        }
    }

    private func carryOut(_ action: LineMachine.Action, _ receive: Receive) async throws -> LineMachine.Event {
        switch action {
        case .openLease(let purpose):
            // Before the question is sent: the place cannot be younger than that.
            let asked = ContinuousClock.now
            let opening = try await pool.persistently { try await $0.openLease(source: source.id, purpose: purpose) }
            if case .granted(let lease, _) = opening { pool.register(lease, self, at: asked) }
            return .opening(opening)
        case .connect:
            do {
                association = try await Association.open(to: source.peer)
                openedAt = .now
                return .connected(nil)
            } catch {
                return .connected(error)
            }
        case .echo:
            guard let association else { return .echoed(.given) }
            do {
                try await association.echo()
                return .echoed(nil)
            } catch {
                return .echoed(error)
            }
        case .permit(let lease):
            return .permit(try await permit(lease))
        case .find(let question):
            return await find(question.identifier(institution: source.asksForInstitutions), .low, in: question.model) {
                try receive(question, $0)
            }
        case .findGiven:
            guard let given else { return .found(.given, rows: 0, took: .zero) }
            return await find(given.identifier, given.priority, in: given.model) { try receive(nil, $0) }
        case .report(let lease, let outcome, let took):
            return .reported(
                try await pool.persistently {
                    try await $0.report(source: source.id, lease: lease, outcome, took: took, jitter: pool.jitter())
                })
        case .noteReference(let took):
            _ = try await pool.persistently { try await $0.noteReference(source: source.id, took: took) }
        case .learnSingleQueries:
            let learned = StudyIndex.Capability(
                name: Capabilities.Name.queriesPerAssociation, value: "1",
                evidence: "closed an association at its second C-FIND")
            try await pool.persistently { try await $0.learn([learned], of: source.id) }
        case .disconnect:
            await association?.release()
            association = nil
        case .closeLease(let lease):
            pool.unregister(lease)
            try await pool.persistently { try await $0.closeLease(lease) }
        case .sleep(let duration): try await pool.clock.sleep(for: duration)
        case .done: break
        }
        return .carriedOut
    }

    /// A permit is for a request that follows at once. One that took long to come may be older than it looks, and is
    /// dropped, not returned.
    private func permit(_ lease: LeaseID) async throws -> Permit {
        while true {
            // Counts the database's absences, too.
            let asked = ContinuousClock.now
            let permit = try await pool.persistently { try await $0.permit(source: source.id, lease: lease) }
            permitAsked = asked
            guard case .granted = permit, ContinuousClock.now - asked > Self.permitAge else { return permit }
        }
    }

    private static let permitAge = Duration.milliseconds(50)
    /// What may have passed since a permit was asked for when its request is sent.
    private static let sendAge = Duration.milliseconds(60)

    private func find(
        _ identifier: DataSet, _ priority: Priority, in model: FindModel? = nil,
        _ receive: (FindResponse) throws -> Void
    ) async -> LineMachine.Event {
        guard let association else { return .found(.given, rows: 0, took: .zero) }
        let start = ContinuousClock.now
        var rows = 0
        var failure: DIMSEError?
        do {
            let responses = association.find(
                identifier, model: model ?? association.preferredModel, priority: priority,
                within: max(.zero, Self.sendAge - (start - permitAsked)))
            for try await response in responses {
                rows += 1
                try receive(response)
            }
        } catch let error as DIMSEError {
            failure = error
        } catch is SliceAnswer.TooManyRows {
            failure = DIMSEError(.tooManyMatches, "more than \(SliceAnswer.maximumRows) matches")
        } catch {
            failure = .given
        }
        return .found(failure, rows: rows, took: ContinuousClock.now - start)
    }
}

extension Association {
    /// Study Root where the source accepted it: Patient Root cannot reach studies without a Patient ID (F35, F37).
    package var preferredModel: FindModel {
        [.studyRoot, .patientRoot].first(where: acceptedModels.contains) ?? .patientStudyOnly
    }
}
