import ArgumentParser
import DICOM
import Foundation
import PACSSimulator
import PostgresClient
import Reconcile
import StudyIndex

/// Whether the rules find exactly what the simulator has injected, and what it costs to find it in a large index.
struct BenchReconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Precision and recall against the simulator's truth, and the speed of reconciling and reporting.")

    @Option(help: "Studies of each simulated enterprise.") var studies = 100_000
    @Option(help: "Enterprises, of the seeds from 1 on.") var seeds = 5
    @Option(help: "Copies in the index whose speed is measured.") var copies = 1_000_000
    @Option(help: "Studies of which something changes in a night.") var changed = 2_000

    func run() async throws {
        if seeds > 0 { try accuracy() }
        guard copies > 0 else { return }
        try await EmbeddedCluster.temporary(connections: 4, settings: ServerUsage.settings) { pool, _, directory in
            try await speed(pool, directory)
        }
    }

    // MARK: Accuracy

    private struct Score {
        var injected = 0
        var found = 0
        var both = 0
    }

    private func accuracy() throws {
        var scores: [String: Score] = [:]
        var nearMisses: (made: Int, reported: Int) = (0, 0)
        for seed in 1...seeds {
            Terminal.complain("seed \(seed): \(studies) studies …")
            let truth = Enterprise(seed: UInt64(seed), studies: studies, blankDates: true).truth
            let injected = Set(
                truth.discrepanciesWithUndated.filter { $0.discrepancyClass != "missing-copy" }.map { Row($0) })
            let found = Set(Self.found(in: truth).map { Row($0) })
            for row in injected { scores[row.name, default: Score()].injected += 1 }
            for row in found { scores[row.name, default: Score()].found += 1 }
            for row in injected.intersection(found) { scores[row.name]?.both += 1 }
            for row in injected.symmetricDifference(found).sorted(by: { $0.uid < $1.uid }).prefix(20) {
                let side = injected.contains(row) ? "not found" : "not injected"
                Terminal.complain("\(side): \(row.name) \(row.uid) \(row.sources.joined(separator: " "))")
                for copy in truth.studies.first(where: { $0.studyUID == row.uid })?.copies ?? [] {
                    Terminal.complain("  \(copy.source): \(copy.attributes.sorted { $0.key < $1.key })")
                }
            }
            let wrong = Set(found.subtracting(injected).flatMap { [$0.uid, $0.otherUID ?? $0.uid] })
            nearMisses.made += truth.nearMisses.count
            nearMisses.reported += truth.nearMisses.count { wrong.contains($0.studyUID) }
        }
        let rows = scores.sorted { $0.key < $1.key }.map { name, score in
            [
                name, "\(score.injected)", "\(score.found)",
                String(format: "%.4f", Double(score.both) / Double(max(1, score.found))),
                String(format: "%.4f", Double(score.both) / Double(max(1, score.injected))),
            ]
        }
        Terminal.write(
            TextTable(header: ["class and severity", "injected", "found", "precision", "recall"], rows: rows).rendered()
        )
        Terminal.write("near misses: \(nearMisses.made), of which reported: \(nearMisses.reported)\n")
        guard scores.values.allSatisfy({ $0.injected == $0.found && $0.found == $0.both }) else { throw ExitCode(1) }
    }

    /// What identifies a finding.
    private struct Row: Hashable {
        let name: String
        let uid: String
        let otherUID: String?
        let sources: [String]

        init(_ row: PACSSimulator.Truth.Discrepancy) {
            name = "\(row.discrepancyClass) \(row.severity)"
            (uid, otherUID, sources) = (row.studyUID, row.otherUID, row.sources)
        }

        init(_ row: Discrepancy) {
            name = "\(row.discrepancyClass.rawValue) \(row.severity.rawValue)"
            (uid, otherUID, sources) = (row.studyUID, row.otherUID, row.sources)
        }
    }

    private static func found(in truth: PACSSimulator.Truth) -> [Discrepancy] {
        let issuers = Dictionary(truth.sources.map { ($0.name, $0.issuer) }) { first, _ in first }
        let studies = truth.studies.map { study in
            study.copies.map { Copy(source: $0.source, issuer: issuers[$0.source] ?? "", record: $0.record) }
        }
        var reconciler = Reconciler()
        reconciler.today = DICOMDate(year: 2026, month: 7, day: 1) ?? .latest
        let all = studies.flatMap { $0 }
        return studies.flatMap(reconciler.discrepancies) + reconciler.probableCopies(among: all)
            + reconciler.reusedAccessions(among: all)
    }

    // MARK: Speed

    private func speed(_ pool: PostgresPool, _ directory: String) async throws {
        let index = StudyIndex(pool: pool)
        try await index.migrate()
        let enterprise = Enterprise(seed: 1, studies: 20_000)
        let yaml = ConcordConfiguration(
            enterprise: enterprise, ports: Array(11_112..<11_120), dataDirectory: directory
        ).yaml
        let configuration = try Configuration.parse(yaml, file: directory + "/concord.yaml")
        let ids = try await index.register(configuration.sources.map(\.definition))
        let records = enterprise.truth.studies.flatMap { study in
            study.copies.map { (source: ids[$0.source] ?? 0, record: $0.record) }
        }
        let filling = ContinuousClock.now
        let replicas = (copies + records.count - 1) / records.count
        for replica in 0..<replicas { try await keep(records, replica, index) }
        Terminal.complain("\(replicas * records.count) copies merged in \(ContinuousClock.now - filling)")
        try await pool.settle()

        let reconciliation = Reconciliation(index: index, configuration: configuration, ids: ids)
        var lines: [[String]] = []
        func measure(_ name: String, _ body: () async throws -> String) async throws {
            let (server, own, start) = (try await ServerUsage.now(pool), Self.ownSeconds, ContinuousClock.now)
            let result = try await body()
            let wall = (ContinuousClock.now - start) / .seconds(1)
            let used = try await ServerUsage.now(pool) - server
            lines.append([
                name, result, String(format: "%.2f", wall), String(format: "%.2f", Self.ownSeconds - own),
                String(format: "%.2f", used.cpu),
            ])
        }
        try await measure("everything, \(replicas * records.count) copies") {
            let outcome = try await reconciliation.run()
            return "\(outcome.found.values.reduce(0, +)) found"
        }
        try await pool.settle()
        var random = SplitMix64(seed: 7)
        var order = Array(records.indices)
        order.shuffle(using: &random)
        let touched = order.prefix(changed).map { position in
            var (source, record) = records[position]
            record[.studyDescription] = "CHANGED TONIGHT"
            return (source, record)
        }
        try await keep(touched, 0, index)
        try await measure("a night's \(touched.count) changes") {
            let outcome = try await reconciliation.run()
            return "\(outcome.studies) studies"
        }
        try await measure("nothing has changed") { "\(try await reconciliation.run().studies) studies" }
        try await measure("report, all formats") {
            let files = ReportFiles(index: index, configuration: configuration)
            let paths = try await files.write(to: directory + "/report", keep: nil, format: nil)
            let page = try FileManager.default.attributesOfItem(atPath: paths[0])[.size] as? Int ?? 0
            let rows = try await pool.withConnection {
                try $0.query("SELECT count(*) FROM discrepancy WHERE state <> 'resolved'")[0].int(0)
            }
            return "\(rows ?? 0) findings, page \(page / 1024) KB"
        }
        Terminal.write(
            TextTable(header: ["", "", "wall s", "own CPU s", "server CPU s"], rows: lines).rendered())
    }

    /// The same enterprise once more, under UIDs, patient IDs and accession numbers of its own.
    private func keep(_ records: [(source: Int32, record: StudyRecord)], _ replica: Int, _ index: StudyIndex)
        async throws
    {
        for (source, copies) in Dictionary(grouping: records, by: \.source).sorted(by: { $0.key < $1.key }) {
            let own = copies.map { copy in
                var record = copy.record
                record[.studyInstanceUID] = record.studyInstanceUID + ".\(replica)"
                for tag in [Tag.patientID, .accessionNumber] {
                    if let text = record[tag], !text.isEmpty { record[tag] = text + "-\(replica)" }
                }
                return record
            }
            for start in stride(from: 0, to: own.count, by: 5_000) {
                try await index.keep(Array(own[start..<min(own.count, start + 5_000)]), of: source)
            }
        }
    }

    private static var ownSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(microseconds) / 1_000_000
    }
}

extension PACSSimulator.Truth.Copy {
    fileprivate var record: StudyRecord {
        var record = StudyRecord()
        for (keyword, text) in attributes {
            if let tag = AttributeDictionary.attribute(keyword: keyword)?.tag { record[tag] = text }
        }
        return record
    }
}
