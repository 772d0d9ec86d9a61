/// How a word of a name sounds, so that `Meyer` finds `Maier`, and `Ivanov` finds `Iwanow` and `Иванов`.
///
/// In the manner of Kölner Phonetik, but for names of many languages: letters become classes of sounds, every run of vowels
/// counts as one, and repeated sounds count once. What languages read differently is read twice, as in Double Metaphone:
/// the hard reading takes `ch` and `c` as k, `j` as a vowel, `g` as g and `w` as v; the soft one takes `ch`, `j` and the
/// `g` before e and i as s, drops a leading `h`, and takes `w` after a vowel as one (`Brown`, `Braun`). Two words sound
/// alike if one reading of each is the same. Cyrillic and Greek are read by their usual transliteration.
///
/// Words with letters of other scripts have no code, and words with fewer than two consonants neither: there are too many
/// that sound like `Lee`.
package enum SoundCode {
    /// Of a folded word: none, one or two, of ASCII capitals.
    package static func codes(of word: String) -> [String] {
        guard let letters = letters(of: word) else { return [] }
        var codes: [String] = []
        for isSoft in [false, true] {
            var reading = Reading(letters, isSoft: isSoft)
            if let code = reading.code(), !codes.contains(code) { codes.append(code) }
        }
        return codes
    }

    /// In Latin letters; nil: it has others.
    private static func letters(of word: String) -> [UInt8]? {
        var letters: [UInt8] = []
        for scalar in word.unicodeScalars {
            if (0x61...0x7A).contains(scalar.value) {
                letters.append(UInt8(scalar.value))
            } else if let latin = transliteration[scalar] {
                letters += latin.utf8
            } else {
                return nil
            }
        }
        return letters
    }

    private static let transliteration: [Unicode.Scalar: String] = [
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ж": "sh", "з": "z", "и": "i", "й": "i",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
        "х": "k", "ц": "ts", "ч": "sh", "ш": "sh", "щ": "sh", "ъ": "", "ы": "i", "ь": "", "э": "e", "ю": "iu",
        "я": "ia",
        "і": "i", "ї": "i", "є": "e", "ў": "w", "ј": "i", "љ": "l", "њ": "n", "ћ": "sh", "ђ": "d", "џ": "sh",
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "t", "ι": "i", "κ": "k", "λ": "l",
        "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "τ": "t", "υ": "i", "φ": "f", "χ": "k",
        "ψ": "ps", "ω": "o",
    ]
}

/// One way to read a word aloud.
private struct Reading {
    private let letters: [UInt8]
    private let isSoft: Bool
    private var position = 0
    private var sounds: [UInt8] = []

    init(_ letters: [UInt8], isSoft: Bool) {
        // Mc is Mac, and without a vowel only in writing.
        self.letters = letters.starts(with: "mc".utf8) ? Array("mac".utf8) + letters.dropFirst(2) : letters
        self.isSoft = isSoft
    }

    /// nil: fewer than two consonants.
    mutating func code() -> String? {
        while position < letters.count { readLetter() }
        guard sounds.count(where: { $0 != Self.vowel }) >= 2 else { return nil }
        return String(decoding: sounds, as: UTF8.self)
    }

    private static let vowel = UInt8(ascii: "A")

    private mutating func readLetter() {
        switch Character(Unicode.Scalar(letters[position])) {
        case "a", "i", "o", "u", "y": take(1, as: "A")
        // Silent at the end: Anne, Moore.
        case "e": take(1, as: position > 0 && position + 1 == letters.count && sounds.last != Self.vowel ? nil : "A")
        case "b": take(1, as: "P")
        case "p": next("h") ? take(2, as: "F") : take(1, as: "P")
        case "f", "v": take(1, as: "F")
        case "w": take(1, as: isSoft && sounds.last == Self.vowel && !isVowel(at: position + 1) ? "A" : "F")
        // Heard as what follows: Schmitz, Tschaikowski, Mitchell.
        case "d" where next("s") || next("z"), "t" where next("s") || next("z"): take(1, as: nil)
        case "t" where next("ch"): take(3, as: "S")
        case "d", "t": take(1, as: "T")
        case "s": take(next("ch") ? 3 : next("h") ? 2 : 1, as: "S")
        case "z": take(next("h") ? 2 : 1, as: "S")
        case "c" where next("h"): take(2, as: isSoft ? "S" : "K")
        case "c" where next("z"): take(1, as: nil)
        case "c": take(1, as: isSoft && !next("k") || isFront(at: position + 1) ? "S" : "K")
        case "g" where next("h"): take(2, as: isSoft && position > 0 ? nil : "K")
        case "g": take(1, as: isSoft && isFront(at: position + 1) ? "S" : "K")
        case "k", "q": take(1, as: "K")
        case "x" where isSoft && position == 0: take(1, as: "S")
        case "x":
            take(0, as: "K")
            take(1, as: "S")
        case "j": take(1, as: isSoft ? "S" : "A")
        case "h": take(1, as: position == 0 && !isSoft ? "H" : nil)
        case "l": take(1, as: "L")
        case "m": take(1, as: "M")
        case "n": take(1, as: "N")
        default: take(1, as: "R")
        }
    }

    private mutating func take(_ count: Int, as sound: Unicode.Scalar?) {
        position += count
        guard let sound, let sound = UInt8(exactly: sound.value), sounds.last != sound else { return }
        sounds.append(sound)
    }

    private func next(_ text: String) -> Bool { letters[(position + 1)...].starts(with: text.utf8) }

    private func isVowel(at position: Int) -> Bool {
        letters.indices.contains(position) && "aeiouyj".utf8.contains(letters[position])
    }

    /// Before which c and g are soft.
    private func isFront(at position: Int) -> Bool {
        letters.indices.contains(position) && "eiy".utf8.contains(letters[position])
    }
}
