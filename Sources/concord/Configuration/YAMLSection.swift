import Foundation
import Yams

/// A mapping of the configuration being read: hands out typed values once, and at the end complains of keys that nobody
/// asked for, each with its line.
struct YAMLSection: ~Copyable {
    let file: String
    let path: String
    private let mapping: Node.Mapping
    private let line: Int?
    private var taken: Set<String> = []

    init(_ node: Node, file: String, path: String = "") throws(ConfigurationError) {
        guard let mapping = node.mapping else {
            throw ConfigurationError(
                file: file, line: node.mark?.line, key: path, message: "expected keys and values, one per line")
        }
        self.file = file
        self.path = path
        self.mapping = mapping
        self.line = node.mark?.line
    }

    func error(_ key: String, _ message: String) -> ConfigurationError {
        let line = mapping.first { $0.key.string == key }?.value.mark?.line ?? self.line
        return ConfigurationError(file: file, line: line, key: full(key), message: message)
    }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private mutating func node(_ key: String) -> Node? {
        taken.insert(key)
        guard let node = mapping[Node(key)], node.null == nil else { return nil }
        return node
    }

    mutating func string(_ key: String) throws(ConfigurationError) -> String? {
        guard let node = node(key) else { return nil }
        guard let text = node.scalar?.string else { throw error(key, "expected a single value") }
        return text
    }

    mutating func required(_ key: String) throws(ConfigurationError) -> String {
        guard let text = try string(key), !text.isEmpty else { throw error(key, "is mandatory") }
        return text
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let text = try string(key) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw error(key, "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func number(_ key: String, above lower: Double, upTo upper: Double) throws(ConfigurationError) -> Double? {
        guard let text = try string(key) else { return nil }
        guard let value = Double(text), value > lower, value <= upper else {
            throw error(key, "expected a number above \(lower) and up to \(upper)")
        }
        return value
    }

    mutating func flag(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let text = try string(key) else { return nil }
        guard let value = ["true": true, "false": false][text.lowercased()] else {
            throw error(key, "expected true or false")
        }
        return value
    }

    /// `250ms`, `10s`, `15m`, `2h` or `90d`.
    mutating func duration(_ key: String) throws(ConfigurationError) -> Duration? {
        guard let text = try string(key) else { return nil }
        guard let duration = Duration(configuration: text) else {
            throw error(key, "expected a duration such as 250ms, 10s, 15m, 2h or 90d")
        }
        return duration
    }

    /// A path, relative to the configuration's own directory.
    mutating func file(_ key: String) throws(ConfigurationError) -> String? {
        guard let path = try string(key) else { return nil }
        let directory = URL(fileURLWithPath: file).deletingLastPathComponent()
        return URL(fileURLWithPath: path, relativeTo: directory).standardizedFileURL.path
    }

    mutating func strings(_ key: String) throws(ConfigurationError) -> [String]? {
        guard let node = node(key) else { return nil }
        guard let sequence = node.sequence else { throw error(key, "expected a list") }
        var strings: [String] = []
        for item in sequence {
            guard let text = item.scalar?.string else { throw error(key, "expected a list of single values") }
            strings.append(text)
        }
        return strings
    }

    /// Reads a nested mapping with `read`, which is followed by the check for unknown keys.
    mutating func section<T>(
        _ key: String, _ read: (inout YAMLSection) throws(ConfigurationError) -> T
    ) throws(ConfigurationError) -> T? {
        guard let node = node(key) else { return nil }
        return try Self.read(node, file: file, path: full(key), read)
    }

    /// Reads a list of mappings.
    mutating func sections<T>(
        _ key: String, _ read: (inout YAMLSection) throws(ConfigurationError) -> T
    ) throws(ConfigurationError) -> [T] {
        guard let node = node(key) else { return [] }
        guard let sequence = node.sequence else { throw error(key, "expected a list") }
        var values: [T] = []
        for (position, item) in sequence.enumerated() {
            values.append(try Self.read(item, file: file, path: "\(full(key))[\(position)]", read))
        }
        return values
    }

    static func read<T>(
        _ node: Node, file: String, path: String = "", _ read: (inout YAMLSection) throws(ConfigurationError) -> T
    ) throws(ConfigurationError) -> T {
        var section = try YAMLSection(node, file: file, path: path)
        let value = try read(&section)
        try section.refuseUnknownKeys()
        return value
    }

    private func refuseUnknownKeys() throws(ConfigurationError) {
        var seen: Set<String> = []
        for (keyNode, _) in mapping {
            let key = keyNode.string ?? "?"
            guard taken.contains(key) else {
                let known = taken.sorted().joined(separator: ", ")
                throw ConfigurationError(
                    file: file, line: keyNode.mark?.line, key: full(key), message: "unknown key; known here: \(known)")
            }
            guard seen.insert(key).inserted else {
                throw ConfigurationError(file: file, line: keyNode.mark?.line, key: full(key), message: "given twice")
            }
        }
    }
}

extension Duration {
    init?(configuration text: String) {
        let units: [(String, Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)),
            ("d", .seconds(86_400)),
        ]
        for (suffix, unit) in units where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)), count > 0, count <= 1_000_000 else { continue }
            self = unit * count
            return
        }
        return nil
    }
}
