/// Content negotiation as far as we need it (F140, F141): DICOM JSON whenever any member of Accept allows it.
enum AcceptHeader {
    static func allowsDICOMJSON(_ header: String?) -> Bool {
        guard let header, !header.allSatisfy(\.isWhitespace) else { return true }
        return members(of: header).contains { member in
            let parts = member.split(separator: ";").map { $0.trimmed }
            guard let type = parts.first, !parts.dropFirst().contains(where: isZeroQuality) else { return false }
            return ["application/dicom+json", "application/json", "application/*", "*/*", "text/html"].contains(type)
        }
    }

    /// Splits at commas outside quotes.
    private static func members(of header: String) -> [String] {
        var members: [String] = []
        var member = ""
        var quoted = false
        for character in header.lowercased() {
            if character == "\"" { quoted.toggle() }
            if character == ",", !quoted {
                members.append(member)
                member = ""
            } else {
                member.append(character)
            }
        }
        return members + [member]
    }

    private static func isZeroQuality(_ parameter: String) -> Bool {
        let sides = parameter.split(separator: "=").map { $0.trimmed }
        return sides.count == 2 && sides[0] == "q" && Double(sides[1]) == 0
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
