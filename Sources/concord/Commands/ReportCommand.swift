import ArgumentParser
import DICOM
import Foundation
import Reconcile
import StudyIndex

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write duplicates, discrepancies and coverage as HTML, CSV and JSON.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only html, csv or json (default: all).") var format: ReportFiles.Format?
    @Option(help: "The directory to write to.") var out: String
    @Option(help: "Keep so many reports, each in a directory of its own that is named by its time (default: one).")
    var keep: Int?
    @Option(help: "Also what has changed in so many hours.") var since = 24

    func validate() throws {
        if let keep, !(1...10_000).contains(keep) { throw ValidationError("--keep takes 1 to 10000") }
        if !(1...87_600).contains(since) { throw ValidationError("--since takes 1 to 87600 hours") }
    }

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration) { open in
            let files = ReportFiles(index: open.index, configuration: configuration, hours: since)
            for path in try await files.write(to: out, keep: keep, format: format) { print(path) }
        }
    }
}

extension ReportFiles.Format: ExpressibleByArgument {}
