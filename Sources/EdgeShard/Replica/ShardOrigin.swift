/// Where published shards come from: a web server, or a directory, which may be a USB stick's.
package protocol ShardOrigin: Sendable {
    /// A small file, whole; more bytes than `limit` are an error, before they are read.
    func file(_ path: String, limit: Int) async throws -> [UInt8]
    /// These bytes of an object of `length` bytes, in pieces; an object of another length is an error.
    func bytes(
        of path: String, _ range: Range<Int>, length: Int, _ receive: ([UInt8]) async throws -> Void
    ) async throws
    /// Lets connections go.
    func close() async
}

/// A directory as a publisher makes it.
package struct DirectoryOrigin: ShardOrigin {
    private let root: String
    private static let piece = 256 << 10

    package init(_ root: String) { self.root = root }

    package func file(_ path: String, limit: Int) async throws -> [UInt8] {
        let file = "\(root)/\(path)"
        guard let size = Files.size(file) else { throw ShardError(.notFound, "\(file) is not there") }
        guard size <= limit else { throw ShardError(.tooLarge, "\(file) has \(size) bytes; \(limit) are the most") }
        return try InputFile(file).read(at: 0, count: size)
    }

    package func bytes(
        of path: String, _ range: Range<Int>, length: Int, _ receive: ([UInt8]) async throws -> Void
    ) async throws {
        let name = "\(root)/\(path)"
        guard Files.size(name) != nil else { throw ShardError(.notFound, "\(name) is not there") }
        let file = try InputFile(name)
        guard file.size == length else {
            throw ShardError(.transfer, "\(name) has \(file.size) bytes instead of \(length)")
        }
        for position in stride(from: range.lowerBound, to: range.upperBound, by: Self.piece) {
            try await receive(try file.read(at: position, count: min(Self.piece, range.upperBound - position)))
        }
    }

    package func close() async {}
}
