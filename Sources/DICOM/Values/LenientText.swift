extension String {
    /// Without spaces at both ends.
    package func trimmingSpaces() -> String {
        guard utf8.first == 0x20 || utf8.last == 0x20 else { return self }
        var slice = utf8[...]
        while slice.first == 0x20 { slice.removeFirst() }
        while slice.last == 0x20 { slice.removeLast() }
        return String(Substring(slice))
    }

    func trimmingLeadingSpaces() -> String {
        guard utf8.first == 0x20 else { return self }
        return String(Substring(utf8.drop { $0 == 0x20 }))
    }
}

extension Int {
    /// An integer string as it occurs (F43): `+4`, `004`, `1.0`, ` 12 `.
    package init?(lenient text: String) {
        let trimmed = text.trimmingSpaces()
        var digits = trimmed.utf8[...]
        if let point = digits.firstIndex(of: 0x2E) {
            guard digits[digits.index(after: point)...].allSatisfy({ $0 == 0x30 }) else { return nil }
            digits = digits[..<point]
        }
        guard digits.count <= 12, let value = Int(Substring(digits)) else { return nil }
        self = value
    }
}
