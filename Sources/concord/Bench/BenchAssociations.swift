import ArgumentParser
import DICOM
import DIMSE
import Foundation
import PostgresClient

/// Many associations to one `concord serve`: what each costs while nothing is asked, and how long each waits when all ask at
/// once.
struct BenchAssociations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "associations",
        abstract: "Memory of idle associations, and patient queries of all of them at once.")

    @Option(help: "Associations.") var count = 1_000
    @Option(help: "Studies of the enterprise that is swept and served.") var studies = 20_000

    func run() async throws {
        OpenFiles.raiseLimit()
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let simulator = try SimulatorProcess(
            studies: studies, queriesPerSecond: 1_000, associations: 4, directory: directory)
        defer { simulator.stop() }
        Terminal.complain("sweeping …")
        let cluster = try await EmbeddedCluster.start(dataDirectory: directory + "/data")
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 1)
        do {
            _ = try ProcessUsage.ofRunning(
                CommandLine.arguments[0], ["sweep", "--config", simulator.configuration], endings: [0, 3])
            try await measure(simulator, patients: try await patients(pool))
        } catch {
            await pool.close()
            await cluster.stop()
            throw error
        }
        await pool.close()
        await cluster.stop()
    }

    /// Patient IDs that mean one person each: others are refused (promise 9).
    private func patients(_ pool: PostgresPool) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query(
                """
                SELECT patient_id FROM observation WHERE patient_id <> ''
                GROUP BY patient_id HAVING count(DISTINCT issuer) = 1 ORDER BY patient_id LIMIT \(count)
                """
            ).compactMap { $0.string(0) }
        }
    }

    private func measure(_ simulator: SimulatorProcess, patients: [String]) async throws {
        let server = try ServingProcess(simulator.configuration, associations: count)
        defer { server.stop() }
        // What the first of everything costs is not an association's.
        for association in try await open(min(count, 50), server.port) { await association.release() }
        let before = try server.residentKilobytes
        let associations = try await open(count, server.port)
        let idle = Double(try server.residentKilobytes - before) / Double(count)
        let waits = try await withThrowingTaskGroup(of: Duration.self) { group in
            for (number, association) in associations.enumerated() {
                let patient = patients[number % patients.count]
                group.addTask { try await wait(for: patient, association) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        for association in associations { await association.release() }
        func milliseconds(_ part: Double) -> String {
            String(format: "%.0f", waits[min(waits.count - 1, Int(Double(waits.count) * part))] / .milliseconds(1))
        }
        Terminal.write(
            TextTable(
                header: ["associations", "KiB each, idle", "p50 ms", "p99 ms", "slowest ms"],
                rows: [
                    ["\(count)", String(format: "%.1f", idle), milliseconds(0.5), milliseconds(0.99), milliseconds(1)]
                ]
            ).rendered())
    }

    private func open(_ count: Int, _ port: Int) async throws -> [Association] {
        var associations: [Association] = []
        for number in 0..<count {
            // 50 workstations.
            let peer = Peer(
                host: "127.0.0.1", port: port, called: try AETitle("CONCORD"), calling: try AETitle("WS\(number % 50)"))
            associations.append(try await Association.open(to: peer))
        }
        return associations
    }

    /// From the question to its last match. Anything but Success throws.
    private func wait(for patient: String, _ association: Association) async throws -> Duration {
        var question = DataSet()
        question.set(.queryRetrieveLevel, QueryLevel.study.rawValue)
        for attribute in AttributeDictionary.observation { question.setEmpty(attribute.tag) }
        question.set(.patientID, patient)
        let start = ContinuousClock.now
        for try await response in association.find(question, priority: .medium) { _ = try response.record() }
        return ContinuousClock.now - start
    }
}

/// `concord serve` in a process of its own, for 50 workstations.
private struct ServingProcess {
    let port: Int
    private let process = Process()

    /// Returns when it listens.
    init(_ configuration: String, associations: Int) throws {
        port = Int.random(in: 20_000..<30_000)
        let own = configuration + ".serve.yaml"
        let allowed = (0..<50).map { "{ ae_title: WS\($0) }" }.joined(separator: ", ")
        let yaml = """
            \(try String(contentsOfFile: configuration, encoding: .utf8))
            server:
              http: { port: 0 }
              dimse:
                port: \(port)
                associations: { total: \(associations), per_ae_title: \(associations), per_address: \(associations) }
                allow: [ \(allowed) ]

            """
        try yaml.write(toFile: own, atomically: true, encoding: .utf8)
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["serve", "--config", own]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var said = ""
        while !said.contains("serving http") {
            let more = errors.fileHandleForReading.availableData
            guard !more.isEmpty else { throw ValidationError("concord serve did not start: \(said)") }
            said += String(decoding: more, as: UTF8.self)
        }
    }

    var residentKilobytes: Int {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            return status.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.1) } ?? 0
        }
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
