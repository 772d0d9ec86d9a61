/// How far two texts agree, by their bytes. Texts that are equal have one number and never come here.
enum Similarity {
    typealias Bytes = UnsafeBufferPointer<UInt8>

    /// Whether one insertion, deletion, replacement or exchange of neighbours makes one text of the other.
    static func isOneEdit(_ left: Bytes, _ right: Bytes) -> Bool {
        if left.count > right.count { return isOneEdit(right, left) }
        guard right.count - left.count <= 1 else { return false }
        var start = 0
        while start < left.count, left[start] == right[start] { start += 1 }
        var (leftEnd, rightEnd) = (left.count, right.count)
        while leftEnd > start, left[leftEnd - 1] == right[rightEnd - 1] {
            leftEnd -= 1
            rightEnd -= 1
        }
        if leftEnd == start { return rightEnd - start <= 1 }
        if right.count > left.count { return false }
        return leftEnd - start == 1
            || leftEnd - start == 2 && left[start] == right[start + 1] && left[start + 1] == right[start]
    }

    /// Whether one text is the beginning or the end of the other, and has at least three bytes; or is its first letter.
    static func isPart(_ left: Bytes, _ right: Bytes) -> Bool {
        if left.count > right.count { return isPart(right, left) }
        guard left.count < right.count, let first = left.first else { return false }
        if left.count == 1 { return first == right.first }
        guard left.count >= 3 else { return false }
        return left.elementsEqual(right.prefix(left.count)) || left.elementsEqual(right.suffix(left.count))
    }

    /// From here on two texts are much alike.
    static let alike = 0.88

    /// Whether `jaroWinkler` may reach `alike`, as far as the lengths and the letters tell that only one of both has: each of
    /// those stays without a partner, and the beginnings count for less than half of what is missing.
    static func mayBeAlike(_ count: Int, _ other: Int, _ onlyOne: Int, _ onlyOther: Int) -> Bool {
        let common = Double(min(count - onlyOne, other - onlyOther))
        guard common > 0 else { return false }
        let jaro = (common / Double(count) + common / Double(other) + 1) / 3
        return jaro + 0.4 * (1 - jaro) >= alike
    }

    /// Jaro and Winkler's similarity, 0 to 1, of the first 64 bytes: how many of them both have in about the same place, and
    /// more where the beginnings are the same.
    static func jaroWinkler(_ left: Bytes, _ right: Bytes) -> Double {
        let (m, n) = (min(64, left.count), min(64, right.count))
        guard m > 0, n > 0 else { return 0 }
        let reach = max(0, max(m, n) / 2 - 1)
        var (takenLeft, takenRight): (UInt64, UInt64) = (0, 0)
        for i in 0..<m {
            let (from, to) = (max(0, i - reach), min(n, i + reach + 1))
            var j = from
            while j < to {
                if left[i] == right[j], takenRight & (1 << UInt64(j)) == 0 {
                    takenLeft |= 1 << UInt64(i)
                    takenRight |= 1 << UInt64(j)
                    break
                }
                j += 1
            }
        }
        let matches = takenLeft.nonzeroBitCount
        guard matches > 0 else { return 0 }
        var (exchanged, i, j) = (0, takenLeft, takenRight)
        while i != 0 {
            if left[i.trailingZeroBitCount] != right[j.trailingZeroBitCount] { exchanged += 1 }
            i &= i - 1
            j &= j - 1
        }
        let common = Double(matches)
        let jaro = (common / Double(m) + common / Double(n) + (common - Double(exchanged) / 2) / common) / 3
        var prefix = 0
        while prefix < min(4, m, n), left[prefix] == right[prefix] { prefix += 1 }
        return jaro + Double(prefix) * 0.1 * (1 - jaro)
    }

    /// Of two dates of eight digits: a slip of the pen or day and month exchanged; two of the three parts; or nothing.
    static func ofDates(_ left: Bytes, _ right: Bytes) -> Agreement {
        guard left.count == 8, right.count == 8 else { return .different }
        func isEqual(_ left: Range<Int>, _ right: Range<Int>, _ one: Bytes, _ other: Bytes) -> Bool {
            zip(left, right).allSatisfy { one[$0] == other[$1] }
        }
        if isOneEdit(left, right) { return .typo }
        let year = isEqual(0..<4, 0..<4, left, right)
        if year, isEqual(4..<6, 6..<8, left, right), isEqual(6..<8, 4..<6, left, right) { return .typo }
        let (month, day) = (isEqual(4..<6, 4..<6, left, right), isEqual(6..<8, 6..<8, left, right))
        return (year ? 1 : 0) + (month ? 1 : 0) + (day ? 1 : 0) >= 2 ? .close : .different
    }
}
