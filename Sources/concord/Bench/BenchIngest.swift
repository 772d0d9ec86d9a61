import ArgumentParser
import DICOM
import Foundation
import PostgresClient
import StudyIndex

/// Merges slices into a large index, beside `psql` copying and committing the same slices into the same tables.
struct BenchIngest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Merge throughput beside psql's COPY into the same tables.")

    @Option(help: "Observations in the index beforehand.") var preload = 1_000_000
    @Option(help: "Slices that are measured.") var slices = 40
    @Option(help: "Observations in a slice.") var size = 5_000

    func run() async throws {
        try await EmbeddedCluster.temporary(connections: 2) { pool, connectionString, directory in
            try await measure(pool, connectionString, directory)
        }
    }

    private func measure(_ pool: PostgresPool, _ connectionString: String, _ directory: String) async throws {
        let workload = try await IngestWorkload(pool, size: size)
        let filled = (preload + size - 1) / size
        Terminal.complain("filling the index with \(filled * size) observations …")
        _ = try await workload.merge(slices: 0..<filled)
        let peer = try PsqlCopy(connectionString)
        let scripts = try await exported(0..<min(slices, filled), peer, pool, directory)
        try await pool.settle()

        // In turn, so that both meet the same machine and the same index.
        var spent = (merge: Duration.zero, copy: Duration.zero)
        for (position, script) in scripts.enumerated() {
            let slice = filled + position
            spent.merge += try await workload.merge(slices: slice..<slice + 1)
            spent.copy += try peer.run(script)
        }
        try peer.end()
        let measured = filled..<filled + scripts.count
        try await pool.settle()
        let writes = try await StudyRowsWritten(pool)
        let unchanged = try await workload.merge(slices: measured)
        let written = try await writes.count()
        let changed = try await workload.merge(slices: measured, changing: 100)
        show(
            [
                ("psql COPY, new", spent.copy), ("merge, new", spent.merge), ("merge, unchanged", unchanged),
                ("merge, 1 % changed", changed),
            ], rows: measured.count * size, into: filled * size)
        Terminal.write(
            String(
                format: "unchanged : new = %.1f; study rows written while unchanged: %d\n", spent.merge / unchanged,
                written))
    }

    private func show(_ spent: [(name: String, time: Duration)], rows: Int, into: Int) {
        let lines = spent.map { line in
            [
                line.name, "\(Int(Double(rows) / (line.time / .seconds(1))))",
                String(format: "%.2f", spent[0].time / line.time),
            ]
        }
        Terminal.write(
            TextTable(header: ["into \(into) observations", "rows/s", "ratio to psql"], rows: lines).rendered())
    }

    /// Slices as files, under UIDs of their own, and for each the script that copies it into observation, study and
    /// change in one transaction.
    private func exported(
        _ slices: Range<Int>, _ peer: PsqlCopy, _ pool: PostgresPool, _ directory: String
    ) async throws -> [String] {
        let files = directory + "/slices"
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        let tables = [
            ("observation", try await columns(of: "observation", pool)),
            ("study", try await columns(of: "study", pool)),
            ("change", ["study_uid"]),
        ]
        var scripts: [String] = []
        for slice in slices {
            var export = ""
            var script = "BEGIN;\n"
            for (table, columns) in tables {
                let shown = columns.map {
                    $0 == "study_uid" ? "replace(study_uid, '\(IngestWorkload.root)', '\(IngestWorkload.root)9')" : $0
                }.joined(separator: ", ")
                let rows = "SELECT \(shown) FROM \(table) WHERE study_uid LIKE '\(IngestWorkload.root).\(slice).%'"
                let file = "\(files)/\(table)-\(slice)"
                export += "\\copy (\(rows)) TO '\(file)' (FORMAT binary)\n"
                script += "\\copy \(table) (\(columns.joined(separator: ", "))) FROM '\(file)' (FORMAT binary)\n"
            }
            _ = try peer.run(export)
            scripts.append(script + "COMMIT;\n")
        }
        return scripts
    }

    private func columns(of table: String, _ pool: PostgresPool) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query(
                """
                SELECT column_name::text FROM information_schema.columns
                WHERE table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
                """, [.text(table)]
            ).compactMap { $0.string(0) }
        }
    }
}

/// A psql that stays connected and runs one script after the other.
private final class PsqlCopy {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ connectionString: String) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
        process.arguments = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=on", connectionString]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// Returns how long it took.
    func run(_ script: String) throws -> Duration {
        let start = ContinuousClock.now
        input.fileHandleForWriting.write(Data((script + "\\echo done\n").utf8))
        guard output.fileHandleForReading.availableData == Data("done\n".utf8) else {
            throw ValidationError("psql failed")
        }
        return ContinuousClock.now - start
    }

    func end() throws {
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
