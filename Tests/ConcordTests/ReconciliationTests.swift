import DICOM
import Foundation
import PACSSimulator
import PostgresClient
import Reconcile
import StudyIndex
import TestCluster
import Testing

import struct DICOM.Tag

@testable import concord

/// Reconciliation against an index: what is found, whatever came first, and what becomes of it.
struct ReconciliationTests {
    @Test(arguments: [1, 2] as [UInt64])
    func changesInAnyOrderEndInWhatALookAtEverythingFinds(seed: UInt64) async throws {
        let truth = Enterprise(seed: seed, studies: 900, blankDates: true).truth
        let copies = truth.studies.flatMap { study in
            study.copies.map { (source: $0.source, record: StudyRecord($0.attributes)) }
        }
        let whole = try await ReconciledIndex.with { test in
            try await test.keep(copies)
            try await test.reconcile(everything: true)
            return try await test.findings()
        }
        let classes = Set(whole.map { String($0.split(separator: " ")[0]) })
        #expect(classes.isSuperset(of: ["different-patients", "probable-copy", "accession-reused", "subset-copy"]))
        let expected = Set(
            truth.discrepanciesWithUndated.filter { $0.discrepancyClass != "missing-copy" }.map {
                "\($0.discrepancyClass) \($0.severity) \($0.studyUID) \($0.otherUID ?? "-") \($0.sources.joined(separator: ","))"
            })
        #expect(Set(whole.map { $0.split(separator: "\n")[0] }.map(String.init)) == expected)

        var random = SplitMix64(seed: seed)
        var shuffled = copies
        shuffled.shuffle(using: &random)
        try await ReconciledIndex.with { test in
            for part in stride(from: 0, to: shuffled.count, by: 331) {
                let arrived = Array(shuffled[part..<min(shuffled.count, part + 331)])
                try await test.keep(arrived)
                try await test.reconcile()
                // Twice is as once.
                try await test.keep(arrived)
                try await test.reconcile()
            }
            #expect(try await test.findings() == whole)
        }
    }

    /// Values come and go, at whichever source: what is left is what a look at everything finds.
    @Test(arguments: [3, 4] as [UInt64])
    func whatChangesBackAndForthLeavesNothingBehind(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        func pick(_ texts: [String]) -> String { texts[Int.random(in: 0..<texts.count, using: &random)] }
        try await ReconciledIndex.with { test in
            for _ in 0..<25 {
                for _ in 0..<4 {
                    let record = StudyRecord([
                        "StudyInstanceUID": pick(["1.1", "1.2", "1.3", "1.4"]), "PatientID": pick(["1", "2", "1$$$1"]),
                        "PatientName": pick(["ADLER^EVA", "ZORN^EVA", "Müller^Ute", "M?ller^Ute"]),
                        "PatientBirthDate": pick(["19700101", "19800202", ""]),
                        "AccessionNumber": pick(["MC1", "MC2", ""]),
                        "StudyDate": pick(["20200101", "20200102", "19000101", ""]),
                        "ModalitiesInStudy": pick(["CT", "MR"]),
                    ])
                    try await test.keep([(pick(["pacs-a", "pacs-b", "pacs-d"]), record)])
                }
                try await test.reconcile()
                let followed = try await test.findings()
                try await test.reconcile(everything: true)
                #expect(try await test.findings() == followed)
            }
        }
    }

    @Test func aDiscrepancyIsAcknowledgedResolvedAndFoundAgain() async throws {
        try await ReconciledIndex.with { test in
            func say(_ accession: String) async throws {
                try await test.keep([
                    ("pacs-b", StudyRecord(["StudyInstanceUID": "1.1", "AccessionNumber": accession]))
                ])
                try await test.reconcile()
            }
            try await test.keep([("pacs-a", StudyRecord(["StudyInstanceUID": "1.1", "AccessionNumber": "MC1"]))])
            try await say("mc1")
            let first = try #require(try await test.index.discrepancies().first)
            #expect(first.severity == "cosmetic" && first.state == "open")
            let id = try #require(first.id)
            #expect(try await test.index.acknowledge([id, 999], by: "eva", note: "known") == [id])
            try await test.reconcile(everything: true)
            #expect(try await test.index.discrepancies().first?.state == "acknowledged")
            #expect(try await test.index.discrepancies().first?.acknowledgement == "eva: known")
            // Worse than what was acknowledged; the values stay those of the first sight.
            try await say("MC2")
            let worse = try #require(try await test.index.discrepancies().first)
            #expect(worse.severity == "major" && worse.state == "open" && worse.frozen == first.frozen)
            try await say("MC1")
            #expect(try await test.index.discrepancies().isEmpty)
            try await say("MC3")
            let again = try #require(try await test.index.discrepancies().first)
            #expect(again.id == id && again.state == "open" && again.frozen.contains("MC3"))
            #expect(try await test.events() == ["found", "acknowledged", "worsened", "resolved", "reopened"])
        }
    }

