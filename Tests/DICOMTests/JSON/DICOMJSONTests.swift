import Foundation
import Testing

@testable import DICOM

private typealias JSONObject = [String: [String: Any]]

private func object(_ bytes: [UInt8]) throws -> JSONObject {
    let array = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [JSONObject])
    return try #require(array.first)
}

@Suite struct DICOMJSONTests {
    private func written(_ change: (inout StudyRecord) -> Void, empty: Set<DICOM.Tag> = []) throws -> JSONObject {
        var record = StudyRecord()
        record[.studyInstanceUID] = "1.2.3"
        change(&record)
        var writer = DICOMJSONWriter()
        writer.beginArray()
        writer.append(CatalogStudy(record: record, holders: ["PACSA", "PACSB"]), empty: empty)
        writer.endArray()
        return try object(writer.drain())
    }

    @Test func aNameIsWrittenInItsGroups() throws {
        let json = try written { $0[.patientName] = "Yamada^Tarou=山田^太郎=やまだ^たろう" }
        let name = try #require((json["00100010"]?["Value"] as? [[String: String]])?.first)
        #expect(name == ["Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"])
    }

    @Test func integersAreNumbersAndWhatIsNoneIsText() throws {
        let json = try written {
            $0[.numberOfStudyRelatedSeries] = "+4"
            $0[.numberOfStudyRelatedInstances] = "many"
        }
        #expect(json["00201206"]?["Value"] as? [Int] == [4])
        #expect(json["00201208"]?["Value"] as? [String] == ["many"])
    }

    @Test func severalValuesAreAnArrayAndEmptyOnesNull() throws {
        let json = try written { $0[.modalitiesInStudy] = "CT\\\\SR" }
        let values = try #require(json["00080061"]?["Value"] as? [Any])
        #expect(values.count == 3 && values[1] is NSNull)
        #expect(json["00080054"]?["Value"] as? [String] == ["PACSA", "PACSB"])
    }

    /// A combining mark would make one `Character` of a separator and itself.
    @Test func separatorsAreBytes() throws {
        let json = try written {
            $0[.patientName] = "A=\u{301}B"
            $0[.studyDescription] = " x \\\u{301}y"
        }
        #expect(json["00100010"]?["Value"] as? [[String: String]] == [["Alphabetic": "A", "Ideographic": "\u{301}B"]])
        #expect(json["00081030"]?["Value"] as? [String] == ["x", "\u{301}y"])
    }

    @Test func whatIsEmptyHasNoValue() throws {
        let json = try written { $0[.accessionNumber] = "" }
        #expect(json["00080050"]?["vr"] as? String == "SH" && json["00080050"]?["Value"] == nil)
    }

    @Test func theMinimumIsAlwaysThereAndMoreWhereAsked() throws {
        let json = try written({ _ in }, empty: [.instanceAvailability])
        for tag in [
            "00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020", "00100030", "00100040",
            "0020000D", "00200010", "00201206", "00201208",
        ] {
            #expect(json[tag] != nil, "\(tag)")
        }
        #expect(json["00080056"] != nil)
        #expect(json["00080201"] == nil)
    }

    @Test func quotesAndControlCharactersAreEscaped() throws {
        let hostile = "a\"b\\c\u{1}\u{1F}\n</script>\u{7F}é"
        let json = try written { $0[.studyDescription] = hostile.replacing("\\", with: "/") }
        #expect(json["00081030"]?["Value"] as? [String] == [hostile.replacing("\\", with: "/")])
    }

    @Test func aDottedDateIsWrittenAsTheStandardHasIt() throws {
        let json = try written { $0[.studyDate] = "2020.01.31" }
        #expect(json["00080020"]?["Value"] as? [String] == ["20200131"])
    }

    @Test func aDataSetIsWrittenWithItsSequences() throws {
        var item = DataSet()
        item.set(.patientID, "7")
        var dataSet = DataSet()
        dataSet.set(Tag(0x0008, 0x1032), items: [item])
        dataSet.setEmpty(.studyDate)
        var writer = DICOMJSONWriter()
        writer.append(dataSet)
        #expect(
            String(decoding: writer.drain(), as: UTF8.self)
                == #"{"00080020":{"vr":"DA"},"00081032":{"vr":"SQ","Value":[{"00100020":{"vr":"LO","Value":["7"]}}]}}"#)
    }
}
