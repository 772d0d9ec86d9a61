import Testing

@testable import DICOM

@Suite struct DecodingTests {
    /// David Clunie's test files and pydicom's names.
    @Test(arguments: [
        ("ISO_IR 127", "قباني^لنزار", "e2c8c7e6ea5ee4e6d2c7d1"),
        ("ISO_IR 100", "Buc^Jérôme", "4275635e4ae972f46d65"),
        ("ISO_IR 100", "Äneas^Rüdiger", "c46e6561735e52fc6469676572"),
        ("ISO_IR 126", "Διονυσιος", "c4e9efedf5f3e9eff2"),
        ("ISO_IR 138", "שרון^דבורה", "f9f8e5ef5ee3e1e5f8e4"),
        ("ISO_IR 144", "Люкceмбypг", "bbeeda6365dcd17970d3"),
        ("ISO_IR 101", "Wałęsa", "5761b3ea7361"),
        ("ISO_IR 109", "antaŭnomo", "616e7461fd6e6f6d6f"),
        ("ISO_IR 110", "vārds", "76e0726473"),
        ("ISO_IR 148", "Çavuşoğlu", "c7617675fe6ff06c75"),
        ("ISO_IR 203", "Œuvre€", "bc75767265a4"),
        ("ISO_IR 166", "นามสกุล", "b9d2c1caa1d8c5"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "d4cfc0de5ec0dbb3"),
        ("GB18030", "Wang^XiaoDong=王^小东", "57616e675e5869616f446f6e673dcdf55ed0a1b6ab"),
    ])
    func singleSets(set: String, text: String, bytes: String) throws {
        let set = SpecificCharacterSet(set)
        #expect(set.decode(hex(bytes)[...], vr: .PN) == DecodedText(text: text))
        #expect(try set.encode(text, vr: .PN) == hex(bytes))
    }

