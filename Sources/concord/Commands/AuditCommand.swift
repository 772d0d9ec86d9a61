import ArgumentParser
import DICOM
import DIMSE
import Foundation
import QueryServer
import StudyIndex

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The trail of what was asked, by whom.",
        subcommands: [Verify.self, Export.self, Collect.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract:
                "Check that nothing of the trail was changed, taken out or put in: in the database and still on disk.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let configuration = try global.configuration()
            let report = try await OpenIndex.with(configuration) { open in
                try await AuditVerification.run(
                    directory: configuration.dataDirectory + "/audit", index: open.index)
            }
            print("\(report.records) records in \(report.chains) chains.")
            for tail in report.tornTails {
                print("\(tail): its process was killed; what it was writing was not answered.")
            }
            for fault in report.faults { Terminal.complain(fault) }
            if !report.faults.isEmpty { throw ExitCode(1) }
        }
    }

    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "collect",
            abstract: "Bring an edge site's trail to the database, from a copy of its data_dir/audit.",
            discussion: """
                What has arrived is removed from the copy. It may be copied and collected again at any time, also while the \
                site goes on: nothing is entered twice. Exit 1 where something is left, because it was changed or the \
                database has failed.
                """)
        @OptionGroup var global: GlobalOptions
        @Argument(help: "The copy's directory.") var directory: String

        func run() async throws {
            let configuration = try global.configuration()
            let logger = global.logger("concord.audit")
            try await OpenIndex.with(configuration) { open in
                try await OpenAudit.with(configuration, open.index, logger) { spool in
                    await AuditForwarder(directory: directory, index: open.index, spool: spool, logger: logger)
                        .forward()
                }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".audit") }
            guard left.isEmpty else {
                Terminal.complain("not collected: \(left.sorted().joined(separator: ", "))")
                throw ExitCode(1)
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write the trail as DICOM audit messages (PS3.15 §A.5), one XML document a line.")
        @OptionGroup var global: GlobalOptions
        @Option(help: "First day, YYYYMMDD, UTC.") var from: String?
        @Option(help: "Last day, YYYYMMDD, UTC.") var to: String?

        func run() async throws {
            let day: Int64 = 86_400_000_000
            let first = try Self.day(from, "--from").map { $0 * day } ?? 0
            let last = try Self.day(to, "--to").map { ($0 + 1) * day } ?? Int64(DICOMDate.latest.daysSince1970) * day
            guard first < last else { throw ValidationError("--from is after --to") }
            let configuration = try global.configuration()
            let source = configuration.aeTitle.value
            try await OpenIndex.with(configuration) { open in
                try await open.index.eachAuditRecord(within: first..<last) { line in
                    guard let message = AuditMessage(record: line, source: source) else {
                        Terminal.complain("a record cannot be read; `concord audit verify` says more")
                        return
                    }
                    Terminal.write(message.xml + "\n")
                }
            }
        }

        private static func day(_ text: String?, _ option: String) throws -> Int64? {
            guard let text else { return nil }
            guard let date = DICOMDate(text) else { throw ValidationError("\(option): '\(text)' is no date") }
            return Int64(date.daysSince1970)
        }
    }
}
