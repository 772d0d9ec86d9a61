/// The forms in which matches are answered (PS3.18 §8.7.3).
enum AnswerForm: Sendable, Hashable {
    case dicomJSON
    /// `multipart/related; type="application/dicom+xml"`: a document of the Native DICOM Model for each match.
    case dicomXML

    /// What a client accepts, DICOM JSON whenever it is as welcome as the other (F140, F141); nil: neither.
    init?(accept header: String?) {
        guard let header, !header.allSatisfy(\.isWhitespace) else {
            self = .dicomJSON
            return
        }
        let members = AcceptMember.all(of: header)
        let json = AcceptMember.quality(members) { member in
            switch member.type {
            case "application/dicom+json": 4
            case "application/json": 3
            // Browsers name what they like best, and take what they get.
            case "text/html": 2
            case "application/*": 1
            case "*/*": 0
            default: nil
            }
        }
        let xml = AcceptMember.quality(members) { member in
            switch (member.type, member.parameters["type"]) {
            case ("multipart/related", "application/dicom+xml"): 4
            case ("multipart/related", nil): 3
            case ("multipart/*", _): 1
            case ("*/*", _): 0
            default: nil
            }
        }
        guard max(json, xml) > 0 else { return nil }
        self = xml > json ? .dicomXML : .dicomJSON
    }
}

/// One member of an Accept header: in lower case, its type and its parameters.
private struct AcceptMember {
    var type: String
    var parameters: [String: String] = [:]

    /// How welcome a form is: what the most specific member that names it says; 0: not at all.
    static func quality(_ members: [AcceptMember], _ specificity: (AcceptMember) -> Int?) -> Double {
        let named = members.compactMap { member in specificity(member).map { (specificity: $0, member: member) } }
        guard let most = named.map(\.specificity).max() else { return 0 }
        return named.filter { $0.specificity == most }.map { Double($0.member.parameters["q"] ?? "") ?? 1 }.max() ?? 0
    }

    static func all(of header: String) -> [AcceptMember] {
        split(header.lowercased(), at: ",").map { text in
            let parts = split(text, at: ";").map(\.trimmed)
            var member = AcceptMember(type: parts.first ?? "")
            for part in parts.dropFirst() {
                let sides = part.split(separator: "=", maxSplits: 1).map(\.trimmed)
                if sides.count == 2 { member.parameters[sides[0]] = sides[1].filter { $0 != "\"" } }
            }
            return member
        }
    }

    /// Outside quotes.
    private static func split(_ text: String, at separator: Character) -> [String] {
        var parts: [String] = []
        var part = ""
        var isQuoted = false
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if character == separator, !isQuoted {
                parts.append(part)
                part = ""
            } else {
                part.append(character)
            }
        }
        return parts + [part]
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
