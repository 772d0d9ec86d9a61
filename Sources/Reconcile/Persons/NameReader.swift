import DICOM
import Foundation

/// What a DICOM name says for comparison: its parts, in Latin letters and in ideographs, each in a form of its own.
///
/// Names in other letters are read by Unicode's transliteration to Latin, so that Иванов is found beside Ivanov; what it
/// makes of Chinese characters is kept out, because the same ones are read in other ways in Japan and Korea.
struct NameReader {
    struct Name {
        var latin = Parts()
        var ideographic = Parts()
        var phonetic = Parts()
        var middle = ""
        /// Of a generation, as jr or 2 (F176).
        var suffix = ""
    }

    struct Parts {
        var family = ""
        var given = ""
    }

    /// What components read as: names are few, and those who have them many.
    private var known: [String: String] = [:]

    mutating func read(_ text: String) -> Name {
        let name = PersonName(text)
        var read = Name()
        for (position, group) in name.groups.enumerated() where !group.isEmpty {
            let parts = Self.components(of: group)
            guard let first = parts.first(where: { !$0.isEmpty }) else { continue }
            // Who keeps one group only may call any of them the first.
            if Self.hasIdeographs(first) {
                read.ideographic = Parts(family: ideographs(parts, 0), given: ideographs(parts, 1))
            } else if position == 2 || position == 1 && !read.latin.family.isEmpty {
                read.phonetic = Parts(family: latin(parts, 0), given: latin(parts, 1))
            } else {
                read.latin = Parts(family: latin(parts, 0), given: latin(parts, 1))
                read.middle = latin(parts, 2)
                read.suffix = Self.generation(parts)
            }
        }
        return read
    }

    /// Family, given, middle name, prefix and suffix; `SMITH, JOHN` and `JOHN SMITH` are read as people mean them.
    private static func components(of group: String) -> [String] {
        let components = PersonName.components(of: group)
        guard components.count == 1, !hasIdeographs(components[0]) else { return components }
        for separator in [",", "\u{3000}", " "] {
            let words = components[0].split(separator: separator, omittingEmptySubsequences: true).map {
                String($0).trimmingSpaces()
            }
            guard words.count > 1 else { continue }
            return separator == " "
                ? [words[words.count - 1], words.dropLast().joined(separator: " ")]
                : [words[0], words.dropFirst().joined(separator: " ")]
        }
        return components
    }

    private mutating func latin(_ components: [String], _ position: Int) -> String {
        guard position < components.count, !components[position].isEmpty else { return "" }
        let component = components[position]
        if let known = known[component] { return known }
        let read = Self.latin(component)
        known[component] = read
        return read
    }

    /// Letters and digits only, without titles and generations: van den Berg and Vandenberg, Jean-Luc and Jean Luc are
    /// written alike. "": nothing is left, or characters were lost on the way (N3).
    private static func latin(_ component: String) -> String {
        guard !component.unicodeScalars.contains(where: Loss.isReplacement) else { return "" }
        var folded = MatchingKey.folded(component)
        if !folded.utf8.allSatisfy({ $0 < 0x80 }) {
            folded = MatchingKey.folded(folded.applyingTransform(.toLatin, reverse: false) ?? folded)
        }
        var words = MatchingKey.words(in: folded).filter { !titles.contains($0) }
        while words.count > 1, let last = words.last, generations[last] != nil { words.removeLast() }
        return words.joined()
    }

    private func ideographs(_ components: [String], _ position: Int) -> String {
        guard position < components.count else { return "" }
        let component = components[position]
        guard !component.unicodeScalars.contains(where: Loss.isReplacement) else { return "" }
        return TextComparison.key(component)
    }

    private static func hasIdeographs(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.isIdeographic }
    }

    private static func generation(_ components: [String]) -> String {
        let suffix = components.count > 4 ? components[4] : ""
        let last =
            components.count > 1 ? components[1].split(separator: " ").dropFirst().last.map(String.init) ?? "" : ""
        for word in MatchingKey.words(in: MatchingKey.folded(suffix)) + MatchingKey.words(in: MatchingKey.folded(last))
        {
            if let generation = generations[word] { return generation }
        }
        return ""
    }

    private static let titles: Set<String> = ["dr", "mr", "mrs", "ms", "prof", "herr", "frau"]
    private static let generations = [
        "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "1": "1", "2": "2", "3": "3", "i": "1", "ii": "2",
        "iii": "3", "iv": "4",
    ]
}
