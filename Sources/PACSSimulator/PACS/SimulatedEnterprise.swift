import Foundation

/// The eight PACS of an enterprise, running on loopback, with the files that go with them.
package final class SimulatedEnterprise: Sendable {
    package let enterprise: Enterprise
    package let sources: [SimulatedPACS]
    private let directory: String

    package var ports: [Int] { sources.map(\.port) }

    private init(enterprise: Enterprise, sources: [SimulatedPACS], directory: String) {
        self.enterprise = enterprise
        self.sources = sources
        self.directory = directory
    }

    /// Starts the sources on consecutive ports from `portsFrom`, 0 for free ones, and writes `truth.json` and a matching
    /// `concord.yaml` into `directory`.
    package static func start(
        studies: Int, seed: UInt64, directory: String, host: String = "127.0.0.1", portsFrom: Int = 0,
        limits: ConcordConfiguration.Limits = ConcordConfiguration.Limits()
    ) async throws -> SimulatedEnterprise {
        let enterprise = Enterprise(seed: seed, studies: studies, blankDates: true)
        var sources: [SimulatedPACS] = []
        for (index, profile) in enterprise.sources.enumerated() {
            sources.append(
                try await SimulatedPACS.start(
                    profile, copies: enterprise.copies(at: index), host: host,
                    port: portsFrom == 0 ? 0 : portsFrom + index))
        }
        let running = SimulatedEnterprise(enterprise: enterprise, sources: sources, directory: directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try enterprise.truth.json().write(to: running.file("truth.json"))
        let configuration = ConcordConfiguration(
            enterprise: enterprise, host: host, ports: running.ports, limits: limits,
            dataDirectory: running.file("data").standardizedFileURL.path)
        try Data(configuration.yaml.utf8).write(to: running.file("concord.yaml"))
        return running
    }

    /// Who came to which source when: `requests.csv`.
    package func writeRequests() throws {
        let lines = sources.map { $0.log.lines(source: $0.profile.name) }.joined()
        try Data((DoorLog.header + lines).utf8).write(to: file("requests.csv"))
    }

    package func stop() async {
        for source in sources { await source.stop() }
    }

    private func file(_ name: String) -> URL { URL(fileURLWithPath: directory).appendingPathComponent(name) }
}

extension Enterprise {
    /// What one source holds.
    package func copies(at source: Int) -> [StudyCopy] {
        studies.flatMap { $0.copies.filter { $0.source == source } }
    }
}
