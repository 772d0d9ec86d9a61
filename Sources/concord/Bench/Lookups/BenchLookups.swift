import ArgumentParser
import DICOM
import Foundation
import PostgresClient
import StudyIndex

/// Asks `concord serve` over HTTP, beside pgbench with the same statements on the same database.
struct BenchLookups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookups", abstract: "Lookups over HTTP from a large index, beside pgbench with the same SQL.")

    @Option(help: "Studies in the index, 10 million at most.") var studies = 10_000_000
    @Option(help: "Clients that ask at the same time.") var clients = 32
    @Option(help: "Seconds of each round of each kind of lookup.") var seconds = 5
    @Option(help: "Keep the index here, and use the one that is there.") var dir: String?

    /// Of each figure the median is shown: machines have slow moments.
    private static let rounds = 3

    func run() async throws {
        let directory =
            dir ?? FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        defer { if dir == nil { try? FileManager.default.removeItem(atPath: directory) } }
        // Ten million studies take 12.5 GB.
        let cluster = try await EmbeddedCluster.start(
            dataDirectory: directory + "/data", settings: ["shared_buffers": "13GB", "max_wal_size": "8GB"])
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 2)
        do {
            let workload = LookupWorkload(studies: studies)
            if !FileManager.default.fileExists(atPath: directory + "/filled-\(studies)") {
                Terminal.complain("filling the index with \(workload.studies) studies …")
                try await workload.fill(pool)
                FileManager.default.createFile(atPath: directory + "/filled-\(studies)", contents: nil)
            }
            try await warm(pool)
            try await measure(workload, cluster.connectionString, directory)
        } catch {
            await pool.close()
            await cluster.stop()
            throw error
        }
        await pool.close()
        await cluster.stop()
    }

    /// What is asked is in PostgreSQL's memory: a cold index is another benchmark.
    private func warm(_ pool: PostgresPool) async throws {
        try await pool.withConnection { connection in
            try connection.execute(
                script: """
                    CREATE EXTENSION IF NOT EXISTS pg_prewarm;
                    SELECT pg_prewarm(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')
                    """)
        }
    }

    private func measure(_ workload: LookupWorkload, _ connectionString: String, _ directory: String) async throws {
        let server = try ServedIndex(directory: directory)
        defer { server.stop() }
        let pgbench = PgbenchRun(connectionString: connectionString, directory: directory)
        func load(_ load: LookupLoad, clients: Int) throws -> LookupLoad.Seen {
            try load.run(
                clients: clients, seconds: seconds, workload: workload, server: server.address, key: server.key,
                directory: directory)
        }
        /// By kind. The kinds take turns, so that a slow moment of the machine is not one kind's alone; the first round only
        /// warms up.
        func rounds<Kind, Seen>(
            _ kinds: [(name: String, kind: Kind)], _ measure: (Kind) throws -> Seen
        ) throws -> [[Seen]] {
            var seen = kinds.map { _ in [Seen]() }
            for round in 0...Self.rounds {
                for (number, (name, kind)) in kinds.enumerated() {
                    Terminal.complain("\(name), \(clients) clients, \(round) of \(Self.rounds) …")
                    let measured = try measure(kind)
                    if round > 0 { seen[number].append(measured) }
                }
            }
            return seen
        }

        var rows: [[String]] = []
        let exact = try ExactLookup.all(workload)
        let seen = try rounds(exact.map { ($0.load.name, $0) }) { lookup in
            let alone = try pgbench.perSecond(
                lookup.query, sample: lookup.sample, key: lookup.key, studies: workload.studies, clients: clients,
                seconds: seconds)
            return (alone, try load(lookup.load, clients: clients))
        }
        for (lookup, seen) in zip(exact, seen) {
            rows.append(
                Self.row(lookup.load.name, seen.map(\.1)) + [
                    String(format: "%.0f", Self.median(seen.map(\.0))),
                    String(format: "%.2f", Self.median(seen.map { $1.perSecond / $0 })),
                ])
        }
        let broad = try rounds(LookupLoad.broad.map { ($0.name, $0) }) { try load($0, clients: clients) }
        rows += zip(LookupLoad.broad, broad).map { Self.row($0.name, $1) + ["", ""] }
        // Once: what a thousand clients leave behind when they go would count against the next ones' limits.
        Terminal.complain("\(LookupLoad.mix.name), 1000 clients …")
        rows.append(Self.row("a mix of all, 1,000 clients", [try load(.mix, clients: 1_000)]) + ["", ""])
        Terminal.write(
            TextTable(
                header: [
                    "\(workload.studies) studies, \(clients) clients", "requests/s", "p50 ms", "p99 ms", "failed",
                    "pgbench", "ratio",
                ],
                rows: rows
            ).rendered())
        Terminal.write(String(format: "peak MB of concord serve: %.0f\n", server.peakMegabytes))
    }

    private static func row(_ name: String, _ seen: [LookupLoad.Seen]) -> [String] {
        [
            name, String(format: "%.0f", median(seen.map(\.perSecond))),
            String(format: "%.1f", median(seen.map(\.median))), String(format: "%.1f", median(seen.map(\.p99))),
            "\(seen.map(\.failed).reduce(0, +))",
        ]
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
