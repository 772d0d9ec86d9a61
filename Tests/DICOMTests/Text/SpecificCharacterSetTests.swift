import Testing

@testable import DICOM

@Suite struct SpecificCharacterSetTests {
    @Test(arguments: [
        ("ISO_IR 100", "ISO_IR 100"), ("ISO IR 100", "ISO_IR 100"), ("ISO_IR_100", "ISO_IR 100"),
        ("iso-ir 100", "ISO_IR 100"), ("ISO-8859-1", "ISO_IR 100"), ("UTF8", "ISO_IR 192"), ("utf-8 ", "ISO_IR 192"),
        ("ISO 2022 58", "ISO 2022 IR 58"), ("ISO 2022 GBK", "GBK"), ("ISO_2022_IR+126", "ISO 2022 IR 126"),
        ("\\ISO_2022-IR 87", "\\ISO 2022 IR 87"), ("ISO 2022 IR 6\\ISO 2022 IR 87", "\\ISO 2022 IR 87"),
        ("GB18030\\ISO 2022 IR 58", "GB18030"), ("ISO_IR 192\\ISO 2022 IR 100", "ISO_IR 192"),
        ("ISO 2022 IR 100\\ISO_IR 192\\ISO 2022 IR 144", "ISO 2022 IR 100\\ISO 2022 IR 144"), ("", ""),
        ("ISO_IR 6", ""), ("gbk", "GBK"),
    ])
    func spellings(written: String, read: String) {
        let set = SpecificCharacterSet(written)
        #expect(set.dicomValue == read)
        #expect(set.isRecognised)
    }

    @Test func everyDefinedTermIsKnown() {
        let single = [100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 13, 166, 192].map { "ISO_IR \($0)" }
        let extended = [100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 13, 166, 87, 159, 149, 58]
            .map { "\\ISO 2022 IR \($0)" }
        for term in single + extended + ["GB18030", "GBK"] {
            #expect(SpecificCharacterSet(term).dicomValue == term)
        }
    }

    @Test func anUnknownTermTakesTheFallback() {
        let set = SpecificCharacterSet("KLINGON", fallback: .latin1)
        #expect(set.dicomValue == "ISO_IR 100" && !set.isRecognised)
        #expect(SpecificCharacterSet("", fallback: .latin1) == .latin1)
    }

    @Test func everyTableIsThere() {
        for set in CodedCharacterSet.allCases where set != .ascii && set != .utf8 {
            #expect(CodeTable.of(set).scalars.contains { $0 != 0 }, "\(set)")
        }
    }

    @Test(arguments: CodedCharacterSet.allCases)
    func everyCharacterGoesBothWays(_ coded: CodedCharacterSet) throws {
        let set = SpecificCharacterSet(.ascii, extensions: [coded], usesCodeExtensions: true)
        let alone = coded.kind == .standAlone ? SpecificCharacterSet(coded) : set
        let characters = CodeTable.of(coded).scalars.filter { $0 >= 0xA0 }.compactMap { Unicode.Scalar($0) }
        let text = String(String.UnicodeScalarView(characters))
        #expect(alone.decode(try alone.encode(text, vr: .LT)[...], vr: .LT).text == text)
    }

    @Test func whatIsInNoSetFails() {
        #expect(throws: CharacterSetError.self) { try SpecificCharacterSet.latin1.encode("Łódź", vr: .PN) }
        #expect(throws: CharacterSetError.self) { try SpecificCharacterSet.default.encode("ü", vr: .PN) }
        #expect(throws: CharacterSetError.self) { try SpecificCharacterSet("GBK").encode("😀", vr: .PN) }
        #expect(throws: CharacterSetError.self) { try SpecificCharacterSet.utf8.encode("ü", vr: .CS) }
        let error = CharacterSetError(code: .notEncodable, characterSet: "ISO_IR 100")
        #expect(error.description == "text has characters outside ISO_IR 100")
    }

    @Test func replacingKeepsTheRest() {
        #expect(SpecificCharacterSet.latin1.encodeReplacing("Łódź^Ü", vr: .PN) == hex("3ff3643f5edc"))
        #expect(SpecificCharacterSet.default.encodeReplacing("王^小东", vr: .PN) == Array("?^??".utf8))
    }
}
