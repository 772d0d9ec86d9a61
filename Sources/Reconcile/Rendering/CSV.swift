/// Comma-separated values as RFC 4180 has them, with a byte order mark, without which Excel reads UTF-8 as something else.
struct CSV {
    private(set) var bytes: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(columns: [String]) {
        append(columns)
    }

    mutating func append(_ fields: [String]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            append(field)
        }
        bytes += [0x0D, 0x0A]
    }

    private mutating func append(_ field: String) {
        // What is dropped below, or skipped by a spreadsheet, hides no formula behind it.
        let start = field.unicodeScalars.first { $0 != "\0" && $0 != " " }
        let isFormula = start.map(Self.formulaStarts.contains) ?? false
        let needsQuotes =
            field.utf8.contains { [0x22, 0x2C, 0x0D, 0x0A].contains($0) }
            || field.utf8.first == 0x20 || field.utf8.last == 0x20
        if needsQuotes { bytes.append(0x22) }
        // A spreadsheet takes what begins like a formula for one, and values come from anyone: an apostrophe makes it text.
        if isFormula { bytes.append(0x27) }
        for byte in field.utf8 {
            // Doubled within quotes (RFC 4180 §2.7).
            if byte == 0x22 { bytes.append(0x22) }
            // NUL ends the field for many readers.
            if byte != 0x00 { bytes.append(byte) }
        }
        if needsQuotes { bytes.append(0x22) }
    }

    /// With the full-width forms, which East Asian spreadsheets take for the same, and the spaces that some skip.
    private static let formulaStarts: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}",
    ]
}
