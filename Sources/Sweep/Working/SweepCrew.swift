import Foundation
import Logging
import StudyIndex

/// The workers of this process on a run's slices.
package struct SweepCrew: Sendable {
    /// Tells the processes of all machines apart.
    private static let process = "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"

    let sources: [SweepSource]
    /// Per source at most; its own `associations` may allow fewer.
    let workers: Int
    let patience: Duration
    let pool: AssociationPool
    let logger: Logger
    let report: @Sendable (SweepEvent) -> Void

    package init(
        sources: [SweepSource], workers: Int, patience: Duration, pool: AssociationPool, logger: Logger,
        report: @escaping @Sendable (SweepEvent) -> Void
    ) {
        self.sources = sources
        self.workers = workers
        self.patience = patience
        self.pool = pool
        self.logger = logger
        self.report = report
    }

    /// Until nothing of the run is left that may be asked, whoever asks it.
    package func work(_ run: RunID) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources {
                group.addTask {
                    try await workOff(source, of: run)
                    report(.finished(source: source.name))
                }
            }
            try await group.waitForAll()
        }
    }

    /// As `work`, of questions that follow from its answers.
    func workFurther(_ run: RunID) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources {
                group.addTask { try await workOff(source, of: run) }
            }
            try await group.waitForAll()
        }
    }

    private func workOff(_ source: SweepSource, of run: RunID) async throws {
        let experience = SharedExperience(try await experience(of: source))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...max(1, min(workers, source.associations)) {
                let worker = Worker(
                    name: "\(Self.process) \(number)", run: run, source: source, pool: pool, planner: source.planner,
                    patience: patience, experience: experience, report: report, logger: logger)
                group.addTask { try await worker.work() }
            }
            try await group.waitForAll()
        }
    }

    /// What the index knows of the days and patients that may have to be divided.
    private func experience(of source: SweepSource) async throws -> Experience {
        var experience = Experience()
        let alphabet = try await pool.persistently { try await $0.alphabet(of: source.id) }
        experience.add(modalities: alphabet.modalities, patientLeads: alphabet.patientLeads)
        if let most = source.planner.mostRows(experience) {
            experience.add(
                crowdedDays: try await pool.persistently { index in
                    try await index.crowdedDays(source: source.id, over: Int(most))
                })
        }
        return experience
    }
}
