import DICOM
import Foundation
import Reconcile
import StudyIndex

/// Makes a report of the index and writes its files.
struct ReportFiles: Sendable {
    enum Format: String, Sendable { case html, csv, json }

    let index: StudyIndex
    let configuration: Configuration
    /// Of which changes are told.
    var hours = 24

    /// Writes all formats where `format` is nil; returns the files' paths.
    ///
    /// - Parameter keep: so many reports stay, each in a directory that is named by its time, and `latest` names the newest.
    ///   nil: `out` holds one, which is replaced.
    func write(to out: String, keep: Int?, format: Format?) async throws -> [String] {
        let report = try await report()
        let root = URL(fileURLWithPath: out, isDirectory: true)
        let directory =
            keep == nil ? root : root.appending(path: Self.name(report.generatedAt), directoryHint: .isDirectory)
        // Names and dates of patients are in these files.
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var files: [(name: String, bytes: [UInt8])] = []
        if format == nil || format == .html { files.append(("index.html", Array(try report.html().utf8))) }
        if format == nil || format == .csv { files += report.csvFiles() }
        if format == nil || format == .json {
            files += [("report.json", try report.json()), ("diff.json", report.diffJSON())]
        }
        var paths: [String] = []
        for file in files {
            let url = directory.appending(path: file.name)
            try Data(file.bytes).write(to: url, options: .atomic)
            paths.append(url.path)
        }
        if let keep { try Self.tidy(root, newest: directory.lastPathComponent, keep: keep) }
        return paths
    }

    // MARK: Past reports

    /// `2026-11-26 04:30 UTC` as `2026-11-26T0430`.
    private static func name(_ time: String) -> String {
        let parts = time.split(separator: " ").prefix(2)
        return parts.joined(separator: "T").replacing(":", with: "")
    }

    private static func isReport(_ name: String) -> Bool {
        name.utf8.count == 15 && name.wholeMatch(of: /\d{4}-\d\d-\d\dT\d{4}/) != nil
    }

    /// Removes the oldest, and nothing that is no report of ours.
    private static func tidy(_ root: URL, newest: String, keep: Int) throws {
        let files = FileManager.default
        let reports = try files.contentsOfDirectory(atPath: root.path).filter(isReport).sorted()
        for old in reports.dropLast(keep) where old != newest { try files.removeItem(at: root.appending(path: old)) }
        let link = root.appending(path: "latest").path
        if (try? files.destinationOfSymbolicLink(atPath: link)) != nil { try files.removeItem(atPath: link) }
        if !files.fileExists(atPath: link) { try files.createSymbolicLink(atPath: link, withDestinationPath: newest) }
    }

    // MARK: Reading

    private static func text(of watermark: StudyIndex.Watermark) -> String {
        guard let reconciled = watermark.reconciled else { return "never: run concord reconcile" }
        return watermark.unreconciled == 0
            ? reconciled : "\(reconciled); \(watermark.unreconciled) studies have changed since"
    }

    private static let days = 60
    private static let mostChanges = 100_000

    func report() async throws -> Report {
        let issuers = Dictionary(configuration.sources.map { ($0.name, $0.issuer) }) { first, _ in first }
        let watermark = try await index.watermark()
        let expectations = configuration.expects.map {
            Report.Expectation(from: $0.from, to: $0.to, since: $0.since.da)
        }
        return Report(
            generatedAt: watermark.time, watermark: Self.text(of: watermark),
            sources: try await index.sourceTotals().map { total in
                Report.Source(
                    name: total.source, issuer: issuers[total.source] ?? "", studies: total.studies,
                    unique: total.unique)
            },
            overlaps: try await index.overlaps().map { .init(first: $0.first, second: $0.second, studies: $0.studies) },
            duplicates: try await index.duplicates().map { .init(studyUID: $0.uid, sources: $0.sources) },
            findings: try await findings(), coverage: try await index.coverage(), expectations: expectations,
            patientPasses: try await index.patientPasses().map {
                .init(source: $0.source, at: $0.verifiedAt, undated: $0.undated)
            },
            trend: try await index.discrepancyTrend(days: Self.days).map { .init(day: $0.day.iso, open: $0.open) }
                .drop { $0.open.values.allSatisfy { $0 == 0 } }.map { $0 },
            changes: try await changes(), changesSince: "the last \(hours) hours",
            readiness: try await readiness(expectations))
    }

    private func findings() async throws -> [Report.Finding] {
        let stored = try await index.discrepancies()
        let decoder = JSONDecoder()
        var findings: [Report.Finding] = []
        findings.reserveCapacity(stored.count)
        // Many at once: a decoder costs more to begin than to go on.
        for start in stride(from: 0, to: stored.count, by: 1_000) {
            let part = stored[start..<min(stored.count, start + 1_000)]
            let text = "[" + part.map(\.frozen).joined(separator: ",") + "]"
            for (row, discrepancy) in zip(part, try decoder.decode([Discrepancy].self, from: Data(text.utf8))) {
                findings.append(
                    Report.Finding(
                        discrepancy, state: row.state, firstSeen: row.firstSeen, number: row.id,
                        acknowledgement: row.acknowledgement))
            }
        }
        return findings
    }

    private func changes() async throws -> [Report.Change] {
        try await index.discrepancyChanges(hours: hours, limit: Self.mostChanges).compactMap { change in
            DiscrepancyClass(rawValue: change.discrepancyClass).map {
                Report.Change(
                    at: change.at, event: change.event, discrepancyClass: $0, severity: change.severity,
                    studyUID: change.studyUID, otherUID: change.otherUID, sources: change.sources, number: change.id,
                    actor: change.actor, note: change.note)
            }
        }
    }

    private func readiness(_ expectations: [Report.Expectation]) async throws -> [Report.Readiness] {
        let ids = try await index.sourceIDs()
        var readiness: [Report.Readiness] = []
        for (expected, configured) in zip(expectations, configuration.expects) {
            guard let from = ids[expected.from], let to = ids[expected.to] else { continue }
            let groups = try await index.readiness(from: from, to: to, since: configured.since)
            readiness.append(
                Report.Readiness(
                    expectation: expected,
                    groups: groups.map {
                        .init(outcome: $0.outcome, reason: $0.reason, count: $0.count, studies: $0.studies)
                    }))
        }
        return readiness
    }
}
