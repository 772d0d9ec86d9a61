/// What indexes can make of a pattern with `*` and `?`.
package enum WildcardPattern {
    /// What every match begins with.
    package static func literalPrefix(_ pattern: String) -> String {
        String(pattern.unicodeScalars.prefix { !isWildcard($0) })
    }

    /// What every match holds somewhere.
    package static func literals(_ pattern: String) -> [String] {
        pattern.unicodeScalars.split(whereSeparator: isWildcard).map { String(String.UnicodeScalarView($0)) }
    }

    /// The first text, by bytes, that is after all texts with this prefix; nil: there is none.
    package static func end(ofPrefix prefix: String) -> String? {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let next = Unicode.Scalar(next) else { continue }
            return String(String.UnicodeScalarView(scalars + [next]))
        }
        return nil
    }

    private static func isWildcard(_ scalar: Unicode.Scalar) -> Bool { scalar == "*" || scalar == "?" }
}
