import Foundation
import Yams

extension YAMLSection {
    /// Reads and parses a whole file.
    static func read<T>(
        file: String, _ read: (inout YAMLSection) throws(ConfigurationError) -> T
    ) throws(ConfigurationError) -> T {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ConfigurationError(file: file, line: nil, key: "", message: "cannot be read")
        }
        guard data.count <= 4 << 20 else {
            throw ConfigurationError(file: file, line: nil, key: "", message: "is larger than 4 MiB")
        }
        return try self.read(yaml: String(decoding: data, as: UTF8.self), file: file, read)
    }

    static func read<T>(
        yaml: String, file: String, _ read: (inout YAMLSection) throws(ConfigurationError) -> T
    ) throws(ConfigurationError) -> T {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw ConfigurationError(file: file, line: error.line, key: "", message: error.summary)
        } catch {
            throw ConfigurationError(file: file, line: nil, key: "", message: "is not YAML")
        }
        guard let root else { throw ConfigurationError(file: file, line: nil, key: "", message: "is empty") }
        return try self.read(root, file: file, read)
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }

    fileprivate var summary: String {
        switch self {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
        default: "is not YAML"
        }
    }
}
