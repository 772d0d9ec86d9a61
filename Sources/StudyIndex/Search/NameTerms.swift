import DICOM

/// What `person_name.terms` holds of a name, for one GIN index that serves every search which a range of names does not:
/// its words, how they sound, and each pair of neighbouring Chinese, Japanese or Korean characters, which have too few for
/// trigrams. Words are folded, sounds are capitals, and `=` begins what is neither.
enum NameTerms {
    /// The name has several groups.
    static let groups = "="

    /// Of a folded name.
    static func terms(of key: String) -> [String] {
        var terms = MatchingKey.words(in: key)
        terms += terms.flatMap { SoundCode.codes(of: $0) }
        terms += pairs(in: key)
        if key.utf8.contains(UInt8(ascii: "=")) { terms.append(groups) }
        return terms
    }

    /// Of each two neighbouring ideographs, kana or Hangul syllables.
    static func pairs(in text: String) -> [String] {
        zip(text.unicodeScalars, text.unicodeScalars.dropFirst()).compactMap { first, second in
            isIdeographic(first) && isIdeographic(second) ? "=\(first)\(second)" : nil
        }
    }

    /// Three trigrams of the longest word of a folded pattern, spread over it, which together find nearly as few names as all
    /// of its trigrams do: each costs reading its whole list in the index. Empty: it has hardly more.
    static func trigrams(in pattern: String) -> [String] {
        // What the index takes for letters beyond ASCII depends on the database's locale.
        let words = pattern.utf8.split { !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        guard let word = words.max(by: { $0.count < $1.count }), word.count >= 6 else { return [] }
        let last = word.count - 3
        return [0, (last + 1) / 2, last].map { String(decoding: word.dropFirst($0).prefix(3), as: UTF8.self) }
    }

    private static func isIdeographic(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Kana, ideographs of the basic plane and of the supplementary ones, Hangul.
        case 0x3005...0x3007, 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF,
            0xAC00...0xD7A3:
            true
        default: false
        }
    }

    // MARK: Queries, in the text of a tsquery

    static func all(_ terms: [String]) -> String { terms.map(quoted).joined(separator: " & ") }

    /// Names that have a word for each of these.
    static func fuzzy(_ words: [String]) -> String {
        words.map { word -> String in
            let sounds = SoundCode.codes(of: word).map { " | " + quoted($0) }
            return "(\(quoted(word)):*\(sounds.joined()))"
        }.joined(separator: " & ")
    }

    /// Terms hold letters, digits and `=` only: nothing to escape.
    private static func quoted(_ term: String) -> String { "'\(term)'" }
}
