import DIMSE
import PostgresClient
import StudyIndex
import Synchronization

/// The open associations of this process, shared by sweeps, probes and live questions: keeps their places alive in the
/// database, keeps idle ones for whoever asks the same source next, and ends those whose place was lost.
package final class AssociationPool: Sendable {
    let index: StudyIndex
    let clock: any Clock<Duration>
    /// 0 to 1.
    let jitter: @Sendable () -> Double

    /// How often places are prolonged; a pause by a person is noticed as soon.
    static let renewal = Duration.seconds(2)
    /// An association whose place was not prolonged for so long is ended, before another could be given its place.
    static let doubtful = StudyIndex.associationLease * 0.8
    /// What nobody uses is released: PACS drop idle associations, and count them (F84).
    static let longestIdle = Duration.seconds(10)
    static let longestLife = Duration.seconds(600)

    private struct Place {
        var line: Line
        var renewed: ContinuousClock.Instant
    }
    private struct Idle {
        var line: Line
        var since: ContinuousClock.Instant
    }
    private struct State {
        var places: [LeaseID: Place] = [:]
        var idle: [Idle] = []
    }
    private let state = Mutex(State())

    private init(index: StudyIndex, clock: any Clock<Duration>, jitter: @escaping @Sendable () -> Double) {
        self.index = index
        self.clock = clock
        self.jitter = jitter
    }

    /// Runs `body` with a pool; at its end what is idle is released.
    package static func with<T: Sendable>(
        index: StudyIndex, clock: any Clock<Duration> = ContinuousClock(),
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) },
        _ body: (AssociationPool) async throws -> T
    ) async throws -> T {
        let pool = AssociationPool(index: index, clock: clock, jitter: jitter)
        let keeper = Task { await pool.keepPlaces() }
        do {
            let value = try await body(pool)
            await pool.close(keeper)
            return value
        } catch {
            await pool.close(keeper)
            throw error
        }
    }

    private func close(_ keeper: Task<Void, Never>) async {
        let idle = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for each in idle { await each.line.close() }
        keeper.cancel()
        await keeper.value
    }

    /// A line to a source, perhaps with an association that is open already.
    package func line(to source: SweepSource, purpose: Purpose) async -> Line {
        let idle = state.withLock { state -> Line? in
            guard
                let position = state.idle.lastIndex(where: {
                    $0.line.source.id == source.id && $0.line.source.peer.calling == source.peer.calling
                        && $0.line.purpose == purpose
                })
            else { return nil }
            return state.idle.remove(at: position).line
        }
        if let idle, await idle.isOpen { return idle }
        if let idle { await idle.close() }
        return Line(source: source, purpose: purpose, pool: self)
    }

    /// Gives a line back that nobody asks anything on at the moment.
    package func giveBack(_ line: Line) async {
        let opened = await line.openedAt
        guard await line.isOpen, let opened, ContinuousClock.now - opened < Self.longestLife else {
            return await line.close()
        }
        state.withLock { $0.idle.append(Idle(line: line, since: .now)) }
    }

    func register(_ lease: LeaseID, _ line: Line, at asked: ContinuousClock.Instant) {
        state.withLock { $0.places[lease] = Place(line: line, renewed: asked) }
    }

    func unregister(_ lease: LeaseID) { _ = state.withLock { $0.places.removeValue(forKey: lease) } }

    // MARK: The database's absences

    /// Before each further attempt; then its absence is an error.
    static let databasePauses: [Duration] = [
        .milliseconds(200), .seconds(1), .seconds(3), .seconds(8), .seconds(20),
    ]

    /// A database that restarts is waited for. All that is asked of it this way may be asked twice: what was granted and
    /// never heard of expires, and a slice's end is fenced by its claim.
    package func persistently<T: Sendable>(_ body: @Sendable (StudyIndex) async throws -> T) async throws -> T {
        for pause in Self.databasePauses {
            do { return try await body(index) } catch let error as PostgresError where error.isLossOfConnection {
                try await clock.sleep(for: pause)
            }
        }
        return try await body(index)
    }

    // MARK: Keeping places

    /// On the real clock, whatever the injected one does: places expire in real time.
    private func keepPlaces() async {
        while (try? await Task.sleep(for: Self.renewal)) != nil {
            await releaseIdle()
            await renew()
        }
    }

    private func releaseIdle() async {
        let now = ContinuousClock.now
        let old = state.withLock { state -> [Line] in
            let old = state.idle.filter { now - $0.since > Self.longestIdle }.map(\.line)
            state.idle.removeAll { now - $0.since > Self.longestIdle }
            return old
        }
        for line in old { await line.close() }
    }

    private func renew() async {
        let asked = ContinuousClock.now
        let leases = state.withLock { Array($0.places.keys) }
        guard !leases.isEmpty else { return }
        let renewed = try? await index.renewLeases(leases)
        let now = ContinuousClock.now
        let ended = state.withLock { state -> [Line] in
            var ended: [Line] = []
            for lease in leases {
                guard let place = state.places[lease] else { continue }
                if let renewed {
                    if renewed.held.contains(lease) { state.places[lease]?.renewed = asked }
                    if !renewed.held.contains(lease) || renewed.paused.contains(lease) { ended.append(place.line) }
                } else if now - place.renewed > Self.doubtful {
                    ended.append(place.line)
                }
            }
            return ended
        }
        for line in ended {
            if takeFromIdle(line) { await line.close() } else { await line.interrupt() }
        }
    }

    /// Whether nobody was using it; then nobody else will.
    private func takeFromIdle(_ line: Line) -> Bool {
        state.withLock { state in
            guard let position = state.idle.firstIndex(where: { $0.line === line }) else { return false }
            state.idle.remove(at: position)
            return true
        }
    }
}
