import Foundation
import Testing

@testable import DICOM

#if canImport(FoundationXML)
import FoundationXML
#endif

/// Documents of the Native DICOM Model, read by a real XML parser, say what DICOM JSON says.
@Suite struct NativeModelTests {
    private static let names = [
        "Müller^Jörg", "YAMADA^TARO=山田^太郎=やまだ^たろう", "A^B^C^D^E", "=山田", "<O'Neil>^\"&\"", "",
    ]

    private func study(_ change: (inout StudyRecord) -> Void) -> CatalogStudy {
        var record = StudyRecord()
        record[.studyInstanceUID] = "1.2.3"
        change(&record)
        return CatalogStudy(record: record, holders: ["PACSA", "PACSB"])
    }

    /// Tag to VR and values; a name as its groups, each as it stands in DICOM JSON.
    private typealias Shown = [String: [String]]

    private func fromXML(_ study: CatalogStudy) throws -> Shown {
        let document = try XMLDocument(data: Data(NativeModelWriter.document(.study(study, empty: []))))
        let root = try #require(document.rootElement())
        #expect(root.name == "NativeDicomModel" && root.uri == "http://dicom.nema.org/PS3.19/models/NativeDICOM")
        var shown: Shown = [:]
        for element in root.elements(forName: "DicomAttribute") {
            let tag = try #require(attribute("tag", of: element))
            let keyword = try #require(attribute("keyword", of: element))
            #expect(AttributeDictionary.attribute(keyword: keyword)?.tag.hex == tag)
            var values = [attribute("vr", of: element) ?? ""]
            for child in (element.children ?? []).compactMap({ $0 as? XMLElement }) {
                let number = try #require(attribute("number", of: child).flatMap { Int($0) })
                while values.count < number { values.append("null") }
                values.append(child.name == "PersonName" ? name(child) : child.stringValue ?? "")
            }
            shown[tag] = values
        }
        return shown
    }

    /// `attribute(forName:)` finds none where the element has a namespace.
    private func attribute(_ name: String, of element: XMLElement) -> String? {
        element.attributes?.first { $0.name == name }?.stringValue
    }

    private func name(_ element: XMLElement) -> String {
        ["Alphabetic", "Ideographic", "Phonetic"].map { group in
            guard let group = element.elements(forName: group).first else { return "" }
            var parts = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"].map {
                group.elements(forName: $0).first?.stringValue ?? ""
            }
            while parts.last == "" { parts.removeLast() }
            return parts.joined(separator: "^")
        }.joined(separator: "=")
    }

    private func fromJSON(_ study: CatalogStudy) throws -> Shown {
        var writer = DICOMJSONWriter()
        writer.beginArray()
        writer.append(study)
        writer.endArray()
        let objects = try #require(
            JSONSerialization.jsonObject(with: Data(writer.drain())) as? [[String: [String: Any]]])
        return try #require(objects.first).mapValues { attribute in
            var values = (attribute["Value"] as? [Any] ?? []).map { value in
                guard let groups = value as? [String: String] else { return value is NSNull ? "null" : "\(value)" }
                return ["Alphabetic", "Ideographic", "Phonetic"].map { groups[$0] ?? "" }.joined(separator: "=")
            }
            // XML tells an empty value by the number of the next.
            while values.last == "null" { values.removeLast() }
            return [attribute["vr"] as? String ?? ""] + values
        }
    }

    @Test(arguments: names) func namesAreWrittenInTheirComponents(_ text: String) throws {
        let study = study { $0[.patientName] = text }
        #expect(try fromXML(study) == fromJSON(study))
    }

    @Test(arguments: [
        "CT <b>\"HEAD\"</b> & 'NECK' ]]>", "Ünïcödé 山田 😀", "a\\b", "\\b\\\\c\\", "line\r\nline\tend",
        "--concord-part--",
    ])
    func textsAreWhatDICOMJSONSays(_ text: String) throws {
        let study = study {
            $0[.studyDescription] = text
            $0[.modalitiesInStudy] = "CT\\\\MR"
            $0[.numberOfStudyRelatedSeries] = "4"
            $0[.studyDate] = "2020.01.02"
        }
        #expect(try fromXML(study) == fromJSON(study))
    }

    /// XML 1.0 cannot hold them at all.
    @Test func controlCharactersAreReplaced() throws {
        let shown = try fromXML(study { $0[.studyDescription] = "A\u{1}B\u{1B}C" })
        #expect(shown["00081030"] == ["LO", "A\u{FFFD}B\u{FFFD}C"])
    }
}
