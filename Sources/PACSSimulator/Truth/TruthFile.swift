import Foundation

extension Truth {
    /// `truth.json`: one study, duplicate or discrepancy per line, keys sorted, so that the same truth has the same bytes.
    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = Data("{\n\"seed\": \(seed),\n".utf8)
        try append("sources", sources, to: &text, encoder)
        try append("expects", expects, to: &text, encoder)
        try append("duplicates", duplicates, to: &text, encoder)
        try append("discrepancies", discrepancies, to: &text, encoder)
        try append("discrepancies_with_undated", undatedDiscrepancies, to: &text, encoder)
        try append("near_misses", nearMisses, to: &text, encoder)
        try append("studies", studies, to: &text, encoder, isLast: true)
        text.append(Data("}\n".utf8))
        return text
    }

    private func append(
        _ key: String, _ rows: [some Encodable], to text: inout Data, _ encoder: JSONEncoder, isLast: Bool = false
    ) throws {
        text.append(Data("\"\(key)\": [".utf8))
        for (index, row) in rows.enumerated() {
            text.append(Data((index == 0 ? "\n" : ",\n").utf8))
            text.append(try encoder.encode(row))
        }
        text.append(Data((isLast ? "\n]\n" : "\n],\n").utf8))
    }
}
