/// Comma-separated values as RFC 4180 has them, with a byte order mark, without which Excel reads UTF-8 as something else.
struct CSV {
    private(set) var bytes: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(columns: [String]) {
        append(columns)
    }

    mutating func append(_ fields: [String]) { append(before: [], fields, after: []) }

    /// A row of fields between others that were encoded before, for rows that have most in common.
    mutating func append(before: [UInt8], _ fields: [String], after: [UInt8]) {
        bytes += before
        for (index, field) in fields.enumerated() {
            if index > 0 || !before.isEmpty { bytes.append(0x2C) }
            Self.append(field, to: &bytes)
        }
        if !after.isEmpty { bytes.append(0x2C) }
        bytes += after
        bytes += [0x0D, 0x0A]
    }

    /// To be put into several rows; at least one field.
    static func encoded(_ fields: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            append(field, to: &bytes)
        }
        return bytes
    }

    private static func append(_ field: String, to bytes: inout [UInt8]) {
        if isPlain(field) { return bytes.append(contentsOf: field.utf8) }
        // What is dropped below, or skipped by a spreadsheet, hides no formula behind it.
        let start = field.unicodeScalars.first { $0 != "\0" && $0 != " " }
        let isFormula = start.map(formulaStarts.contains) ?? false
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

    /// Nothing but letters of ASCII, digits, and what means nothing to a reader of CSV: most fields, and they are not looked at
    /// twice.
    private static func isPlain(_ field: String) -> Bool {
        guard let first = field.utf8.first else { return true }
        return first != 0x2B && first != 0x2D && first != 0x40 && field.utf8.allSatisfy { plain[Int($0)] }
    }

    private static let plain: [Bool] = (0..<256).map { byte in
        (0x21..<0x7F).contains(byte) && byte != 0x22 && byte != 0x2C && byte != 0x3D
    }

    /// With the full-width forms, which East Asian spreadsheets take for the same, and the spaces that some skip.
    private static let formulaStarts: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}",
    ]
}
