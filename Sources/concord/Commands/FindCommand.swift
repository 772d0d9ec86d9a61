import ArgumentParser
import DICOM
import DIMSE
import StudyIndex
import Sweep

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
        let configuration = try global.configuration()
        let source = try configuration.sources(named: [name])[0]
        let identifier = try makeIdentifier()
        try await OpenIndex.with(configuration) { open in
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            guard let id = ids[source.name] else { return }
            var matches = 0
            var writer = DICOMJSONWriter()
            do {
                try await LiveSource(source: source.sweepSource(id: id), index: open.index).find(identifier) {
                    matches += 1
                    writer.append(try $0.dataSet())
                    writer.appendNewline()
                    Terminal.write(writer.drain())
                }
            } catch let error as DIMSEError {
                throw IncompleteAnswer(source: name, matches: matches, error: error)
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

/// A live answer that must not be taken for all there is.
struct IncompleteAnswer: Error, CustomStringConvertible {
    var source: String
    var matches: Int
    var error: DIMSEError

    var description: String { "\(source) answered incompletely, after \(matches) matches: \(error)" }
}

extension QueryLevel: ArgumentParser.ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
