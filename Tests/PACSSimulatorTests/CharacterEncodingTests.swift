import PACSSimulator
import Testing

@Suite struct CharacterEncodingTests {
    /// PS3.5 §H.3.1, Example 1.
    @Test func japaneseNameOfTheStandard() {
        let bytes = CharacterEncoding.japanese.encode("Yamada^Tarou=山田^太郎=やまだ^たろう")
        #expect(
            bytes == Array("Yamada^Tarou=".utf8)
                + [0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28, 0x42, 0x5E]
                + [0x1B, 0x24, 0x42, 0x42, 0x40, 0x4F, 0x3A, 0x1B, 0x28, 0x42, 0x3D]
                + [0x1B, 0x24, 0x42, 0x24, 0x64, 0x24, 0x5E, 0x24, 0x40, 0x1B, 0x28, 0x42, 0x5E]
                + [0x1B, 0x24, 0x42, 0x24, 0x3F, 0x24, 0x6D, 0x24, 0x26, 0x1B, 0x28, 0x42])
    }

    /// PS3.5 §I.2.
    @Test func koreanNameOfTheStandard() {
        let enter: [UInt8] = [0x1B, 0x24, 0x29, 0x43]
        let bytes = CharacterEncoding.korean.encode("Hong^Gildong=洪^吉洞=홍^길동")
        #expect(
            bytes == Array("Hong^Gildong=".utf8) + enter + [0xFB, 0xF3, 0x5E] + enter + [0xD1, 0xCE, 0xD4, 0xD7, 0x3D]
                + enter + [0xC8, 0xAB, 0x5E] + enter + [0xB1, 0xE6, 0xB5, 0xBF])
    }

    /// PS3.5 §J.3 and §K.
    @Test func chineseNameOfTheStandard() {
        #expect(
            CharacterEncoding.gb18030.encode("Wang^XiaoDong=王^小东=")
                == Array("Wang^XiaoDong=".utf8) + [0xCD, 0xF5, 0x5E, 0xD0, 0xA1, 0xB6, 0xAB, 0x3D])
        #expect(CharacterEncoding.utf8.encode("王") == [0xE7, 0x8E, 0x8B])
    }

    @Test func singleByteSets() {
        #expect(CharacterEncoding.latin1.encode("Müller") == [0x4D, 0xFC, 0x6C, 0x6C, 0x65, 0x72])
        #expect(CharacterEncoding.cyrillic.encode("Люкceмбypг".replacing("ceмбypг", with: "")) == [0xBB, 0xEE, 0xDA])
        #expect(CharacterEncoding.greek.encode("Διονυσιος") == [0xC4, 0xE9, 0xEF, 0xED, 0xF5, 0xF3, 0xE9, 0xEF, 0xF2])
        #expect(CharacterEncoding.arabic.encode("قباني") == [0xE2, 0xC8, 0xC7, 0xE6, 0xEA])
        #expect(CharacterEncoding.hebrew.encode("שרון") == [0xF9, 0xF8, 0xE5, 0xEF])
        #expect(CharacterEncoding.thai.encode("สม") == [0xCA, 0xC1])
    }

    @Test func whatASetLacksBecomesAQuestionMark() {
        #expect(CharacterEncoding.latin1.representable("Łukasz^Ωmega") == "?ukasz^?mega")
        #expect(CharacterEncoding.latin1.encode("山田") == [0x3F, 0x3F])
        #expect(CharacterEncoding.korean.representable("Kim^ü") == "Kim^?")
        #expect(CharacterEncoding.ascii.representable("é") == "?")
    }

    @Test func everyNameAndDescriptionFitsItsOwnSet() {
        for copy in Enterprise(seed: 21, studies: 2000).studies.flatMap(\.copies) {
            for attribute in [Attribute.patientName, .studyDescription, .referringPhysicianName] {
                guard let text = copy.values[attribute], !text.contains("?") else { continue }
                #expect(copy.script.localEncoding.representable(text) == text)
            }
        }
    }
}
