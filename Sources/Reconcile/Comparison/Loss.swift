/// What a source's character set does to text that it cannot hold: Orthanc drops such characters, others write `?`
/// instead, and neither says so (N3).
enum Loss {
    /// Whether one of the two texts is the other after such a loss.
    static func explains(_ left: String, _ right: String) -> Bool {
        isLossyForm(left, of: right) || isLossyForm(right, of: left) || isMisread(left, of: right)
            || isMisread(right, of: left)
    }

    /// Whether `text` is `original` with some characters outside ASCII dropped, or replaced by `?`; case aside.
    static func isLossyForm(_ text: String, of original: String) -> Bool {
        let kept = Array(scalars(text))
        let all = Array(scalars(original))
        guard all.contains(where: { $0.value >= 0x80 }), kept.count <= limit, all.count <= limit else { return false }
        // reached[k]: the first k of `kept` can stand for what was read of `all` so far.
        var reached = [Bool](repeating: false, count: kept.count + 1)
        reached[0] = true
        spread(&reached, kept)
        for scalar in all {
            var next = [Bool](repeating: false, count: kept.count + 1)
            for position in reached.indices where reached[position] {
                if scalar.value >= 0x80 { next[position] = true }
                if position < kept.count, kept[position] == scalar { next[position + 1] = true }
            }
            spread(&next, kept)
            reached = next
        }
        return reached[kept.count]
    }

    /// A replacement stands for a character already skipped, or for one byte of it.
    private static func spread(_ reached: inout [Bool], _ kept: [Unicode.Scalar]) {
        for position in kept.indices where reached[position] && isReplacement(kept[position]) {
            reached[position + 1] = true
        }
    }

    static func isReplacement(_ scalar: Unicode.Scalar) -> Bool { scalar == "?" || scalar == "\u{FFFD}" }

    private static func scalars(_ text: String) -> String.UnicodeScalarView { text.lowercased().unicodeScalars }

    /// The comparison takes time by the product of the lengths, and a peer chooses them.
    private static let limit = 1024
}