    @Test func aMergeThatOneSourceHasMissedIsTold() async throws {
        try await ReconciledIndex.with { test in
            func patient(_ id: String) -> StudyRecord {
                StudyRecord(["StudyInstanceUID": "1.1", "PatientID": id, "PatientName": "ADLER^EVA"])
            }
            try await test.keep([("pacs-a", patient("1")), ("pacs-b", patient("1"))])
            try await test.reconcile()
            #expect(try await test.index.discrepancies().isEmpty)
            try await test.keep([("pacs-a", patient("77"))])
            try await test.reconcile()
            #expect(try await test.index.discrepancies().map(\.discrepancyClass) == ["stale-demographics"])
            let history = try await test.index.history(of: "1.1", within: .unrestricted)
            #expect(history.map(\.kind) == [.appeared, .appeared, .changed])
            #expect(history.last?.source == "pacs-a")
            #expect(history.last?.changes == ["PatientID": StudyEvent.Change(before: "1", after: "77")])
        }
    }

    @Test func aMissingCopyNeedsAnExpectationAProofAndAConfirmation() async throws {
        try await ReconciledIndex.with { test in
            let study = StudyRecord(["StudyInstanceUID": "1.1", "StudyDate": "20260105"])
            let old = StudyRecord(["StudyInstanceUID": "1.2", "StudyDate": "20240105"])
            try await test.keep([("pacs-a", study), ("pacs-b", study), ("pacs-a", old)])
            func readiness() async throws -> [String] {
                let since = try #require(DICOMDate("20250101"))
                return try await test.index.readiness(
                    from: test.ids["pacs-a"] ?? 0, to: test.ids["pacs-d"] ?? 0, since: since
                )
                .map { "\($0.outcome) \($0.reason) \($0.count)" }
            }
            #expect(try await readiness() == ["unreachable DAY-NOT-ASKED 1"])
            let insertion = """
                INSERT INTO absence (study_uid, source_id, confirmed_at)
                SELECT uid, id, ledger_now() FROM source, unnest(ARRAY['1.1', '1.2']) AS uid WHERE name IN ('pacs-d', 'pacs-f')
                """
            try await test.sql(insertion)
            try await test.reconcile()
            #expect(try await test.index.discrepancies().isEmpty)
            try await test.cover("pacs-d", "hole")
            try await test.reconcile()
            #expect(try await test.index.discrepancies().isEmpty)
            #expect(try await readiness() == ["unreachable DAY-IS-HOLE 1"])
            try await test.sql("UPDATE coverage SET state = 'proven'")
            try await test.reconcile()
            let found = try await test.index.discrepancies()
            #expect(
                found.map { "\($0.discrepancyClass) \($0.studyUID) \($0.sources)" } == [#"missing-copy 1.1 ["pacs-d"]"#]
            )
            #expect(try await readiness() == ["missing CONFIRMED-BY-UID 1"])
            try await test.keep([("pacs-d", study)])
            try await test.reconcile()
            #expect(try await test.index.discrepancies().isEmpty)
            #expect(try await readiness() == ["matched  1"])
        }
    }

