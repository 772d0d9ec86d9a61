/// A person's name: up to three groups `alphabetic=ideographic=phonetic` of five components
/// `family^given^middle^prefix^suffix` (PS3.5 §6.2.1). No length is enforced (F72).
package struct PersonName: Sendable, Hashable {
    package let alphabetic: String
    package let ideographic: String
    /// What follows a third `=` stays here, so that nothing is lost.
    package let phonetic: String

    package init(alphabetic: String = "", ideographic: String = "", phonetic: String = "") {
        self.alphabetic = alphabetic
        self.ideographic = ideographic
        self.phonetic = phonetic
    }

    /// One value of a PN element.
    package init(_ text: String) {
        // By bytes: as a `Character`, `=` would merge with a combining mark after it.
        guard text.utf8.contains(0x3D) else {
            self.init(alphabetic: text)
            return
        }
        let groups = text.utf8.split(separator: 0x3D, maxSplits: 2, omittingEmptySubsequences: false)
        self.init(
            alphabetic: groups.isEmpty ? "" : String(Substring(groups[0])),
            ideographic: groups.count > 1 ? String(Substring(groups[1])) : "",
            phonetic: groups.count > 2 ? String(Substring(groups[2])) : "")
    }

    package var groups: [String] { [alphabetic, ideographic, phonetic] }

    /// Family name, given name, middle name, prefix, suffix of the first group that is there; trimmed, without the
    /// empty ones at the end, and more than five where the field holds more.
    package var components: [String] {
        for group in [alphabetic, ideographic, phonetic] where !group.isEmpty {
            let components = Self.components(of: group)
            if !components.isEmpty { return components }
        }
        return []
    }

    package static func components(of group: String) -> [String] {
        var group = group
        var components = group.withUTF8 { bytes in
            var components: [String] = []
            components.reserveCapacity(5)
            var start = 0
            for end in 0...bytes.count where end == bytes.count || bytes[end] == 0x5E {
                let trimmed = PaddedASCII.trim(UnsafeBufferPointer(rebasing: bytes[start..<end]))
                components.append(String(decoding: trimmed, as: UTF8.self))
                start = end + 1
            }
            return components
        }
        while components.last?.isEmpty == true { components.removeLast() }
        return components
    }

    /// `A=I=P` without the empty groups at the end.
    package var encoded: String { Self.joined(groups) }

    /// Without padding around the components and without empty components and groups at the end (F72).
    package var canonical: String {
        var bytes: [UInt8] = []
        for (index, group) in groups.enumerated() {
            if index > 0 { bytes.append(0x3D) }
            Self.appendCanonical(group, to: &bytes)
        }
        while bytes.last == 0x3D { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func appendCanonical(_ group: String, to bytes: inout [UInt8]) {
        let groupStart = bytes.count
        var componentStart = groupStart
        for byte in group.utf8 {
            switch byte {
            case 0x20, 0x00: if bytes.count > componentStart { bytes.append(byte) }
            case 0x5E:
                removeLast(0x20, 0x00, from: &bytes, downTo: componentStart)
                bytes.append(byte)
                componentStart = bytes.count
            default: bytes.append(byte)
            }
        }
        removeLast(0x20, 0x00, from: &bytes, downTo: componentStart)
        removeLast(0x5E, 0x5E, from: &bytes, downTo: groupStart)
    }

    private static func removeLast(_ one: UInt8, _ other: UInt8, from bytes: inout [UInt8], downTo count: Int) {
        while bytes.count > count, let last = bytes.last, last == one || last == other { bytes.removeLast() }
    }

    /// What names are matched by: `canonical` folded by `MatchingKey`, of which the first 500 characters count, so that
    /// every name fits into an index.
    package var matchingKey: String {
        let folded = MatchingKey.folded(canonical)
        return folded.utf8.count <= Self.matched ? folded : String(folded.unicodeScalars.prefix(Self.matched))
    }

    private static let matched = 500

    package var isEmpty: Bool { canonical.isEmpty }

    private static func joined(_ groups: [String]) -> String {
        var groups = groups
        while groups.last?.isEmpty == true { groups.removeLast() }
        return groups.joined(separator: "=")
    }
}
