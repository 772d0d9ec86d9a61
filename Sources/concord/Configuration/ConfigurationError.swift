/// A mistake in `concord.yaml`, said so that it can be found: file, line, key, and what is expected.
struct ConfigurationError: Error, CustomStringConvertible, Equatable {
    var file: String
    /// 1-based; nil where the file as a whole is meant.
    var line: Int?
    /// Path of the key, e.g. `sources[2].limits.queries_per_second`.
    var key: String
    var message: String

    var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}
