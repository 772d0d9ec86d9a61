/// A data element tag (PS3.5 §7.1.1).
package struct Tag: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let group: UInt16
    package let element: UInt16

    package init(_ group: UInt16, _ element: UInt16) {
        self.group = group
        self.element = element
    }

    /// Eight hexadecimal digits, as in DICOM JSON and QIDO-RS: `0020000D`.
    package init?(hex: String) {
        guard hex.utf8.count == 8, hex.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let number = UInt32(hex, radix: 16)
        else { return nil }
        self.init(UInt16(number >> 16), UInt16(number & 0xFFFF))
    }

    package var hex: String {
        let digits = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    package var description: String { "(\(hex.prefix(4)),\(hex.suffix(4)))" }

    var number: UInt32 { UInt32(group) << 16 | UInt32(element) }

    package static func < (left: Tag, right: Tag) -> Bool { left.number < right.number }
}
