import ArgumentParser
import DICOM
import StudyIndex

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Look studies up in the index.",
        discussion: "Example: concord search PatientName='MUELLER*' StudyDate=20260101-20260131 ModalitiesInStudy=CT")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Keyword=Value, as in QIDO-RS; * and ? are wildcards.") var key: [String] = []
    @Flag(help: "DICOM JSON instead of a table.") var json = false
    @Flag(help: "Names by their words' beginnings, in any order, and by how they sound.") var fuzzy = false
    @Option(help: "Studies at most.") var limit = 100

    func run() async throws {
        var query = StudyQuery()
        query.limit = max(0, limit)
        for pair in key {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2,
                let attribute = AttributeDictionary.attribute(keyword: sides[0])
                    ?? Tag(hex: sides[0]).flatMap(AttributeDictionary.attribute), attribute.column != nil
            else { throw ValidationError("'\(sides[0])' is no attribute of a study; write Keyword=Value") }
            do { query.keys.append(try QueryKey(attribute, parsing: sides[1], isFuzzy: fuzzy)) } catch {
                throw ValidationError("\(attribute.keyword): \(error.detail)")
            }
        }
        let wanted = query
        try await OpenIndex.with(try global.configuration()) { open in
            let answer = try await open.index.search(wanted, within: .unrestricted)
            json ? Self.writeJSON(answer) : Self.writeTable(answer)
            for source in answer.undecidedSources {
                Terminal.complain(
                    "\(source) does not return every attribute that was asked for: its studies may not match")
            }
        }
    }

    private static func writeJSON(_ answer: StudyAnswer) {
        var writer = DICOMJSONWriter()
        writer.beginArray()
        for study in answer.studies { writer.append(study) }
        writer.endArray()
        writer.appendNewline()
        Terminal.write(writer.drain())
    }

    private static func writeTable(_ answer: StudyAnswer) {
        let rows = answer.studies.map { study in
            let record = study.record
            return [
                record.studyDate?.iso ?? "", record.patientID, record.patientName?.canonical ?? "",
                record.accessionNumber,
                record.modalities.joined(separator: ","), study.holders.joined(separator: ","), record.studyInstanceUID,
            ]
        }
        let header = ["date", "patient ID", "name", "accession", "modalities", "held by", "study"]
        Terminal.write(TextTable(header: header, rows: rows).rendered())
        Terminal.complain("\(rows.count) of \(answer.total) studies")
    }
}
