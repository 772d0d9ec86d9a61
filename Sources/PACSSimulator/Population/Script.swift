/// The writing system of a patient's name, and with it the Specific Character Set that a PACS of that country declares.
package enum Script: String, CaseIterable, Sendable, Codable {
    case latin, cyrillic, greek, hebrew, arabic, thai, japanese, korean, chinese, unicode

    /// The set in which a PACS that keeps each study's own set stores it (PS3.3 §C.12.1.1.2).
    package var localEncoding: CharacterEncoding {
        switch self {
        case .latin: .latin1
        case .cyrillic: .cyrillic
        case .greek: .greek
        case .hebrew: .hebrew
        case .arabic: .arabic
        case .thai: .thai
        case .japanese: .japanese
        case .korean: .korean
        case .chinese: .gb18030
        case .unicode: .utf8
        }
    }

    /// Upper case folds back to the same name without rules that differ between libraries (final sigma, dotless i).
    var hasSimpleCase: Bool { self == .latin || self == .cyrillic }

    static let weights = [34, 9, 7, 6, 6, 7, 10, 7, 8, 6]
}

/// A part of a name in one to three representations (PS3.5 §6.2.1): alphabetic, ideographic, phonetic.
struct NamePart: Sendable {
    let alphabetic: String
    let ideographic: String
    let phonetic: String

    /// `"van den Berg"`.
    init(alphabetic: Substring) {
        self.alphabetic = String(alphabetic)
        ideographic = ""
        phonetic = ""
    }

    /// `"Yamada 山田 やまだ"`; ideographic and phonetic may be left out.
    init(groups text: Substring) {
        let groups = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        alphabetic = groups.first ?? ""
        ideographic = groups.count > 1 ? groups[1] : ""
        phonetic = groups.count > 2 ? groups[2] : ""
    }
}

/// A name as a source stores it: `A=I=P`, components joined by `^`.
package struct SimulatedName: Hashable, Sendable {
    package let text: String
    /// The alphabetic components in lower case, for telling really different names apart.
    let family: String
    let given: String

    init(family: NamePart, given: NamePart) {
        var groups = ["\(family.alphabetic)^\(given.alphabetic)"]
        if !family.ideographic.isEmpty { groups.append("\(family.ideographic)^\(given.ideographic)") }
        if !family.phonetic.isEmpty { groups.append("\(family.phonetic)^\(given.phonetic)") }
        text = groups.joined(separator: "=")
        self.family = family.alphabetic.lowercased()
        self.given = given.alphabetic.lowercased()
    }

    /// With another family name, in every representation.
    func renamed(_ other: NamePart) -> String {
        zip(text.split(separator: "="), [other.alphabetic, other.ideographic, other.phonetic]).map { group, family in
            family + group.drop { $0 != "^" }
        }.joined(separator: "=")
    }
}
