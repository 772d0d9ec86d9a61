import DICOM
import DIMSE
import StudyIndex

/// A single live question to one source, paid from the same budget as the sweeps.
package struct LiveSource: Sendable {
    private let source: SweepSource
    private let pool: AssociationPool

    package init(source: SweepSource, pool: AssociationPool) {
        self.source = source
        self.pool = pool
    }

    /// Why a live question was not answered.
    package enum Refusal: Error, Sendable, CustomStringConvertible {
        /// The source may not be asked at the moment.
        case notNow(WaitReason)
        case failed(DIMSEError)

        package var description: String {
            switch self {
            case .notNow(let reason): reason.words
            case .failed(let error): error.description
            }
        }
    }

    /// C-ECHO; returns how long the request took, with the opening of the association where none was open.
    package func echo() async throws -> Duration {
        try await withLine { line in try await line.echo() }
    }

    /// One C-FIND; hands on each match as it arrives. Returns only on Success.
    package func find(_ identifier: DataSet, receive: @escaping @Sendable (FindResponse) throws -> Void) async throws {
        _ = try await withLine { line in try await line.find(identifier, receive: receive) }
    }

    private func withLine(_ ask: (Line) async throws -> LineMachine.Outcome) async throws -> Duration {
        let line = await pool.line(to: source, purpose: .live)
        do {
            let took = try await answer(line, ask)
            await pool.giveBack(line)
            return took
        } catch {
            await pool.giveBack(line)
            throw error
        }
    }

    private func answer(_ line: Line, _ ask: (Line) async throws -> LineMachine.Outcome) async throws -> Duration {
        let start = ContinuousClock.now
        while true {
            switch try await ask(line) {
            case .answered(let took): return took > .zero ? took : ContinuousClock.now - start
            case .failed(let error, _, _, _): throw Refusal.failed(error)
            case .notNow(let wait, let reason, _):
                // Places and gaps are matters of moments; the others are decisions.
                guard reason == .places || reason == .gap else { throw Refusal.notNow(reason) }
                try await pool.clock.sleep(for: wait)
            case .ready, .closed: throw Refusal.failed(.given)
            }
        }
    }
}

extension WaitReason {
    /// For people.
    package var words: String {
        switch self {
        case .paused: "paused: `concord sources resume` lets it go on"
        case .window: "a weekly window of its configuration allows no question now"
        case .resting: "resting after failures"
        case .trial: "another association is finding out whether it is well again"
        case .places: "all of its associations are in use"
        case .gap: "between two associations"
        }
    }
}
