import DICOM
import DIMSE
import StudyIndex

/// A single live question to one source, paid from the same budget as the sweeps.
package struct LiveSource: Sendable {
    private let source: SweepSource
    private let index: StudyIndex
    private let clock: any Clock<Duration>

    package init(source: SweepSource, index: StudyIndex, clock: any Clock<Duration> = ContinuousClock()) {
        self.source = source
        self.index = index
        self.clock = clock
    }

    /// C-ECHO; returns how long the request took, without waiting for the budget and the association.
    package func echo() async throws -> Duration {
        try await withSession { session in try await session.echo() }
    }

    /// One C-FIND; hands on each match as it arrives. Returns only on Success.
    package func find(_ identifier: DataSet, receive: (FindResponse) throws -> Void) async throws {
        try await withSession { session in try await session.find(identifier, receive: receive) }
    }

    private func withSession<T>(_ body: (inout SourceSession) async throws -> T) async throws -> T {
        var session = SourceSession(source: source, index: index, condition: SourceCondition(), clock: clock)
        do {
            let value = try await body(&session)
            try await session.close()
            return value
        } catch {
            try? await session.close()
            throw error
        }
    }
}
