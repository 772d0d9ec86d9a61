import Foundation
import Hummingbird

/// The fields of a request's JSON object, read one by one; what is wrong with any of them is gathered, so that a client hears of
/// all of it at once.
struct JSONFields {
    /// More than any configuration needs.
    static let maximumBytes = 65_536

    struct Problem: Encodable, Hashable {
        var field: String
        var message: String
    }
    private var fields: [String: JSONValue]
    private(set) var problems: [Problem] = []

    init(_ request: Request) async throws {
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() } ?? ""
        guard type == "application/json" else {
            throw RequestError(status: .unsupportedMediaType, message: "the body must be application/json")
        }
        guard let body = try? await request.body.collect(upTo: Self.maximumBytes) else {
            throw RequestError(
                status: .contentTooLarge, message: "the body is larger than \(Self.maximumBytes) bytes")
        }
        try self.init(Array(body.readableBytesView))
    }

    init(_ bytes: [UInt8]) throws {
        guard case .object(let fields) = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
            throw RequestError(status: .badRequest, message: "the body is not a JSON object")
        }
        self.fields = fields
    }

    // MARK: Reading

    /// nil: absent, or a problem.
    mutating func text(_ name: String, characters: ClosedRange<Int>) -> String? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        guard case .text(let text) = value, characters.contains(text.unicodeScalars.count),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            refuse(
                name,
                "must be a text of \(characters.lowerBound) to \(characters.upperBound) characters, none of control")
            return nil
        }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        guard case .number(let number) = value, let integer = Int(exactly: number), range.contains(integer) else {
            refuse(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    /// As `integer`; `.some(nil)`: null, which is said to mean none.
    mutating func optionalInteger(_ name: String, in range: ClosedRange<Int>) -> Int?? {
        if fields[name] == .null {
            fields[name] = nil
            return .some(nil)
        }
        guard fields[name] != nil else { return nil }
        return .some(integer(name, in: range))
    }

    mutating func flag(_ name: String) -> Bool? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        guard case .flag(let flag) = value else {
            refuse(name, "must be true or false")
            return nil
        }
        return flag
    }

    /// One of these words; others that mean one of them are accepted.
    mutating func word(_ name: String, of words: [String], aliases: [String: String] = [:]) -> String? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        if case .text(let text) = value {
            if words.contains(text) { return text }
            if let meant = aliases[text] { return meant }
        }
        refuse(name, "must be one of \(words.joined(separator: ", "))")
        return nil
    }

    mutating func texts(_ name: String, atMost count: Int) -> [String: String]? {
        guard let value = fields.removeValue(forKey: name) else { return nil }
        guard case .object(let object) = value, object.count <= count else {
            refuse(name, "must be an object of at most \(count) texts")
            return nil
        }
        var texts: [String: String] = [:]
        for (key, value) in object {
            guard case .text(let text) = value else {
                refuse("\(name).\(Self.printable(key))", "must be a text")
                continue
            }
            texts[key] = text
        }
        return texts
    }

    func contains(_ name: String) -> Bool { fields[name] != nil }

    mutating func refuse(_ field: String, _ message: String) {
        problems.append(Problem(field: field, message: message))
    }

    /// What a client calls a field, for an answer to it.
    static func printable(_ name: String) -> String {
        String(name.unicodeScalars.prefix(64).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }

    /// - Throws: `InvalidFields` where anything was wrong, or a field was sent that there is not.
    mutating func finish() throws {
        for name in fields.keys.sorted() { refuse(Self.printable(name), "is not a field of this resource") }
        guard problems.isEmpty else { throw InvalidFields(errors: problems.sorted { $0.field < $1.field }) }
    }
}

/// Answered with 422: each field that is wrong, and why.
struct InvalidFields: Error, Encodable {
    var errors: [JSONFields.Problem]
}

/// Any JSON value.
private enum JSONValue: Decodable, Hashable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }
}