    /// pydicom's code extensions: designated at the head of each component.
    @Test(arguments: [
        ("ISO 2022 IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "1b2949d4cfc0de5e1b2949c0dbb3"),
        ("ISO 2022 IR 100", "Buc^Jérôme", "1b2d414275635e1b2d414ae972f46d65"),
        ("ISO 2022 IR 101", "Wałęsa", "1b2d425761b3ea7361"),
        ("ISO 2022 IR 109", "antaŭnomo", "1b2d43616e7461fd6e6f6d6f"),
        ("ISO 2022 IR 110", "vārds", "1b2d4476e0726473"),
        ("ISO 2022 IR 127", "قباني^لنزار", "1b2d47e2c8c7e6ea5e1b2d47e4e6d2c7d1"),
        ("ISO 2022 IR 126", "Διονυσιος", "1b2d46c4e9efedf5f3e9eff2"),
        ("ISO 2022 IR 138", "שרון^דבורה", "1b2d48f9f8e5ef5e1b2d48e3e1e5f8e4"),
        ("ISO 2022 IR 144", "Люкceмбypг", "1b2d4cbbeeda6365dcd17970d3"),
        ("ISO 2022 IR 148", "Çavuşoğlu", "1b2d4dc7617675fe6ff06c75"),
        ("ISO 2022 IR 166", "นามสกุล", "1b2d54b9d2c1caa1d8c5"),
    ])
    func codeExtensions(set: String, text: String, bytes: String) throws {
        let set = SpecificCharacterSet("\\" + set)
        #expect(set.decode(hex(bytes)[...], vr: .PN) == DecodedText(text: text))
        #expect(set.decode(try set.encode(text, vr: .PN)[...], vr: .PN) == DecodedText(text: text))
    }

    @Test func valuesInSeveralSets() throws {
        let set = SpecificCharacterSet("ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144")
        let bytes = hex("4275635e4ae972f46d65 5c 1b2d46c4e9efedf5f3e9eff2 5c 1b2d4cbbeeda6365dcd17970d3")
        let text = "Buc^Jérôme\\Διονυσιος\\Люкceмбypг"
        #expect(set.decode(bytes[...], vr: .PN) == DecodedText(text: text))
        #expect(try set.encode(text, vr: .PN) == bytes)
    }

    @Test func supplementaryKanji() throws {
        let set = SpecificCharacterSet("\\ISO 2022 IR 87\\ISO 2022 IR 159")
        let bytes = hex("1b2428443b3b1b24423b331b2842")
        let decoded = set.decode(bytes[...], vr: .LO)
        #expect(decoded == DecodedText(text: "峒山"))
        #expect(try set.encode(decoded.text, vr: .LO) == bytes)
    }

    @Test func designationsEndAtDelimitersAndLines() {
        let set = SpecificCharacterSet("ISO 2022 IR 100\\ISO 2022 IR 144")
        let greeting = hex("1b2d4cbb")
        #expect(set.decode((greeting + [0x5E, 0xFC])[...], vr: .PN).text == "Л^ü")
        #expect(set.decode((greeting + [0x3D, 0xFC])[...], vr: .PN).text == "Л=ü")
        #expect(set.decode((greeting + [0x5C, 0xFC])[...], vr: .LO).text == "Л\\ü")
        #expect(set.decode((greeting + [0x0D, 0x0A, 0xFC])[...], vr: .LT).text == "Л\r\nü")
        #expect(set.decode((greeting + [0x09, 0xFC])[...], vr: .UT).text == "Л\tü")
        // In LO, ^ and = are text; in LT, \ is.
        #expect(set.decode((greeting + [0x5E, 0xEE])[...], vr: .LO).text == "Л^ю")
        #expect(set.decode((greeting + [0x5C, 0xEE])[...], vr: .LT).text == "Л\\ю")
    }

    @Test func kanjiMayHoldDelimiterBytes() {
        // 5E in ま, 5C in ぼ, 3D in 十: no byte of a pair ends the component.
        let set = SpecificCharacterSet("\\ISO 2022 IR 87")
        #expect(set.decode(hex("1b2442245e245c3d3d1b2842")[...], vr: .PN) == DecodedText(text: "まぼ十"))
    }

    /// F64.
    @Test func trailByteMayBeABackslash() {
        let decoded = SpecificCharacterSet("GBK").decode(hex("d55c5cb6ab")[...], vr: .LO)
        #expect(decoded == DecodedText(text: "誠\\东"))
    }

    @Test func fourByteCodes() throws {
        let set = SpecificCharacterSet("GB18030")
        for (text, bytes) in [("ö", "81308b32"), ("\u{20000}", "95328236"), ("😀", "9439fc36"), ("한", "83368433")] {
            #expect(try set.encode(text, vr: .LO) == hex(bytes))
            #expect(set.decode(hex(bytes)[...], vr: .LO) == DecodedText(text: text))
        }
    }

    @Test func paddingIsStripped() {
        #expect(SpecificCharacterSet.default.decode(hex("4142200000")[...], vr: .LO) == DecodedText(text: "AB"))
        #expect(SpecificCharacterSet.default.decode(hex("2020")[...], vr: .PN) == DecodedText(text: ""))
        #expect(SpecificCharacterSet.utf8.decode([][...], vr: .PN) == DecodedText(text: ""))
        #expect(
            SpecificCharacterSet.default.decode(hex("41004200")[...], vr: .LO)
                == DecodedText(text: "A\u{FFFD}B", lossy: true))
    }

    @Test func oneOddByteIsSeenAnywhere() {
        for length in 1...20 {
            for position in 0..<length {
                for odd: UInt8 in [0x00, 0x1B, 0x80, 0xFC] {
                    var bytes = [UInt8](repeating: 0x41, count: length) + [0x42]
                    bytes[position] = odd
                    let decoded = SpecificCharacterSet.default.decode(bytes[...], vr: .LO)
                    #expect(decoded.lossy || decoded.suspect)
                }
            }
        }
        let edges = SpecificCharacterSet.default.decode(hex("207e7f2122237e2020207e")[...], vr: .LO)
        #expect(edges == DecodedText(text: " ~\u{7F}!\"#~   ~"))
    }

