import DICOM
import StudyIndex
import Synchronization

/// What the index knows of all sources' days. It changes slowly, and every query consults it: it is read once for all who
/// ask, beside their work, and is two seconds old at most.
final class CoverageReader: Sendable {
    struct Terms: Sendable, Hashable {
        var freshness: Freshness
        var today: DICOMDate
    }

    private struct Known: Sendable {
        var covered: [CoveredDays]
        var read: ContinuousClock.Instant
        /// On which `knowledge` was worked out last.
        var terms: Terms?
        var knowledge: [String: DayKnowledge] = [:]
    }
    private struct State {
        var known: Known?
        var reading: Task<Void, any Error>?

        mutating func knowledge(_ terms: Terms) -> [String: DayKnowledge] {
            if let known, known.terms == terms { return known.knowledge }
            let knowledge = DayKnowledge.all(known?.covered ?? [], terms.freshness, terms.today)
            known?.terms = terms
            known?.knowledge = knowledge
            return knowledge
        }
    }
    private let state = Mutex(State())
    private let coveredDays: @Sendable () async throws -> [CoveredDays]
    private let now: @Sendable () -> ContinuousClock.Instant

    /// Then it is read again, while those who ask go on with what was read.
    static let age = Duration.seconds(1)
    /// Then they wait.
    static let oldest = Duration.seconds(2)

    init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        _ coveredDays: @escaping @Sendable () async throws -> [CoveredDays]
    ) {
        self.now = now
        self.coveredDays = coveredDays
    }

    /// By source.
    func knowledge(_ terms: Terms) async throws -> [String: DayKnowledge] {
        let (known, reading) = state.withLock { state in
            let age = state.known.map { now() - $0.read } ?? Self.oldest
            if age >= Self.age, state.reading == nil { state.reading = Task { try await read() } }
            return (age < Self.oldest ? state.knowledge(terms) : nil, state.reading)
        }
        if let known { return known }
        try await reading?.value
        return state.withLock { $0.knowledge(terms) }
    }

    private func read() async throws {
        let start = now()
        let result: Result<[CoveredDays], any Error>
        do { result = .success(try await coveredDays()) } catch { result = .failure(error) }
        try state.withLock { state in
            state.reading = nil
            state.known = Known(covered: try result.get(), read: start)
        }
    }
}
