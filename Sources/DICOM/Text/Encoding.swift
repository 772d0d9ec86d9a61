/// Text that a character set cannot write. Says nothing of the text: it may be a patient's name.
package struct CharacterSetError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// A character is in none of the declared sets.
        case notEncodable
    }

    package let code: Code
    /// The value of (0008,0005) that was asked for.
    package let characterSet: String

    package var description: String {
        "text has characters outside \(characterSet.isEmpty ? "ISO_IR 6" : characterSet)"
    }
}

extension SpecificCharacterSet {
    /// Encodes a value, unpadded, with the escape sequences it needs; `\` in `text` separates values where `vr` has
    /// several.
    ///
    /// - Throws: `notEncodable` where a character is in none of the sets.
    package func encode(_ text: String, vr: VR) throws(CharacterSetError) -> [UInt8] {
        guard let bytes = write(text, vr: vr, replacement: nil) else {
            throw CharacterSetError(code: .notEncodable, characterSet: dicomValue)
        }
        return bytes
    }

    /// Encodes a value with `?` for each character outside the sets, for a peer that reads nothing else (F68).
    package func encodeReplacing(_ text: String, vr: VR) -> [UInt8] {
        write(text, vr: vr, replacement: "?") ?? []
    }

    private func write(_ text: String, vr: VR, replacement: Unicode.Scalar?) -> [UInt8]? {
        if initial == .utf8, vr.usesSpecificCharacterSet { return Array(text.utf8) }
        if initial != .jisX0201, text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x1B }) { return Array(text.utf8) }
        var writer = CodeExtensionWriter(set: vr.usesSpecificCharacterSet ? self : .default, vr: vr)
        for scalar in text.unicodeScalars where !writer.append(scalar) {
            guard let replacement, writer.append(replacement) else { return nil }
        }
        return writer.finish()
    }
}

/// Writes one value, designating sets as late as possible and returning to value 1's before each delimiter.
private struct CodeExtensionWriter {
    let set: SpecificCharacterSet
    let vr: VR
    let start: Designation
    var designation: Designation
    var bytes: [UInt8] = []

    init(set: SpecificCharacterSet, vr: VR) {
        self.set = set
        self.vr = vr
        start = Designation(initial: set.initial)
        designation = start
    }

    mutating func finish() -> [UInt8] {
        reset()
        return bytes
    }

    /// False where no set has the character.
    mutating func append(_ scalar: Unicode.Scalar) -> Bool {
        if set.initial.kind == .standAlone { return appendGB(scalar) }
        if scalar.isASCII {
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            guard byte != 0x1B else { return false }
            let isDelimiter = vr.resetsDesignation(at: byte)
            // JIS X 0201 has a yen sign and an overline in these two places.
            let isRomanOnly = start.g0 == .jisX0201 && (byte == 0x7E || byte == 0x5C)
            guard isDelimiter || !isRomanOnly else { return false }
            if isDelimiter { reset() } else { invokeStartG0() }
            bytes.append(byte)
            return true
        }
        if start.g0 == .jisX0201, scalar.value == 0xA5 && vr.keepsBackslash || scalar.value == 0x203E {
            invokeStartG0()
            bytes.append(scalar.value == 0xA5 ? 0x5C : 0x7E)
            return true
        }
        // The set in use first: an escape sequence less.
        if let g1 = designation.g1, let code = Self.code(scalar, g1) {
            bytes += code
            return true
        }
        for candidate in [designation.g0, set.initial] + set.extensions {
            guard let code = Self.code(scalar, candidate) else { continue }
            designate(candidate)
            bytes += code
            return true
        }
        return false
    }

    private mutating func designate(_ candidate: CodedCharacterSet) {
        if candidate.kind == .doubleByteG0 {
            guard designation.g0 != candidate else { return }
            designation.g0 = candidate
            bytes += [0x1B] + (candidate.g0Designation ?? [])
        } else {
            guard designation.g1 != candidate else { return }
            designation.g1 = candidate
            bytes += [0x1B] + (candidate.g1Designation ?? [])
        }
    }

    private mutating func invokeStartG0() {
        guard designation.g0 != start.g0 else { return }
        designation.g0 = start.g0
        bytes += [0x1B] + (start.g0.g0Designation ?? [])
    }

    /// G1 needs no escape sequence here: the reader takes value 1's up again after a delimiter by itself.
    private mutating func reset() {
        invokeStartG0()
        designation = start
    }

    private static func code(_ scalar: Unicode.Scalar, _ set: CodedCharacterSet) -> [UInt8]? {
        guard let index = CodeTable.of(set).index(of: scalar) else { return nil }
        switch set.kind {
        case .singleByte: return [UInt8(0x80 + index)]
        case .doubleByteG0: return [UInt8(0x21 + index / 94), UInt8(0x21 + index % 94)]
        case .doubleByteG1: return [UInt8(0xA1 + index / 94), UInt8(0xA1 + index % 94)]
        case .standAlone: return nil
        }
    }

    private mutating func appendGB(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            return true
        }
        let table = CodeTable.of(set.initial)
        if let index = table.index(of: scalar) {
            let fourByte = index - table.scalars.count
            bytes += fourByte < 0 ? CodeTable.twoByteCode(index) : CodeTable.fourByteCode(fourByte)
            return true
        }
        guard set.initial == .gb18030, scalar.value >= 0x1_0000 else { return false }
        bytes += CodeTable.fourByteCode(CodeTable.fourByteSupplementaryStart + Int(scalar.value) - 0x1_0000)
        return true
    }
}
