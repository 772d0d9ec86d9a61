import DICOM
import Foundation
import Reconcile
import StudyIndex

/// Makes a report of the index and writes its files.
struct ReportFiles: Sendable {
    enum Format: String, Sendable { case html, csv, json }

    private struct RenderedFile {
        let name: String
        let bytes: [UInt8]
    }

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
        var renderings: [@Sendable () throws -> [RenderedFile]] = []
        if format == nil || format == .html {
            renderings.append { [RenderedFile(name: "index.html", bytes: Array(try report.html().utf8))] }
        }
        if format == nil || format == .csv { renderings.append { report.csvFiles().map(RenderedFile.init) } }
        if format == nil || format == .json {
            renderings.append { [RenderedFile(name: "report.json", bytes: try report.json())] }
            renderings.append { [RenderedFile(name: "diff.json", bytes: report.diffJSON())] }
        }
        let paths = try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
            for (place, render) in renderings.enumerated() {
                group.addTask {
                    let paths = try render().map { file in
                        let url = directory.appending(path: file.name)
                        try Data(file.bytes).write(to: url, options: .atomic)
                        return url.path
                    }
                    return (place, paths)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.flatMap(\.1)
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
        // Together: reading one is waiting for the server, and what is read is decoded meanwhile.
        async let findings = findings()
        async let totals = index.sourceTotals()
        async let shared = index.duplicates()
        let expectations = configuration.expects.map {
            Report.Expectation(from: $0.from, to: $0.to, since: $0.since.da)
        }
        let duplicates = try await shared.map { Report.Duplicate(studyUID: $0.uid, sources: $0.sources) }
        let overlaps = Overlaps(duplicates)
        return Report(
            generatedAt: watermark.time, watermark: Self.text(of: watermark),
            sources: try await totals.map { total in
                Report.Source(
                    name: total.source, issuer: issuers[total.source] ?? "", studies: total.studies,
                    unique: total.studies - (overlaps.shared[total.source] ?? 0))
            },
            overlaps: overlaps.pairs, duplicates: duplicates,
            findings: try await findings, coverage: try await index.coverage(), expectations: expectations,
            patientPasses: try await index.patientPasses().map {
                .init(source: $0.source, at: $0.verifiedAt, undated: $0.undated)
            },
            trend: try await index.discrepancyTrend(days: Self.days).map { .init(day: $0.day.iso, open: $0.open) }
                .drop { $0.open.values.allSatisfy { $0 == 0 } }.map { $0 },
            changes: try await changes(), changesSince: "the last \(hours) hours",
            readiness: try await readiness(expectations))
    }

    /// What sources have in common.
    private struct Overlaps {
        /// Studies of each source that another one shows too.
        var shared: [String: Int] = [:]
        var pairs: [Report.Overlap] = []

        init(_ duplicates: [Report.Duplicate]) {
            // Millions of studies are at few combinations of sources.
            let combinations = Dictionary(duplicates.lazy.map { ($0.sources, 1) }, uniquingKeysWith: +)
            var counts: [[String]: Int] = [:]
            for (sources, studies) in combinations {
                for (position, source) in sources.enumerated() {
                    shared[source, default: 0] += studies
                    for other in sources[(position + 1)...] { counts[[source, other], default: 0] += studies }
                }
            }
            pairs = counts.map { Report.Overlap(first: $0.key[0], second: $0.key[1], studies: $0.value) }
                .sorted { ($0.first, $0.second) < ($1.first, $1.second) }
        }
    }

    private func findings() async throws -> [Report.Finding] {
        let stored = try await index.discrepancies()
        let parts = try await withThrowingTaskGroup(of: (Int, [Report.Finding]).self) { group in
            for start in stride(from: 0, to: stored.count, by: Self.decodedTogether) {
                let part = stored[start..<min(stored.count, start + Self.decodedTogether)]
                group.addTask { (start, try Self.findings(part)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        return parts.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }

    /// A decoder costs more to begin than to go on.
    private static let decodedTogether = 1_000

    private static func findings(_ stored: ArraySlice<StoredDiscrepancy>) throws -> [Report.Finding] {
        let text = "[" + stored.map(\.frozen).joined(separator: ",") + "]"
        let discrepancies = try JSONDecoder().decode([Discrepancy].self, from: Data(text.utf8))
        return zip(stored, discrepancies).map { row, discrepancy in
            Report.Finding(
                discrepancy, state: row.state, firstSeen: row.firstSeen, number: row.id,
                acknowledgement: row.acknowledgement)
        }
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
