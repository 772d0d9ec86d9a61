import DICOM

/// How far two values are apart.
enum Difference: Int, Comparable {
    /// Equal, or unequal only by what a character set lost on the way: no evidence.
    case none
    /// The same value in another case, padding or format.
    case cosmetic
    case real

    static func < (left: Difference, right: Difference) -> Bool { left.rawValue < right.rawValue }
}

enum TextComparison {
    /// Text without case, accents, width and spaces.
    static func key(_ text: String) -> String {
        let folded = MatchingKey.folded(text)
        return folded.utf8.contains(0x20) ? folded.filter { $0 != " " } : folded
    }

    static func difference(_ left: String, _ right: String) -> Difference {
        if left == right { return .none }
        if key(left) == key(right) { return .cosmetic }
        return Loss.explains(left, right) ? .none : .real
    }

    /// The largest difference between any two of the values.
    static func largest<Value>(_ values: [Value], _ difference: (Value, Value) -> Difference) -> Difference {
        var largest = Difference.none
        for (index, value) in values.enumerated() {
            for other in values[(index + 1)...] {
                largest = max(largest, difference(value, other))
                if largest == .real { return .real }
            }
        }
        return largest
    }
}
