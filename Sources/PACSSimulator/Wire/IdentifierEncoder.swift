/// Writes C-FIND response identifiers (PS3.4 §C.4.1.1.3.2), in an encoder of the simulator's own for the same reason as
/// `CharacterEncoding`.
package struct IdentifierEncoder: Sendable {
    /// Explicit VR Little Endian instead of Implicit.
    let isExplicit: Bool

    package init(isExplicit: Bool) {
        self.isExplicit = isExplicit
    }

    /// - Parameters:
    ///   - values: what this source answers; only what is in `requested` is written.
    ///   - level: (0008,0052), always echoed (F32).
    ///   - encoding: in which the text is written.
    ///   - isDeclared: whether (0008,0005) names it.
    func encode(
        _ values: AttributeValues, requested: Set<UInt32>, level: String, encoding: CharacterEncoding,
        isDeclared: Bool
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        if isDeclared, let name = encoding.dicomValue {
            append(0x0008_0005, "CS", Array(name.utf8), to: &bytes)
        }
        var isLevelWritten = false
        for attribute in Attribute.byTag {
            if !isLevelWritten, attribute.tag > 0x0008_0052 {
                append(0x0008_0052, "CS", Array(level.utf8), to: &bytes)
                isLevelWritten = true
            }
            guard requested.contains(attribute.tag), let value = values[attribute] else { continue }
            append(attribute.tag, attribute.vr, encoding.encode(value), to: &bytes)
        }
        return bytes
    }

    /// A match of the default character repertoire.
    func encode(_ elements: [(tag: UInt32, vr: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for element in elements { append(element.tag, element.vr, Array(element.value.utf8), to: &bytes) }
        return bytes
    }

    private func append(_ tag: UInt32, _ vr: String, _ value: [UInt8], to bytes: inout [UInt8]) {
        let isOdd = value.count % 2 == 1
        let length = value.count + (isOdd ? 1 : 0)
        bytes += Self.littleEndian(tag >> 16, 2) + Self.littleEndian(tag, 2)
        bytes +=
            isExplicit ? Array(vr.utf8) + Self.littleEndian(UInt32(length), 2) : Self.littleEndian(UInt32(length), 4)
        bytes += value
        if isOdd { bytes.append(vr == "UI" ? 0 : 0x20) }
    }

    private static func littleEndian(_ value: UInt32, _ count: UInt32) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
