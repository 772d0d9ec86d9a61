/// One coded character set that a term of Specific Character Set names (PS3.3 §C.12.1.1.2, PS3.5 §6.1.2).
package enum CodedCharacterSet: UInt8, Sendable, Hashable, CaseIterable {
    case ascii
    case latin1, latin2, latin3, latin4, latin5, latin9
    case cyrillic, arabic, greek, hebrew, thai
    /// JIS X 0201: romaji (ISO-IR 14) in G0, katakana (ISO-IR 13) in G1.
    case jisX0201
    /// JIS X 0208, double-byte in G0.
    case jisX0208
    /// JIS X 0212, double-byte in G0.
    case jisX0212
    /// KS X 1001, double-byte in G1.
    case ksX1001
    /// GB 2312, double-byte in G1.
    case gb2312
    case utf8, gb18030, gbk

    enum Kind { case singleByte, doubleByteG0, doubleByteG1, standAlone }

    var kind: Kind {
        switch self {
        case .jisX0208, .jisX0212: .doubleByteG0
        case .ksX1001, .gb2312: .doubleByteG1
        case .utf8, .gb18030, .gbk: .standAlone
        default: .singleByte
        }
    }

    /// The number in its defined terms: `ISO_IR 100`, `ISO 2022 IR 100`.
    var registration: Int? {
        switch self {
        case .ascii: 6
        case .latin1: 100
        case .latin2: 101
        case .latin3: 109
        case .latin4: 110
        case .latin5: 148
        case .latin9: 203
        case .cyrillic: 144
        case .arabic: 127
        case .greek: 126
        case .hebrew: 138
        case .thai: 166
        case .jisX0201: 13
        case .jisX0208: 87
        case .jisX0212: 159
        case .ksX1001: 149
        case .gb2312: 58
        case .utf8: 192
        case .gb18030, .gbk: nil
        }
    }

    /// Latin repertoires: the ones that software declares by habit, whatever it sends (F61).
    var isLatin: Bool {
        switch self {
        case .latin1, .latin2, .latin3, .latin4, .latin5, .latin9: true
        default: false
        }
    }

    /// What follows ESC to designate this set to G1; nil where it has no G1 form.
    var g1Designation: [UInt8]? {
        switch self {
        case .latin1: [0x2D, 0x41]
        case .latin2: [0x2D, 0x42]
        case .latin3: [0x2D, 0x43]
        case .latin4: [0x2D, 0x44]
        case .latin5: [0x2D, 0x4D]
        case .latin9: [0x2D, 0x62]
        case .cyrillic: [0x2D, 0x4C]
        case .arabic: [0x2D, 0x47]
        case .greek: [0x2D, 0x46]
        case .hebrew: [0x2D, 0x48]
        case .thai: [0x2D, 0x54]
        case .jisX0201: [0x29, 0x49]
        case .ksX1001: [0x24, 0x29, 0x43]
        case .gb2312: [0x24, 0x29, 0x41]
        case .ascii, .jisX0208, .jisX0212, .utf8, .gb18030, .gbk: nil
        }
    }

    /// What follows ESC to designate this set to G0; every single-byte set but JIS X 0201 has ISO 646 there.
    var g0Designation: [UInt8]? {
        switch self {
        case .jisX0208: [0x24, 0x42]
        case .jisX0212: [0x24, 0x28, 0x44]
        case .jisX0201: [0x28, 0x4A]
        case .ksX1001, .gb2312, .utf8, .gb18030, .gbk: nil
        default: [0x28, 0x42]
        }
    }

    /// The set's name for iconv.
    var iconvName: String {
        switch self {
        case .ascii: "ASCII"
        case .latin1: "ISO-8859-1"
        case .latin2: "ISO-8859-2"
        case .latin3: "ISO-8859-3"
        case .latin4: "ISO-8859-4"
        case .latin5: "ISO-8859-9"
        case .latin9: "ISO-8859-15"
        case .cyrillic: "ISO-8859-5"
        case .arabic: "ISO-8859-6"
        case .greek: "ISO-8859-7"
        case .hebrew: "ISO-8859-8"
        case .thai: "TIS-620"
        case .jisX0201: "EUC-JP"
        case .jisX0208, .jisX0212: "EUC-JP"
        case .ksX1001: "EUC-KR"
        case .gb2312: "EUC-CN"
        case .utf8: "UTF-8"
        case .gb18030: "GB18030"
        case .gbk: "GBK"
        }
    }
}
