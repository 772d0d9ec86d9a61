/// A name as somebody types it who does not know how it is written: in any order, begun, heard (F133, F144).
///
/// It matches what its text matches literally, and every name that has all of its words: a word of the name begins with it
/// or sounds like it (`SoundCode`). `jo do` finds `Doe^John`, `ohn` does not; `maier` finds `Meyer^Anna`.
package struct FuzzyName: Sendable, Hashable {
    /// The text, folded by `MatchingKey`; `*` and `?` are wildcards.
    package let pattern: String
    /// Its words, without `*` at their ends. None where wildcards stand elsewhere: who writes those means them.
    package let words: [String]

    /// - Parameter pattern: folded by `MatchingKey`.
    package init(_ pattern: String) {
        self.pattern = pattern
        let words = MatchingKey.words(in: pattern, wildcards: true).map { word in
            String(word.drop { $0 == "*" }.reversed().drop { $0 == "*" }.reversed())
        }.filter { !$0.isEmpty }
        self.words = words.contains(where: QueryKey.hasWildcards) ? [] : words
    }

    /// - Parameter key: a name's `matchingKey`.
    package func matches(_ key: String) -> Bool {
        if QueryKey.matchesName(pattern, key) { return true }
        guard !words.isEmpty else { return false }
        let names = MatchingKey.words(in: key)
        return words.allSatisfy { word in
            let codes = SoundCode.codes(of: word)
            return names.contains { name in
                // By bytes, as indexes do: as a `String`, a word would not begin with its letter without the mark.
                name.utf8.starts(with: word.utf8) || SoundCode.codes(of: name).contains(where: codes.contains)
            }
        }
    }
}