    @Test func undeclaredBytes() {
        let set = SpecificCharacterSet.default
        #expect(set.decode(hex("4dc3bc6c6c6572")[...], vr: .PN) == DecodedText(text: "Müller", suspect: true))
        #expect(set.decode(hex("4dfc6c6c6572")[...], vr: .PN) == DecodedText(text: "Müller", suspect: true))
    }

    @Test func wronglyDeclaredUTF8() {
        let müller = hex("4dc3bc6c6c6572")
        #expect(SpecificCharacterSet.latin1.decode(müller[...], vr: .PN) == DecodedText(text: "Müller", suspect: true))
        let cyrillic = SpecificCharacterSet("ISO_IR 144")
        #expect(cyrillic.decode(Array("Иванов".utf8)[...], vr: .PN) == DecodedText(text: "Иванов", suspect: true))
        // CF BD is valid UTF-8, but not of a letter that ISO_IR 144 has.
        #expect(cyrillic.decode(hex("cfbd")[...], vr: .PN) == DecodedText(text: "ЯН"))
    }

    @Test func declaredUTF8ThatIsNot() {
        let latin = SpecificCharacterSet.utf8.decode(hex("4dfc6c6c6572")[...], vr: .PN)
        #expect(latin.text == "Müller" && latin.suspect)
        let cut = SpecificCharacterSet.utf8.decode(hex("e78e8be5b0")[...], vr: .PN)
        #expect(cut.text == "王\u{FFFD}" && cut.lossy)
    }

    @Test func missingEscapeSequence() {
        let korean = SpecificCharacterSet("\\ISO 2022 IR 149").decode(hex("c8ab5eb1e6b5bf")[...], vr: .PN)
        #expect(korean == DecodedText(text: "홍^길동", suspect: true))
    }

    @Test func undeclaredEscapeSequence() {
        let decoded = SpecificCharacterSet.latin1.decode(hex("1b2d46c4e9")[...], vr: .PN)
        #expect(decoded == DecodedText(text: "Δι", suspect: true))
        let unknown = SpecificCharacterSet("\\ISO 2022 IR 87").decode(hex("1b7a41")[...], vr: .PN)
        #expect(unknown.lossy && unknown.text == "\u{FFFD}zA")
    }

    @Test func yenSignIsTextOnlyWhereBackslashIs() throws {
        let set = SpecificCharacterSet("ISO_IR 13")
        #expect(set.decode(hex("b15cb2")[...], vr: .LO).text == "ｱ\\ｲ")
        #expect(set.decode(hex("b15cb2")[...], vr: .LT).text == "ｱ¥ｲ")
        #expect(try set.encode("ｱ¥ｲ", vr: .LT) == hex("b15cb2"))
        #expect(throws: CharacterSetError.self) { try set.encode("a~b", vr: .LT) }
    }

    @Test func codedValuesAreNotInTheCharacterSet() {
        #expect(SpecificCharacterSet("ISO_IR 144").decode(hex("cf")[...], vr: .CS).text == "Ï")
    }

    @Test func anyBytesDecodeToValidText() {
        var state: UInt64 = 42
        for _ in 0..<3_000 {
            var bytes: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let byte = UInt8(truncatingIfNeeded: state >> 40)
                bytes += byte % 7 == 0 ? [0x1B, 0x24, byte % 2 == 0 ? 0x42 : 0x29, 0x43] : [byte]
            }
            for set in ["", "\\ISO 2022 IR 87\\ISO 2022 IR 149", "GB18030", "GBK", "ISO_IR 192", "ISO_IR 13"] {
                let decoded = SpecificCharacterSet(set).decode(bytes[...], vr: .PN)
                #expect(decoded.text.unicodeScalars.contains("\u{FFFD}") == decoded.lossy)
                #expect(!decoded.text.utf8.contains(0))
            }
        }
    }
}
