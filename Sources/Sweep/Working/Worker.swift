import DICOM
import DIMSE
import Logging
import StudyIndex
import Synchronization

/// Drives a `WorkerMachine`: carries out what it decides, against the ledger in PostgreSQL and a real association.
struct Worker: Sendable {
    let name: String
    let run: RunID
    let source: SweepSource
    let pool: AssociationPool
    let planner: Planner
    let patience: Duration
    /// Shared by the workers of this process at this source.
    let experience: SharedExperience
    let report: @Sendable (SweepEvent) -> Void
    let logger: Logger

    private var index: StudyIndex { pool.index }

    /// A quarter of the lease: two renewals may be lost before the slice could be leased again.
    private static let renewal = StudyIndex.sliceLease / 4

    /// Works until the run has nothing left for this source. Throws when the database stays away, or on cancellation; then
    /// what was claimed is leased again after its time.
    func work() async throws {
        var machine = WorkerMachine(planner: planner, patience: patience)
        var line = await pool.line(to: source, purpose: .sweep)
        var action = machine.start()
        var leased = ContinuousClock.now
        do {
            while true {
                try Task.checkCancellation()
                let event: WorkerMachine.Event
                switch action {
                case .look:
                    event = .outlook(try await pool.persistently { try await $0.outlook(run: run, source: source.id) })
                case .openLine: event = .line(try await line.open())
                case .claim:
                    leased = .now
                    event = .claimed(
                        try await pool.persistently { try await $0.claim(run: run, source: source.id, worker: name) })
                case .narrow(let slice, let lower):
                    event = .narrowed(try await pool.persistently { try await $0.narrow(slice, to: lower) })
                case .ask(let question):
                    await renew(machine.claimed, leasedAt: &leased)
                    let (outcome, answer) = try await asking(question, on: line, for: machine.claimed)
                    event = .answered(outcome, answer)
                case .finish(let slice, let outcome, let gathered):
                    event = .finished(try await end(slice, outcome, gathered))
                case .abandon(let reason):
                    try await abandon(reason)
                    event = .carriedOut
                case .giveLineBack:
                    await pool.giveBack(line)
                    line = await pool.line(to: source, purpose: .sweep)
                    event = .carriedOut
                case .sleep(let duration, let reason):
                    await renew(machine.claimed, leasedAt: &leased)
                    if let reason { report(.waiting(source: source.name, reason, duration)) }
                    try await pool.clock.sleep(for: duration)
                    event = .carriedOut
                case .stop: return await line.close()
                }
                let jitter = pool.jitter()
                action = experience.withLock { machine.handle(event, &$0, jitter: jitter) }
            }
        } catch {
            await line.close()
            // What was claimed is for others at once, where the database can still be told so.
            if let slice = machine.claimed { _ = try? await index.finish(slice, outcome: .deferred(.zero)) }
            throw error
        }
    }

    /// A slice of many short questions outlives its lease between them, too.
    private func renew(_ slice: ClaimedSlice?, leasedAt: inout ContinuousClock.Instant) async {
        guard let slice, leasedAt.duration(to: .now) >= Self.renewal else { return }
        let now = ContinuousClock.now
        if (try? await index.renew(slice)) != nil { leasedAt = now }
    }

    /// Asks while the slice's lease is kept.
    private func asking(
        _ question: Question, on line: Line, for slice: ClaimedSlice?
    ) async throws -> (LineMachine.Outcome, SliceAnswer) {
        // Cancelled and awaited when this scope ends.
        async let _ = keepLease(of: slice)
        return try await line.ask(question)
    }

    private func keepLease(of slice: ClaimedSlice?) async {
        guard let slice else { return }
        while (try? await Task.sleep(for: Self.renewal)) != nil {
            guard (try? await index.renew(slice)) != false else { return }
        }
    }

    /// nil: the slice is not ours any more, and what we learned is for somebody else to learn.
    private func end(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ gathered: WorkerMachine.Gathered
    ) async throws -> MergeCounts? {
        do {
            let merged = try await pool.persistently {
                try await $0.finish(slice, outcome: outcome, records: gathered.studies, series: gathered.series)
            }
            if let end = SliceEnd(slice, outcome, rows: gathered.rawRows, merged) {
                report(.sliceEnded(source: source.name, ended: end))
            }
            if case .failed(let code, let message, _, _, _) = outcome {
                logger.warning(
                    "slice failed",
                    metadata: ["source": "\(source.name)", "code": "\(code)", "reason": "\(message)"])
            }
            return merged
        } catch let error as IndexError where error.code == .fenced {
            logger.warning("slice was leased again", metadata: ["source": "\(source.name)", "slice": "\(slice.id)"])
            return nil
        }
    }

    private func abandon(_ reason: String) async throws {
        try await pool.persistently { try await $0.abandon(run: run, source: source.id, reason: reason) }
        report(.abandoned(source: source.name, reason: reason))
    }
}

/// What the workers of one process know together of one source.
final class SharedExperience: Sendable {
    private let state: Mutex<Experience>

    init(_ experience: Experience) { state = Mutex(experience) }

    func withLock<T: Sendable>(_ body: (inout Experience) -> T) -> T {
        state.withLock { experience in body(&experience) }
    }
}
