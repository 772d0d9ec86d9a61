import Testing

@testable import DICOM

/// The examples of PS3.5 Annexes H, I, J and K, byte for byte.
@Suite struct StandardExamplesTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let section: String
        let characterSet: String
        let vr: VR
        let text: String
        let bytes: [UInt8]
        /// The standard's bytes are the only ones a writer with late designation can produce.
        var isDeterministic = true

        var testDescription: String { section }
    }

    static let examples: [Example] = [
        Example(
            section: "H.3.1", characterSet: "\\ISO 2022 IR 87", vr: .PN,
            text: "Yamada^Tarou=山田^太郎=やまだ^たろう",
            bytes: columnRow(
                """
                05/09 06/01 06/13 06/01 06/04 06/01 05/14 05/04 06/01 07/02 06/15 07/05 03/13 01/11 02/04 04/02 03/11 03/03
                04/05 04/04 01/11 02/08 04/02 05/14 01/11 02/04 04/02 04/02 04/00 04/15 03/10 01/11 02/08 04/02 03/13 01/11
                02/04 04/02 02/04 06/04 02/04 05/14 02/04 04/00 01/11 02/08 04/02 05/14 01/11 02/04 04/02 02/04 03/15 02/04
                06/13 02/04 02/06 01/11 02/08 04/02
                """)),
        Example(
            section: "H.3.2", characterSet: "ISO 2022 IR 13\\ISO 2022 IR 87", vr: .PN,
            text: "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
            bytes: columnRow(
                """
                13/04 12/15 12/00 13/14 05/14 12/00 13/11 11/03 03/13 01/11 02/04 04/02 03/11 03/03 04/05 04/04 01/11 02/08
                04/10 05/14 01/11 02/04 04/02 04/02 04/00 04/15 03/10 01/11 02/08 04/10 03/13 01/11 02/04 04/02 02/04 06/04
                02/04 05/14 02/04 04/00 01/11 02/08 04/10 05/14 01/11 02/04 04/02 02/04 03/15 02/04 06/13 02/04 02/06 01/11
                02/08 04/10
                """)),
        Example(
            section: "I.2", characterSet: "\\ISO 2022 IR 149", vr: .PN, text: "Hong^Gildong=洪^吉洞=홍^길동",
            bytes: columnRow(
                """
                04/08 06/15 06/14 06/07 05/14 04/07 06/09 06/12 06/04 06/15 06/14 06/07 03/13 01/11 02/04 02/09 04/03 15/11
                15/03 05/14 01/11 02/04 02/09 04/03 13/01 12/14 13/04 13/07 03/13 01/11 02/04 02/09 04/03 12/08 10/11 05/14
                01/11 02/04 02/09 04/03 11/01 14/06 11/05 11/15
                """)),
        // I.3 prints the escape sequence at the head of each line, and no codes.
        Example(
            section: "I.3", characterSet: "\\ISO 2022 IR 149", vr: .LT,
            text: "The first line includes 한글.\r\nThe second line includes 한글, too.\r\nThe third line",
            bytes: koreanHead + Array("The first line includes ".utf8) + hangul + Array(".\r\n".utf8)
                + koreanHead + Array("The second line includes ".utf8) + hangul
                + Array(", too.\r\nThe third line".utf8),
            isDeterministic: false),
        Example(
            section: "J.1", characterSet: "ISO_IR 192", vr: .PN, text: "Wang^XiaoDong=王^小東=",
            bytes: hex("57616e675e5869616f446f6e673de78e8b5ee5b08fe69db13d")),
        Example(
            section: "J.2", characterSet: "ISO_IR 192", vr: .LT,
            text: "The first line includes中文.\r\nThe second line includes中文, too.\r\nThe third line.\r\n",
            bytes: hex(
                "546865206669727374206c696e6520696e636c75646573e4b8ade696872e0d0a546865207365636f6e64206c696e6520"
                    + "696e636c75646573e4b8ade696872c20746f6f2e0d0a546865207468697264206c696e652e0d0a")),
        Example(
            section: "J.3", characterSet: "GB18030", vr: .PN, text: "Wang^XiaoDong=王^小东=",
            bytes: hex("57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d")),
        Example(
            section: "J.3 as GBK", characterSet: "GBK", vr: .PN, text: "Wang^XiaoDong=王^小东=",
            bytes: hex("57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d")),
        Example(
            section: "J.4", characterSet: "GB18030", vr: .LT,
            text: "The first line includes中文.\r\nThe second line includes中文, too.\r\nThe third line.\r\n",
            bytes: hex(
                "546865206669727374206c696e6520696e636c75646573d6d0cec42e0d0a546865207365636f6e64206c696e6520"
                    + "696e636c75646573d6d0cec42c20746f6f2e0d0a546865207468697264206c696e652e0d0a")),
        Example(
            section: "K.2", characterSet: "\\ISO 2022 IR 58", vr: .PN, text: "Zhang^XiaoDong=张^小东=",
            bytes: hex("5A68616E675E5869616F446F6E673D1B242941D5C55E1B242941D0A1B6AB3D")),
        // The standard's codes have "1." where its character string has "1) ".
        Example(
            section: "K.3", characterSet: "\\ISO 2022 IR 58", vr: .LT,
            text: "1.第一行文字。\r\n2.第二行文字。\r\n3.第三行文字。\r\n",
            bytes: hex(
                "312e1B242941B5DAD2BBD0D0CEC4D7D6A1A30D0A322e1B242941B5DAB6FED0D0CEC4D7D6A1A30D0A"
                    + "332e1B242941B5DAC8FDD0D0CEC4D7D6A1A30D0A")),
    ]

    private static let koreanHead: [UInt8] = [0x1B, 0x24, 0x29, 0x43]
    private static let hangul: [UInt8] = [0xC7, 0xD1, 0xB1, 0xDB]

    @Test(arguments: examples)
    func decodes(_ example: Example) {
        let set = SpecificCharacterSet(example.characterSet)
        let padded = example.bytes + [0x20]
        #expect(set.decode(example.bytes[...], vr: example.vr) == DecodedText(text: example.text))
        #expect(set.decode(padded[...], vr: example.vr) == DecodedText(text: example.text))
    }

    @Test(arguments: examples)
    func encodes(_ example: Example) throws {
        let set = SpecificCharacterSet(example.characterSet)
        let bytes = try set.encode(example.text, vr: example.vr)
        if example.isDeterministic { #expect(bytes == example.bytes) }
        #expect(set.decode(bytes[...], vr: example.vr).text == example.text)
    }

    @Test(arguments: examples)
    func keepsTheSetsSpelling(_ example: Example) {
        #expect(SpecificCharacterSet(example.characterSet).dicomValue == example.characterSet)
    }
}

/// Bytes as the standard prints them: `05/09` is 0x59.
func columnRow(_ text: String) -> [UInt8] {
    text.split(whereSeparator: \.isWhitespace).map { code in
        code.split(separator: "/").reduce(UInt8(0)) { $0 << 4 | (UInt8($1) ?? 0) }
    }
}

func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
