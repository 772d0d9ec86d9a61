import Foundation

/// Standard output and error as people see them.
enum Terminal {
    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// Standard output is a terminal, and its user has not asked for plain text (no-color.org).
    static let isColoured =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true

    /// Who is at the keyboard, for what is written down under a name.
    static var user: String { ProcessInfo.processInfo.userName }

    static func complain(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    static func write(_ text: String) { write(Array(text.utf8)) }

    static func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }
}

/// Columns padded to their widest cell; numbers to the right.
struct TextTable {
    var header: [String]
    var rows: [[String]]

    func rendered() -> String {
        let widths = header.indices.map { column in
            ([header] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        let numeric = header.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { column < $0.count && ($0[column].first?.isNumber ?? true) }
        }
        return ([header] + rows).map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
                return numeric[column] ? padding + cell : cell + padding
            }.joined(separator: "  ").trimmingSuffix(while: { $0 == " " })
        }.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return String(self[..<end])
    }
}
