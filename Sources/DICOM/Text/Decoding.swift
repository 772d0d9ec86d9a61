/// Text as read from a data set.
package struct DecodedText: Sendable, Hashable {
    /// Without trailing padding; an inner NUL became U+FFFD (F69), as did all that could not be read.
    package var text: String
    /// Characters were lost: the text holds U+FFFD.
    package var lossy = false
    /// Read in another set than the declared one, or the sender broke the declaration (F60, F61).
    package var suspect = false
}

extension SpecificCharacterSet {
    /// Decodes a whole value; the values of a multi-valued element stay joined by `\`, which no set's second byte can
    /// be taken for (F64).
    ///
    /// Order (F60, F61): the declared set; UTF-8 where that fits and the declared set is single-byte; Latin-1.
    package func decode(_ bytes: ArraySlice<UInt8>, vr: VR) -> DecodedText {
        bytes.withUnsafeBufferPointer { decode(UnsafeRawBufferPointer($0), vr: vr) }
    }

    func decode(_ padded: UnsafeRawBufferPointer, vr: VR) -> DecodedText {
        var end = padded.count
        while end > 0, padded[end - 1] == 0x20 || padded[end - 1] == 0x00 { end -= 1 }
        let bytes = UnsafeRawBufferPointer(rebasing: padded[0..<end])
        let set = vr.usesSpecificCharacterSet ? self : .default
        if set.initial != .jisX0201, Self.isPrintableASCII(bytes) {
            return DecodedText(text: String(decoding: bytes, as: UTF8.self))
        }
        return set.decodeBeyondASCII(bytes, vr: vr, hasEscape: bytes.contains(0x1B))
    }

    /// Whether every byte is 0x20…0x7F, eight at a time: nearly all values of nearly all answers are.
    private static func isPrintableASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var others: UInt64 = 0
        var position = 0
        while position + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            // With all bytes below 0x80 the subtraction borrows, and so sets a high bit, only after a byte below 0x20.
            others |= (word | (word &- 0x2020_2020_2020_2020)) & highBits
            position += 8
        }
        while position < bytes.count {
            others |= bytes[position] < 0x20 || bytes[position] >= 0x80 ? 1 : 0
            position += 1
        }
        return others == 0
    }

    private func decodeBeyondASCII(_ bytes: UnsafeRawBufferPointer, vr: VR, hasEscape: Bool) -> DecodedText {
        switch initial {
        case .utf8: Self.decodeUTF8(bytes)
        case .gb18030, .gbk: Self.decodeGB(bytes, initial)
        default:
            if !hasEscape, let text = textInUndeclaredUTF8(bytes) {
                DecodedText(text: text, suspect: true)
            } else {
                decodeCodeExtensions(bytes, vr: vr)
            }
        }
    }

    /// F61: UTF-8 behind a single-byte declaration. A Latin set gives way to any valid UTF-8; another set only to text
    /// it can itself write, because short words of its own letters can look like UTF-8 (`ЯН` in ISO_IR 144).
    private func textInUndeclaredUTF8(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.contains(where: { $0 >= 0x80 }), !bytes.contains(0) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let mayBeAnything = initial == .ascii || initial.isLatin
        guard !mayBeAnything else { return text }
        let table = CodeTable.of(initial)
        return text.unicodeScalars.allSatisfy { $0.isASCII || table.index(of: $0) != nil } ? text : nil
    }

    /// Declared UTF-8 that is not: Latin-1 if no multi-byte character is in it, else repaired (a value cut in the
    /// middle of a character).
    private static func decodeUTF8(_ bytes: UnsafeRawBufferPointer) -> DecodedText {
        let text = String(decoding: bytes, as: UTF8.self)
        let hasNUL = bytes.contains(0)
        if !hasNUL, String(validating: bytes, as: UTF8.self) != nil { return DecodedText(text: text) }
        if text.unicodeScalars.contains(where: { !$0.isASCII && $0.value != UTF8Sink.replacement })
            || bytes.allSatisfy({ $0 < 0x80 })
        {
            let scalars = text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }
            return DecodedText(text: String(String.UnicodeScalarView(scalars)), lossy: true)
        }
        var latin = SpecificCharacterSet.latin1.decodeCodeExtensions(bytes, vr: .LT)
        latin.suspect = true
        return latin
    }

    private static func decodeGB(_ bytes: UnsafeRawBufferPointer, _ set: CodedCharacterSet) -> DecodedText {
        let table = CodeTable.of(set)
        var lossy = false
        let text = String(unsafeUninitializedCapacity: bytes.count * 3) { buffer in
            var sink = UTF8Sink(buffer)
            var position = 0
            while position < bytes.count {
                let (scalar, length) = table.gbScalar(bytes, at: position)
                if scalar == UTF8Sink.replacement { lossy = true }
                sink.append(scalar)
                position += length
            }
            return sink.count
        }
        return DecodedText(text: text, lossy: lossy)
    }
}

extension CodeTable {
    /// One character of GBK or GB18030 and how many bytes it took.
    fileprivate func gbScalar(_ bytes: UnsafeRawBufferPointer, at position: Int) -> (UInt32, Int) {
        let lead = bytes[position]
        guard lead >= 0x80 else { return (lead == 0 ? UTF8Sink.replacement : UInt32(lead), 1) }
        guard (0x81...0xFE).contains(lead), position + 1 < bytes.count else { return (UTF8Sink.replacement, 1) }
        let second = bytes[position + 1]
        if (0x40...0xFE).contains(second) {
            let scalar = scalars[Int(lead - 0x81) * Self.gbTrailCount + Int(second - 0x40)]
            return scalar == 0 ? (UTF8Sink.replacement, second < 0x80 ? 1 : 2) : (scalar, 2)
        }
        guard !fourByteScalars.isEmpty, (0x30...0x39).contains(second), position + 3 < bytes.count,
            (0x81...0xFE).contains(bytes[position + 2]), (0x30...0x39).contains(bytes[position + 3])
        else { return (UTF8Sink.replacement, 1) }
        let index =
            ((Int(lead - 0x81) * 10 + Int(second - 0x30)) * 126 + Int(bytes[position + 2] - 0x81)) * 10
            + Int(bytes[position + 3] - 0x30)
        if index < fourByteScalars.count {
            let scalar = fourByteScalars[index]
            return (scalar == 0 ? UTF8Sink.replacement : scalar, 4)
        }
        let supplementary = index - Self.fourByteSupplementaryStart + 0x1_0000
        return ((0x1_0000...0x10_FFFF).contains(supplementary) ? UInt32(supplementary) : UTF8Sink.replacement, 4)
    }
}

extension VR {
    /// PS3.5 §6.1.2.2: the value representations whose text is in the Specific Character Set.
    var usesSpecificCharacterSet: Bool {
        switch self {
        case .SH, .LO, .ST, .LT, .UC, .UT, .PN, .UN: true
        default: false
        }
    }

    /// Whether 0x5C is a character of the text, not what separates values.
    var keepsBackslash: Bool {
        switch self {
        case .ST, .LT, .UT: true
        default: false
        }
    }
}
