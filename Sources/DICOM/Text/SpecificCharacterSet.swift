import Synchronization

/// The character sets of a data set's text: the value of Specific Character Set (0008,0005), PS3.3 §C.12.1.1.2.
package struct SpecificCharacterSet: Sendable, Hashable {
    /// Value 1: what text starts in, and returns to at each delimiter.
    let initial: CodedCharacterSet
    /// Values 2…n, reached by escape sequences (PS3.5 §6.1.2.5).
    let extensions: [CodedCharacterSet]
    /// Whether escape sequences may be written: `ISO 2022` terms.
    let usesCodeExtensions: Bool
    /// False where a term was not known and the fallback was taken in its place (F62).
    package let isRecognised: Bool

    /// ISO_IR 6, what an absent (0008,0005) means.
    package static let `default` = SpecificCharacterSet(.ascii)
    package static let utf8 = SpecificCharacterSet(.utf8)
    package static let latin1 = SpecificCharacterSet(.latin1)

    init(
        _ initial: CodedCharacterSet, extensions: [CodedCharacterSet] = [], usesCodeExtensions: Bool = false,
        isRecognised: Bool = true
    ) {
        self.initial = initial
        self.extensions = extensions
        self.usesCodeExtensions = usesCodeExtensions
        self.isRecognised = isRecognised
    }

    /// Reads the attribute's value, values joined by `\`. Spelling is forgiven (F62); a stand-alone set as value 1
    /// ignores the rest, and one among the extensions is ignored itself (F65).
    ///
    /// - Parameter fallback: stands for an empty value and for a value 1 that is not known.
    package init(_ value: String, fallback: SpecificCharacterSet = .default) {
        switch value {
        case "ISO_IR 100": self = .latin1
        case "ISO_IR 192": self = .utf8
        case "ISO_IR 6": self = .default
        default: self = Self.parsed(value, fallback)
        }
    }

    /// The attribute has the same few values in all answers: what was read once is not parsed again.
    private static func parsed(_ value: String, _ fallback: SpecificCharacterSet) -> SpecificCharacterSet {
        if let known = known.withLock({ $0[value] }) { return known }
        let set = SpecificCharacterSet(parsing: value, fallback: fallback)
        // Only what does not depend on the fallback, as a value without letters does, and no more of what peers write than
        // this.
        if set.isRecognised, value.utf8.contains(where: { (0x61...0x7A).contains($0 | 0x20) }) {
            known.withLock { if $0.count < 256 { $0[value] = set } }
        }
        return set
    }

    private static let known = Mutex<[String: SpecificCharacterSet]>([:])

    private init(parsing value: String, fallback: SpecificCharacterSet) {
        let terms = value.utf8.split(separator: 0x5C, omittingEmptySubsequences: false).map(DefinedTerm.init)
        guard let first = terms.first, terms.contains(where: { !$0.isEmpty }) else {
            self = fallback
            return
        }
        guard let initial = first.isEmpty ? .ascii : first.set else {
            self.init(
                fallback.initial, extensions: fallback.extensions, usesCodeExtensions: fallback.usesCodeExtensions,
                isRecognised: false)
            return
        }
        guard initial.kind != .standAlone else {
            self.init(initial)
            return
        }
        var extensions: [CodedCharacterSet] = []
        for case let set? in terms.dropFirst().map(\.set) where set.kind != .standAlone {
            if set != initial, !extensions.contains(set) { extensions.append(set) }
        }
        self.init(
            initial, extensions: extensions,
            usesCodeExtensions: terms.count > 1 || first.namesCodeExtensions || initial.kind != .singleByte,
            isRecognised: terms.allSatisfy { $0.isEmpty || $0.set != nil })
    }

    /// The attribute's value in the standard's spelling; empty for the default repertoire.
    package var dicomValue: String {
        switch initial {
        case .gb18030: return "GB18030"
        case .gbk: return "GBK"
        case .ascii where extensions.isEmpty: return usesCodeExtensions ? "ISO 2022 IR 6" : ""
        default: break
        }
        guard usesCodeExtensions else { return "ISO_IR \(initial.registration ?? 6)" }
        let first = initial == .ascii ? "" : "ISO 2022 IR \(initial.registration ?? 6)"
        return ([first] + extensions.map { "ISO 2022 IR \($0.registration ?? 6)" }).joined(separator: "\\")
    }
}

/// One value of (0008,0005), as it is written in the field (F62): case, spaces, `_`, `-` and `+` do not count.
private struct DefinedTerm {
    let isEmpty: Bool
    let set: CodedCharacterSet?
    let namesCodeExtensions: Bool

    init(_ value: Substring.UTF8View) {
        var key = ""
        for byte in value {
            switch byte {
            case 0x61...0x7A: key.unicodeScalars.append(Unicode.Scalar(byte - 0x20))
            case 0x20, 0x5F, 0x2D, 0x2B, 0x00, 0x2E: continue
            default: key.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        isEmpty = key.isEmpty
        namesCodeExtensions = key.hasPrefix("ISO2022")
        set = Self.set(named: key)
    }

    private static func set(named key: String) -> CodedCharacterSet? {
        for prefix in ["ISO2022IR", "ISO2022", "ISOIR"] where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            if let number = Int(rest), let set = byRegistration[number] { return set }
            return aliases[String(rest)]
        }
        return aliases[key]
    }

    private static let byRegistration = Dictionary(
        CodedCharacterSet.allCases.compactMap { set in set.registration.map { ($0, set) } },
        uniquingKeysWith: { first, _ in first }
    ).merging([14: .jisX0201], uniquingKeysWith: { first, _ in first })

    private static let aliases: [String: CodedCharacterSet] = [
        "GB18030": .gb18030, "GBK": .gbk, "CP936": .gbk, "GB2312": .gb2312, "UTF8": .utf8, "UNICODE": .utf8,
        "ISO88591": .latin1, "LATIN1": .latin1, "ISO88592": .latin2, "LATIN2": .latin2, "ISO88593": .latin3,
        "LATIN3": .latin3, "ISO88594": .latin4, "LATIN4": .latin4, "ISO88595": .cyrillic, "ISO88596": .arabic,
        "ISO88597": .greek, "ISO88598": .hebrew, "ISO88599": .latin5, "LATIN5": .latin5, "ISO885911": .thai,
        "TIS620": .thai, "ISO885915": .latin9, "LATIN9": .latin9, "ASCII": .ascii, "USASCII": .ascii,
        "ISO646": .ascii,
    ]
}