    @Test func reportsAreKeptSoManyAndNothingElseIsRemoved() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-reports-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let old = ["2020-01-01T0600", "2020-01-02T0600", "notes", "2020-01-03T06000"]
        for name in old {
            try FileManager.default.createDirectory(atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        try await ReconciledIndex.with { test in
            try await test.keep([
                ("pacs-a", StudyRecord(["StudyInstanceUID": "1.1", "AccessionNumber": "1A"])),
                ("pacs-b", StudyRecord(["StudyInstanceUID": "1.1", "AccessionNumber": "2A"])),
            ])
            try await test.reconcile()
            let files = ReportFiles(index: test.index, configuration: test.configuration)
            let report = try await files.report()
            #expect(report.findings.map(\.discrepancy.discrepancyClass) == [.accession])
            #expect(report.changes.map(\.event) == ["found"])
            #expect(report.trend.map { $0.open["major"] } == [1])
            let paths = try await files.write(to: directory, keep: 2, format: nil)
            #expect(paths.contains { $0.hasSuffix("/index.html") } && paths.contains { $0.hasSuffix("/diff.json") })
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        #expect(left.count == 5 && left.contains("2020-01-02T0600") && !left.contains("2020-01-01T0600"))
        #expect(Set(left).isSuperset(of: ["notes", "latest", "2020-01-03T06000"]))
        #expect(FileManager.default.fileExists(atPath: directory + "/latest/index.html"))
    }

    @Test func numbersThatHaveJustChangedAreHeldBackAndTheirStudyIsLookedAtAgain() async throws {
        try await ReconciledIndex.with { test in
            func counted(_ images: String) -> StudyRecord {
                StudyRecord(["StudyInstanceUID": "1.1", "NumberOfStudyRelatedInstances": images])
            }
            try await test.keep([("pacs-a", counted("10")), ("pacs-b", counted("10"))])
            try await test.keep([("pacs-a", counted("12"))])
            try await test.reconcile()
            #expect(try await test.index.discrepancies().isEmpty)
            #expect(try await test.count("SELECT count(*) FROM reconciliation_due") == 1)
            try await test.sql("UPDATE observation SET counted_at = counted_at - interval '25 hours'")
            try await test.sql("UPDATE reconciliation_due SET due = due - interval '25 hours'")
            try await test.reconcile()
            #expect(try await test.index.discrepancies().map(\.discrepancyClass) == ["instance-count-mismatch"])
            #expect(try await test.count("SELECT count(*) FROM reconciliation_due") == 0)
            // While they change again, what is known stays known.
            try await test.keep([("pacs-a", counted("13"))])
            try await test.reconcile()
            #expect(try await test.index.discrepancies().count == 1)
        }
    }
}

/// An index of its own with the simulator's sources.
private struct ReconciledIndex {
    let index: StudyIndex
    let pool: PostgresPool
    let configuration: Configuration
    let ids: [String: Int32]

    static func with<Result: Sendable>(_ body: (ReconciledIndex) async throws -> Result) async throws -> Result {
        let pool = PostgresPool(connectionString: try await TestCluster.shared.database(), size: 2)
        let index = StudyIndex(pool: pool)
        let yaml = ConcordConfiguration(
            enterprise: Enterprise(seed: 1, studies: 0), ports: Array(11_112..<11_120), dataDirectory: "/tmp/unused"
        ).yaml
        do {
            try await index.migrate()
            let configuration = try Configuration.parse(yaml, file: "/tmp/concord.yaml")
            let ids = try await index.register(configuration.sources.map(\.definition))
            let result = try await body(
                ReconciledIndex(index: index, pool: pool, configuration: configuration, ids: ids))
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }

    func keep(_ copies: [(source: String, record: StudyRecord)]) async throws {
        for (source, copies) in Dictionary(grouping: copies, by: \.source).sorted(by: { $0.key < $1.key }) {
            try await index.keep(copies.map(\.record), of: ids[source] ?? 0)
        }
    }

    func reconcile(everything: Bool = false) async throws {
        try await Reconciliation(index: index, configuration: configuration, ids: ids).run(everything: everything)
    }

    /// What is known now, without when it was seen.
    func findings() async throws -> [String] {
        let rows = try await pool.withConnection {
            try $0.query("SELECT coalesce(current, frozen)::text FROM discrepancy WHERE state <> 'resolved'")
        }
        return try rows.compactMap { $0.string(0) }.map { text in
            let row = try JSONDecoder().decode(Discrepancy.self, from: Data(text.utf8))
            let values = row.values.map { "\($0.source) \($0.studyUID) \($0.attributes.sorted { $0.key < $1.key })" }
            let suggestion = row.suggestion.map { "\($0.values.sorted { $0.key < $1.key }) \($0.reason)" } ?? ""
            let head = [
                row.discrepancyClass.rawValue, row.severity.rawValue, row.studyUID, row.otherUID ?? "-",
                row.sources.joined(separator: ","),
            ].joined(separator: " ")
            return ([head, row.explanation, suggestion] + values).joined(separator: "\n")
        }.sorted()
    }

    /// All days of a source are in one state.
    func cover(_ source: String, _ state: String) async throws {
        try await sql("INSERT INTO job_run (job, started) VALUES ('test', ledger_now())")
        try await sql(
            """
            INSERT INTO coverage (source_id, level, days, state, verified_at, run_id)
            SELECT \(ids[source] ?? 0), 'STUDY', daterange(NULL, NULL), '\(state)', ledger_now(), max(id) FROM job_run
            """)
    }

    func events() async throws -> [String] {
        try await pool.withConnection {
            try $0.query("SELECT event FROM discrepancy_event ORDER BY id").compactMap { $0.string(0) }
        }
    }

    @discardableResult
    func sql(_ sql: String) async throws -> PostgresResult { try await pool.withConnection { try $0.query(sql) } }

    func count(_ text: String) async throws -> Int { try await sql(text).first?.int(0) ?? -1 }
}

extension StudyRecord {
    fileprivate init(_ attributes: [String: String]) {
        self.init()
        for (keyword, text) in attributes {
            if let tag = AttributeDictionary.attribute(keyword: keyword)?.tag { self[tag] = text }
        }
    }
}
