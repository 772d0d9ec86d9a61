import ArgumentParser
import DICOM
import Foundation
import Reconcile
import StudyIndex

struct CoverageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage", abstract: "What is proven of each source, by month, and every hole with its reason.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text, json or csv.") var format = Format.text

    enum Format: String, ExpressibleByArgument { case text, json, csv }

    /// What no sweep by date can prove, said under every coverage.
    static func caveat(_ index: StudyIndex) async throws -> String {
        let passed = try await index.patientPasses()
        let missing = try await index.sourceTotals().map(\.source).filter { source in
            !passed.contains { $0.source == source }
        }
        guard missing.isEmpty else {
            let place = passed.isEmpty ? "" : " at \(missing.joined(separator: ", "))"
            return
                "Studies with blank or malformed dates are out of a date sweep's reach; the patient pass has not been "
                + "made\(place)."
        }
        let undated = passed.reduce(0) { $0 + $1.undated }
        return "Studies with blank or malformed dates: \(undated) found by the patient pass of "
            + "\(passed.map(\.verifiedAt).min() ?? "")."
    }

    func run() async throws {
        try await OpenIndex.with(try global.configuration()) { open in
            let coverage = try await open.index.coverage()
            let completeness = try await open.index.completeness()
            let caveat = try await Self.caveat(open.index)
            switch format {
            case .text:
                let map = CoverageMap(
                    coverage: coverage, completeness: completeness, isColoured: Terminal.isColoured)
                Terminal.write(map.rendered() + "\n" + caveat + "\n")
            case .csv: Terminal.write(Self.csv(coverage))
            case .json: Terminal.write(try Self.json(coverage, completeness, caveat))
            }
        }
    }

    private static func csv(_ coverage: Coverage) -> String {
        let lines = coverage.spans.map { span in
            [span.source, span.state.rawValue, span.from?.iso ?? "", span.to?.iso ?? "", span.at, span.reason]
                .map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
        }
        return (["source,state,from,to,verified_at,reason"] + lines).joined(separator: "\r\n") + "\r\n"
    }

    private struct Span: Encodable {
        var source: String
        var state: String
        var from: String?
        var to: String?
        var verifiedAt: String
        var reason: String
    }

    private struct Year: Encodable {
        var source: String
        var year: Int
        var studiesByPatient: Int
        var notByDate: Int
        var percent: Double
    }

    private struct Document: Encodable {
        var spans: [Span]
        var completeness: [Year]
        var notProven: String
    }

    private static func json(
        _ coverage: Coverage, _ completeness: [StudyIndex.Completeness], _ caveat: String
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let spans = coverage.spans.map { span in
            Span(
                source: span.source, state: span.state.rawValue, from: span.from?.iso, to: span.to?.iso,
                verifiedAt: span.at, reason: span.reason)
        }
        let years = completeness.map {
            Year(
                source: $0.source, year: $0.year, studiesByPatient: $0.studies, notByDate: $0.beyondDates,
                percent: $0.percent)
        }
        let document = Document(spans: spans, completeness: years, notProven: caveat)
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }
}
