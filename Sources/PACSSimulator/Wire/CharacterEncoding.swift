import Glibc

/// A Specific Character Set (PS3.3 §C.12.1.1.2) as the simulated PACS write it, with an encoder of its own: were it
/// `DICOM`'s, an error that encoding and decoding share would go unseen.
package enum CharacterEncoding: Hashable, Sendable {
    case ascii, latin1, cyrillic, greek, arabic, hebrew, thai, japanese, korean, gb18030, utf8

    /// The value of (0008,0005); nil for the default repertoire, which needs none.
    package var dicomValue: String? {
        switch self {
        case .ascii: nil
        case .latin1: "ISO_IR 100"
        case .cyrillic: "ISO_IR 144"
        case .greek: "ISO_IR 126"
        case .arabic: "ISO_IR 127"
        case .hebrew: "ISO_IR 138"
        case .thai: "ISO_IR 166"
        case .japanese: "\\ISO 2022 IR 87"
        case .korean: "\\ISO 2022 IR 149"
        case .gb18030: "GB18030"
        case .utf8: "ISO_IR 192"
        }
    }

    /// The text with every character that this set lacks replaced by `?`: what a source can say at all.
    package func representable(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        return String(
            text.unicodeScalars.map { bytes(of: $0) == nil ? "?" : Character($0) })
    }

    /// The bytes of a value. ISO 2022 sets return to ASCII before `\`, `^` and `=` (PS3.5 §6.1.2.5.3); what the set
    /// lacks becomes `?`.
    package func encode(_ text: String) -> [UInt8] {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return Array(text.utf8) }
        return switch self {
        case .utf8: Array(text.utf8)
        case .japanese: iso2022(text, enter: [0x1B, 0x24, 0x42], leave: [0x1B, 0x28, 0x42])
        case .korean: korean(text)
        default: text.unicodeScalars.flatMap { bytes(of: $0) ?? [UInt8(ascii: "?")] }
        }
    }

    /// JIS X 0208 in G0: `ESC $ B`, two bytes a character, back with `ESC ( B`.
    private func iso2022(_ text: String, enter: [UInt8], leave: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        var isInside = false
        for scalar in text.unicodeScalars {
            let bytes = bytes(of: scalar) ?? [UInt8(ascii: "?")]
            if (bytes.count == 2) != isInside {
                encoded += isInside ? leave : enter
                isInside.toggle()
            }
            encoded += bytes
        }
        return isInside ? encoded + leave : encoded
    }

    /// KS X 1001 in G1: `ESC $ ) C` once per component, because every delimiter ends the designation (PS3.5 §I.2).
    private func korean(_ text: String) -> [UInt8] {
        var encoded: [UInt8] = []
        var isDesignated = false
        for scalar in text.unicodeScalars {
            let bytes = bytes(of: scalar) ?? [UInt8(ascii: "?")]
            if bytes.count == 2, !isDesignated {
                encoded += [0x1B, 0x24, 0x29, 0x43]
                isDesignated = true
            }
            if scalar == "^" || scalar == "=" || scalar == "\\" { isDesignated = false }
            encoded += bytes
        }
        return encoded
    }

    /// One character without escape sequences; nil when the set lacks it.
    private func bytes(of scalar: Unicode.Scalar) -> [UInt8]? {
        let value = scalar.value
        if value < 0x80 { return [UInt8(value)] }
        switch self {
        case .ascii: return nil
        case .latin1: return Self.single(value, 0xA0...0xFF, offset: 0)
        case .cyrillic: return Self.single(value, 0x401...0x45F, offset: 0x360)
        case .greek: return Self.single(value, 0x384...0x3CE, offset: 0x2D0)
        case .arabic: return Self.single(value, 0x621...0x652, offset: 0x560)
        case .hebrew: return Self.single(value, 0x5D0...0x5EA, offset: 0x4F0)
        case .thai: return Self.single(value, 0xE01...0xE5B, offset: 0xD60)
        case .utf8: return Array(String(Character(scalar)).utf8)
        case .gb18030: return Self.iconv(scalar, to: "GB18030")
        case .japanese:
            // EUC-JP carries JIS X 0208 as two bytes with the high bit set.
            guard let bytes = Self.iconv(scalar, to: "EUC-JP"), bytes.count == 2, bytes[0] != 0x8E else { return nil }
            return bytes.map { $0 & 0x7F }
        case .korean:
            guard let bytes = Self.iconv(scalar, to: "EUC-KR"), bytes.count == 2 else { return nil }
            return bytes
        }
    }

    private static func single(_ value: UInt32, _ range: ClosedRange<UInt32>, offset: UInt32) -> [UInt8]? {
        range.contains(value) ? [UInt8(truncatingIfNeeded: value - offset)] : nil
    }

    private static func iconv(_ scalar: Unicode.Scalar, to encoding: String) -> [UInt8]? {
        guard let converter = iconv_open(encoding, "UTF-8"), converter != iconv_t(bitPattern: -1) else { return nil }
        defer { iconv_close(converter) }
        var input = String(Character(scalar)).utf8.map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: 8)
        var inputLeft = input.count
        var outputLeft = output.count
        let result = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                var from = input.baseAddress
                var to = output.baseAddress
                return Glibc.iconv(converter, &from, &inputLeft, &to, &outputLeft)
            }
        }
        guard result == 0 else { return nil }
        return output.prefix(8 - outputLeft).map { UInt8(bitPattern: $0) }
    }
}
