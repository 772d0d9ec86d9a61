import Foundation

/// Text folded for comparison: compatibility forms, case, accents and kana count as one (F66, F67).
package enum MatchingKey {
    /// Full-width and half-width forms become the usual ones (NFKC), hiragana becomes katakana, case is dropped, and so
    /// are the accents of Latin and Greek, the points of Hebrew and Arabic, and ё's dots. Marks that make another letter
    /// stay: kana's sound marks, й, Thai vowels.
    package static func folded(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return lowercasedASCII(text) }
        return foldedByLetter(text) ?? normalised(text)
    }

    /// Text of letters that fold one by one, without Foundation; nil where a scalar may act on its neighbours.
    static func foldedByLetter(_ text: String) -> String? {
        var folded = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x41...0x5A: folded.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value) + 0x20))
            case 0..<0x80, 0x30A1...0x30FA, 0x30FC, 0x4E00...0x9FFF, 0xAC00...0xD7A3:
                folded.unicodeScalars.append(scalar)
            case 0x80..<tableEnd:
                let letter = letters[Int(scalar.value) - 0x80]
                guard !letter.isEmpty else { return nil }
                folded += letter
            default:
                guard let katakana = katakana(scalar) else { return nil }
                folded.unicodeScalars.append(katakana)
            }
        }
        return folded
    }

    /// Latin, Greek, Cyrillic, Hebrew and Arabic end below it.
    private static let tableEnd: UInt32 = 0x700
    /// What each scalar from 0x80 folds to; empty for marks and for what folds to a mark.
    private static let letters: [String] = (0x80..<tableEnd).map { value in
        guard let scalar = Unicode.Scalar(value), !isMark(scalar) else { return "" }
        let letter = normalised(String(scalar))
        return letter.unicodeScalars.contains(where: isMark) ? "" : letter
    }

    /// Foundation's normalisation: some microseconds a name.
    static func normalised(_ text: String) -> String {
        var folded = String.UnicodeScalarView()
        var base: Unicode.Scalar = " "
        for scalar in text.decomposedStringWithCompatibilityMapping.unicodeScalars {
            if isMark(scalar) {
                if !isDropped(scalar, after: base) { folded.append(scalar) }
                continue
            }
            base = scalar
            if let plain = plainLetters[scalar] {
                folded.append(contentsOf: plain.unicodeScalars)
            } else if let katakana = katakana(scalar) {
                folded.append(katakana)
            } else {
                folded.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return String(folded).precomposedStringWithCanonicalMapping
    }

    private static func lowercasedASCII(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x300 && scalar.properties.generalCategory == .nonspacingMark
    }

    private static func isDropped(_ mark: Unicode.Scalar, after base: Unicode.Scalar) -> Bool {
        switch mark.value {
        case 0x0591...0x05C7, 0x064B...0x065F, 0x0670: true
        case 0x0308 where base == "е" || base == "Е": true
        case 0x0300...0x036F: base.value < 0x0400 || (0x1E00...0x1FFF).contains(base.value)
        default: false
        }
    }

    private static func katakana(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        case 0x3041...0x3096, 0x309D, 0x309E: Unicode.Scalar(scalar.value + 0x60)
        default: nil
        }
    }

    /// Letters that Unicode does not take apart.
    private static let plainLetters: [Unicode.Scalar: String] = [
        "ß": "ss", "ẞ": "ss", "Ø": "o", "ø": "o", "Ł": "l", "ł": "l", "Đ": "d", "đ": "d", "Æ": "ae", "æ": "ae",
        "Œ": "oe", "œ": "oe", "Þ": "th", "þ": "th", "Ð": "d", "ð": "d", "ı": "i", "İ": "i", "ς": "σ",
    ]

    // MARK: Words

    /// The words of a folded text: runs of letters, digits and their marks. Apostrophes are no borders (`o'neil`, `oneil`).
    ///
    /// - Parameter wildcards: whether `*` and `?` are parts of words.
    package static func words(in folded: String, wildcards: Bool = false) -> [String] {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        func isPart(_ scalar: Unicode.Scalar) -> Bool {
            if scalar == "*" || scalar == "?" { return wildcards }
            if scalar.isASCII { return ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) }
            return scalar.properties.isAlphabetic || scalar.properties.numericType != nil || isMark(scalar)
        }
        for scalar in folded.unicodeScalars where !apostrophes.contains(scalar) {
            if isPart(scalar) {
                word.append(scalar)
            } else if !word.isEmpty {
                words.append(String(word))
                word = String.UnicodeScalarView()
            }
        }
        return word.isEmpty ? words : words + [String(word)]
    }

    private static let apostrophes: Set<Unicode.Scalar> = ["'", "\u{2019}", "\u{2BC}"]
}
