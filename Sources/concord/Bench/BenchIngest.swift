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
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-bench-\(UUID())").path
        let cluster = try await EmbeddedCluster.start(dataDirectory: directory)
        let pool = PostgresPool(connectionString: cluster.connectionString, size: 2)
        do {
            try await measure(pool, cluster.connectionString, directory)
        } catch {
            await end(pool, cluster, directory)
            throw error
        }
        await end(pool, cluster, directory)
    }

    private func end(_ pool: PostgresPool, _ cluster: EmbeddedCluster, _ directory: String) async {
        await pool.close()
        await cluster.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func measure(_ pool: PostgresPool, _ connectionString: String, _ directory: String) async throws {
        let index = StudyIndex(pool: pool)
        try await index.migrate()
        let ids = try await index.register([
            SourceDefinition(name: "bench", aeTitle: "BENCH", host: "127.0.0.1", port: 104, issuer: "BENCH")
        ])
        guard let source = ids["bench"] else { return }
        let workload = Workload(index: index, source: source, size: size)
        let first = (preload + size - 1) / size
        Terminal.complain("filling the index with \(first * size) observations …")
        _ = try await workload.merge(slices: 0..<first)
        try await pool.withConnection { connection in
            for statement in ["VACUUM ANALYZE", "CHECKPOINT"] { try connection.execute(script: statement) }
        }

        let measured = first..<first + slices
        let new = try await workload.merge(slices: measured)
        let peer = try await copyWithPsql(measured, pool, connectionString, directory)
        let before = try await studyWrites(pool)
        let unchanged = try await workload.merge(slices: measured)
        let written = try await studyWrites(pool) - before
        let changed = try await workload.merge(slices: measured, changing: 100)

        let rows = [
            ("psql COPY, new", peer), ("merge, new", new), ("merge, unchanged", unchanged),
            ("merge, 1 % changed", changed),
        ]
        Terminal.write(
            TextTable(
                header: ["into \(first * size) observations", "rows/s", "ratio to psql"],
                rows: rows.map { [$0.0, "\(Int($0.1))", String(format: "%.2f", $0.1 / peer)] }
            ).rendered())
        Terminal.write(
            String(format: "unchanged : new = %.1f; study rows written while unchanged: %d\n", unchanged / new, written)
        )
    }

    /// Rows of `study` inserted, updated or deleted so far.
    private func studyWrites(_ pool: PostgresPool) async throws -> Int {
        try await pool.withConnection { connection in
            try connection.query("SELECT pg_stat_force_next_flush()")
            return try connection.query(
                """
                SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = 'study'
                """)[0].int(0) ?? 0
        }
    }

    /// The same slices under other UIDs, exported beforehand, copied by psql into observation, study and change, with one
    /// COMMIT a slice. Returns rows per second.
    private func copyWithPsql(
        _ slices: Range<Int>, _ pool: PostgresPool, _ connectionString: String, _ directory: String
    ) async throws -> Double {
        let files = directory + "/slices"
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        var export = ""
        var script = "\\set ON_ERROR_STOP on\n"
        for slice in slices {
            let uids = "study_uid LIKE '\(Workload.root).\(slice).%'"
            script += "BEGIN;\n"
            for table in ["observation", "study"] {
                let columns = try await columns(of: table, pool)
                let shown = columns.map {
                    $0 == "study_uid" ? "replace(study_uid, '\(Workload.root)', '\(Workload.root)9')" : $0
                }
                let file = "\(files)/\(table)-\(slice)"
                export +=
                    "\\copy (SELECT \(shown.joined(separator: ", ")) FROM \(table) WHERE \(uids)) TO '\(file)' (FORMAT binary)\n"
                script += "\\copy \(table) (\(columns.joined(separator: ", "))) FROM '\(file)' (FORMAT binary)\n"
            }
            let change = "\(files)/change-\(slice)"
            export +=
                "\\copy (SELECT replace(study_uid, '\(Workload.root)', '\(Workload.root)9') FROM study WHERE \(uids)) TO '\(change)' (FORMAT binary)\n"
            script += "\\copy change (study_uid) FROM '\(change)' (FORMAT binary)\nCOMMIT;\n"
        }
        try psql(export, connectionString)
        let start = ContinuousClock.now
        try psql(script, connectionString)
        return Double(slices.count * size) / ((ContinuousClock.now - start) / .seconds(1))
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

    private func psql(_ script: String, _ connectionString: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
        process.arguments = ["--quiet", "--no-psqlrc", connectionString]
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        input.fileHandleForWriting.write(Data(script.utf8))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ValidationError("psql failed") }
    }
}

/// Slices of made-up observations: UIDs in no order of time, as archives hand them out, and days of their own.
private struct Workload: Sendable {
    static let root = "1.2.840.99999.7"

    let index: StudyIndex
    let source: Int32
    let size: Int

    /// Claims and merges slices as a sweep's worker does; returns observations per second. `changing`: one row in so many
    /// has another description than before.
    func merge(slices: Range<Int>, changing: Int? = nil) async throws -> Double {
        let new = slices.map { NewSlice(sourceID: source, level: .study, range: SliceRange(dates: day($0))) }
        let run = try await index.openRun(job: "bench", slices: new, resumeKey: nil)
        var spent = Duration.zero
        for slice in slices {
            let records = (0..<size).map {
                record(slice, $0, isChanged: $0 % (changing ?? .max) == 0 && changing != nil)
            }
            let start = ContinuousClock.now
            guard case .slice(let claimed) = try await index.claim(run: run.id, source: source, worker: "bench") else {
                throw IndexError(.corrupt, "a slice is missing")
            }
            let proof = SliceProof(
                rawRows: size, distinctUIDs: size, filteredOut: 0, finalStatus: 0, duration: .zero)
            _ = try await index.finish(claimed, outcome: .complete(proof), records: records)
            spent += ContinuousClock.now - start
        }
        try await index.closeRun(run.id)
        return Double(slices.count * size) / (spent / .seconds(1))
    }

    private func day(_ slice: Int) -> DateRange {
        DateRange(day: (DICOMDate("19950101") ?? .earliest).adding(days: slice))
    }

    private func record(_ slice: Int, _ row: Int, isChanged: Bool) -> StudyRecord {
        let number = slice * size + row
        let scattered = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        let date = day(slice).lower?.da ?? ""
        return StudyRecord(texts: [
            "\(Self.root).\(slice).\(scattered)", "ID\(scattered % 400_009)", "BENCH",
            "FAMILY\(scattered % 50_021)^GIVEN\(scattered % 997)^^", "19\(50 + number % 50)0\(1 + number % 9)15",
            number % 2 == 0 ? "F" : "M", date, "1\(number % 10)3\(number % 6)27", "ACC\(scattered % 9_000_011)",
            "\(number % 9_999)",
            isChanged ? "CHANGED DESCRIPTION" : "CT CHEST WITH CONTRAST", "REFERRER\(number % 977)^DOCTOR", "CT\\SR",
            "\(1 + number % 9)",
            "\(100 + number % 900)", "ONLINE", "BENCH", nil,
        ])
    }
}
