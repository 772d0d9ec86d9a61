/// The components of a URL's query as clients of QIDO-RS really write them (F127, F147): empty components are skipped,
/// `+` and `%20` are spaces, everything is percent-decoded exactly once.
struct URLQuery: Sendable, Equatable {
    struct Component: Sendable, Equatable {
        var name: String
        var value: String
    }
    private(set) var components: [Component]

    /// More than any viewer sends; beyond it the request is refused rather than worked through.
    static let maximumComponents = 256

    /// nil: too many components, or a percent escape that is none.
    init?(_ raw: String) {
        var components: [Component] = []
        for part in raw.utf8.split(separator: UInt8(ascii: "&")) {
            guard components.count < Self.maximumComponents else { return nil }
            let sides = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = sides.first.flatMap(Self.decoded),
                let value = sides.count > 1 ? Self.decoded(sides[1]) : ""
            else { return nil }
            if !name.isEmpty { components.append(Component(name: name, value: value)) }
        }
        self.components = components
    }

    /// Takes a parameter of ours out of those that are matched; of several the last.
    mutating func take(_ name: String) -> String? {
        let value = components.last { $0.name == name }?.value
        components.removeAll { $0.name == name }
        return value
    }

    private static func decoded(_ part: Substring.UTF8View.SubSequence) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(part.count)
        var rest = part[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
