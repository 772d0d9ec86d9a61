import ArgumentParser
import DICOM
import Foundation
import Reconcile
import StudyIndex

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write duplicates, discrepancies and coverage as HTML, CSV and JSON.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only html, csv or json (default: all).") var format: Format?
    @Option(help: "The directory to write to.") var out: String

    enum Format: String, ExpressibleByArgument { case html, csv, json }

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration) { open in
            try await Self.write(open.index, configuration, to: out, format: format)
        }
    }

    /// Writes the report's files and prints their paths; all formats where `format` is nil.
    static func write(
        _ index: StudyIndex, _ configuration: Configuration, to out: String, format: Format?
    ) async throws {
        let report = try await Self.report(index, configuration)
        let directory = URL(fileURLWithPath: out, isDirectory: true)
        // Names and dates of patients are in these files.
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var files: [(name: String, bytes: [UInt8])] = []
        if format == nil || format == .html { files.append(("index.html", Array(try report.html().utf8))) }
        if format == nil || format == .csv { files += report.csvFiles() }
        if format == nil || format == .json { files.append(("report.json", try report.json())) }
        for file in files {
            let url = directory.appending(path: file.name)
            try Data(file.bytes).write(to: url, options: .atomic)
            print(url.path)
        }
    }

    private static func report(_ index: StudyIndex, _ configuration: Configuration) async throws -> Report {
        let decoder = JSONDecoder()
        let issuers = Dictionary(configuration.sources.map { ($0.name, $0.issuer) }) { first, _ in first }
        let watermark = try await index.watermark()
        return Report(
            generatedAt: watermark.time, watermark: "change \(watermark.change)",
            sources: try await index.sourceTotals().map { total in
                Report.Source(
                    name: total.source, issuer: issuers[total.source] ?? "", studies: total.studies,
                    unique: total.unique)
            },
            overlaps: try await index.overlaps().map { .init(first: $0.first, second: $0.second, studies: $0.studies) },
            duplicates: try await index.duplicates().map { .init(studyUID: $0.uid, sources: $0.sources) },
            findings: try await index.discrepancies().map { stored in
                Report.Finding(
                    try decoder.decode(Discrepancy.self, from: Data(stored.frozen.utf8)), state: stored.state,
                    firstSeen: stored.firstSeen)
            },
            coverage: try await index.coverage(),
            expectations: configuration.expects.map { .init(from: $0.from, to: $0.to, since: $0.since.da) },
            patientPasses: try await index.patientPasses().map {
                .init(source: $0.source, at: $0.verifiedAt, undated: $0.undated)
            })
    }
}
