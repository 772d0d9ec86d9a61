/// Numbers with leading zeros, as DA and TM write them.
enum Digits {
    static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// Values as they come from the field: padded with spaces or NUL, at either end (F75).
enum PaddedASCII {
    static func trim(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var (start, end) = (0, bytes.count)
        while start < end, bytes[start] == 0x20 || bytes[start] == 0 { start += 1 }
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0 { end -= 1 }
        return UnsafeBufferPointer(rebasing: bytes[start..<end])
    }

    static func trim(_ text: String.UTF8View) -> Substring.UTF8View { trim(text[text.startIndex...]) }

    static func trim(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var rest = text
        while let first = rest.first, first == 0x20 || first == 0 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0 { rest.removeLast() }
        return rest
    }
}
