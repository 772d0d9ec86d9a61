/// An application entity title: 1 to 16 characters of the default repertoire without backslash and control characters,
/// compared without padding (PS3.5 §6.2, F100).
package struct AETitle: Sendable, Hashable, CustomStringConvertible {
    package let value: String

    package init(_ text: String) throws(DIMSEError) {
        let trimmed = text.utf8.drop { $0 == 0x20 }
        let end = trimmed.lastIndex { $0 != 0x20 && $0 != 0 }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
        let bytes = trimmed[..<end]
        guard (1...16).contains(bytes.count), bytes.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x5C }) else {
            throw DIMSEError(.invalidAETitle, "an AE title has 1 to 16 printable ASCII characters")
        }
        value = String(Substring(bytes))
    }

    /// The 16 bytes of an A-ASSOCIATE PDU.
    var padded: [UInt8] {
        Array(value.utf8) + [UInt8](repeating: 0x20, count: 16 - value.utf8.count)
    }

    package var description: String { value }
}
