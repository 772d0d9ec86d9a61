import ArgumentParser
import DICOM
import DIMSE
import StudyIndex
import Sweep
import Synchronization

struct FindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "One live C-FIND; matches as DICOM JSON lines.",
        discussion: "Example: concord find pacs-a -k StudyDate=20260101-20260131 -k ModalitiesInStudy=")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The source's name.") var name: String
    @Option(name: .shortAndLong, help: "Keyword=Value; an empty value asks for the attribute only.")
    var key: [String] = []
    @Option(help: "PATIENT, STUDY, SERIES or IMAGE.") var level = QueryLevel.study

    func run() async throws {
        let identifier = try makeIdentifier()
        try await OpenSources.with(try global.configuration(), named: [name]) { open in
            let output = MatchOutput()
            do {
                for source in open.chosen {
                    try await LiveSource(source: source, pool: open.pool).find(identifier) { try output.write($0) }
                }
            } catch let refusal as LiveSource.Refusal {
                throw IncompleteAnswer(source: name, matches: output.matches, refusal: refusal)
            }
        }
    }

    private func makeIdentifier() throws -> DataSet {
        var identifier = DataSet()
        identifier.set(.specificCharacterSet, "ISO_IR 192")
        identifier.set(.queryRetrieveLevel, level.rawValue)
        for attribute in AttributeDictionary.all where attribute.isReturnKey(at: level) {
            identifier.setEmpty(attribute.tag)
        }
        for pair in key {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2,
                let tag = AttributeDictionary.attribute(keyword: parts[0])?.tag ?? Tag(hex: parts[0])
            else { throw ValidationError("-k takes Keyword=Value with a DICOM keyword or tag, not '\(parts[0])'") }
            identifier.set(tag, parts[1])
        }
        return identifier
    }
}

/// Matches as DICOM JSON, a line each, as they arrive.
private final class MatchOutput: Sendable {
    private let state = Mutex((writer: DICOMJSONWriter(), matches: 0))

    var matches: Int { state.withLock { $0.matches } }

    func write(_ match: FindResponse) throws {
        let dataSet = try match.dataSet()
        let line = state.withLock { state in
            state.matches += 1
            state.writer.append(dataSet)
            state.writer.appendNewline()
            return state.writer.drain()
        }
        Terminal.write(line)
    }
}

/// A live answer that must not be taken for all there is.
struct IncompleteAnswer: Error, CustomStringConvertible {
    var source: String
    var matches: Int
    var refusal: LiveSource.Refusal

    var description: String { "\(source) answered incompletely, after \(matches) matches: \(refusal)" }
}

extension QueryLevel: ArgumentParser.ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
