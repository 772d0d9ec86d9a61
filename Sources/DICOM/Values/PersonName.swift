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
        let groups = text.split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false)
        self.init(
            alphabetic: groups.isEmpty ? "" : String(groups[0]),
            ideographic: groups.count > 1 ? String(groups[1]) : "",
            phonetic: groups.count > 2 ? String(groups[2]) : "")
    }

    package var groups: [String] { [alphabetic, ideographic, phonetic] }

    /// Family name, given name, middle name, prefix, suffix of the first group that is there; trimmed, without the
    /// empty ones at the end, and more than five where the field holds more.
    package var components: [String] {
        Self.components(of: groups.first { !Self.components(of: $0).isEmpty } ?? "")
    }

    package static func components(of group: String) -> [String] {
        var components = group.utf8.split(separator: 0x5E, omittingEmptySubsequences: false).map {
            String(decoding: PaddedASCII.trim(String(Substring($0)).utf8), as: UTF8.self)
        }
        while components.last?.isEmpty == true { components.removeLast() }
        return components
    }

    /// `A=I=P` without the empty groups at the end.
    package var encoded: String { Self.joined(groups) }

    /// Without padding around the components and without empty components and groups at the end (F72).
    package var canonical: String {
        Self.joined(groups.map { Self.components(of: $0).joined(separator: "^") })
    }

    /// What names are compared by: `canonical` folded by `MatchingKey`.
    package var matchingKey: String { MatchingKey.folded(canonical) }

    package var isEmpty: Bool { canonical.isEmpty }

    private static func joined(_ groups: [String]) -> String {
        var groups = groups
        while groups.last?.isEmpty == true { groups.removeLast() }
        return groups.joined(separator: "=")
    }
}
