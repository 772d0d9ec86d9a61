import Foundation
import StudyIndex
import Testing

@testable import Sweep

/// Planner, workers, ledger and merge under seeded faults: loss, refusals, caps, aborts, clock jumps, crashes of workers and
/// of the database, studies that arrive and change while they are asked for. `scripts/simulate` plays more seeds.
@Suite struct SimulationTests {
    private static let seeds: Range<UInt64> = {
        let parts = (ProcessInfo.processInfo.environment["CONCORD_SEEDS"] ?? "").split(separator: "-").compactMap {
            UInt64($0)
        }
        return parts.count == 2 && parts[0] < parts[1] ? parts[0]..<parts[1] : 0..<2_000
    }()

    @Test func nothingIsLostDoubledClaimedOrOverspentWhateverGoesWrong() async throws {
        let isTraced = ProcessInfo.processInfo.environment["CONCORD_TRACE"] != nil
        try await Self.inLanes(Self.seeds) { seed, _ in
            let simulation = Simulation(seed: seed) { $0 }
            if isTraced { simulation.trace = { print($0) } }
            try await simulation.play()
        }
    }

    /// The same on the real SQL, with the simulation's clock and ids: it must do what the model does, step by step.
    @Test func postgresDoesWhatTheModelDoesStepByStep() async throws {
        try await withDatabases(Int(Self.lanes)) { pools in
            try await Self.inLanes(Self.seeds.prefix(200)) { seed, lane in
                let sql = SQLLedger(pools[lane])
                let simulation = Simulation(seed: seed) { Lockstep($0, sql) }
                try await sql.reset(Dictionary(uniqueKeysWithValues: simulation.sources.map { ($0.id, $0.limits) }))
                do {
                    try await simulation.play()
                    try await (simulation.ledger as? Lockstep)?.compareStates()
                } catch let difference as Lockstep.Difference {
                    throw Simulation.Broken(seed: seed, what: difference.description)
                }
            }
        }
    }

    // MARK: Side by side

    private static let lanes = UInt64(ProcessInfo.processInfo.activeProcessorCount)

    private static func inLanes(
        _ seeds: some Collection<UInt64> & Sendable, _ play: @escaping @Sendable (UInt64, Int) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    for seed in seeds where seed % lanes == lane { try await play(seed, Int(lane)) }
                }
            }
            try await group.waitForAll()
        }
    }
}
