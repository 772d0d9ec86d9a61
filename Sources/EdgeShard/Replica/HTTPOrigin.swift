import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A web server as an origin, by HTTP/1.1.
///
/// Written on NIO's codec instead of a general client because every byte of an answer has to be accounted for: ranges,
/// lengths and silences are what a poor link and a broken cache get wrong, and nothing but what was asked for may be taken.
package final class HTTPOrigin: ShardOrigin {
    private let address: Address
    private let silence: TimeAmount
    private let kept = Mutex(Kept())

    private struct Kept {
        /// Idle, and good for the next request.
        var connection: HTTPConnection?
        /// Of objects, to go on only with the same bytes.
        var entityTags: [String: String] = [:]
    }

    struct Address: Sendable {
        var isSecure: Bool
        var host: String
        var port: Int
        /// Without a slash at the end.
        var path: String
        /// With a port that is not the usual one.
        var authority: String
    }

    /// - Parameter silence: how long a connection may take, and how long the server may send nothing.
    package init(url: String, silence: Duration = .seconds(30)) throws {
        guard let address = Address(url) else {
            throw ShardError(
                .transfer, "'\(url)' is no origin: write http://HOST/PATH, https://HOST/PATH or a directory")
        }
        self.address = address
        self.silence = TimeAmount(silence)
    }

    package func close() async {
        await takeConnection()?.close()
    }

    package func file(_ path: String, limit: Int) async throws -> [UInt8] {
        var headers = HTTPHeaders()
        // What changes is asked for anew of every cache in between.
        headers.add(name: "Cache-Control", value: "no-cache")
        return try await exchange(path, headers) { head, parts in
            guard head.status == .ok else { throw Self.refusal(head, path) }
            let announced = try Self.length(of: head, path)
            guard announced ?? 0 <= limit else {
                throw ShardError(.tooLarge, "\(path) is \(announced ?? 0) bytes at the origin; \(limit) are the most")
            }
            var bytes: [UInt8] = []
            while let part = try await parts() {
                guard part.readableBytes <= limit - bytes.count else {
                    throw ShardError(.tooLarge, "\(path) is more than \(limit) bytes at the origin")
                }
                bytes.append(contentsOf: part.readableBytesView)
            }
            guard announced == nil || announced == bytes.count else { throw Self.cut(path) }
            return bytes
        }
    }

    package func bytes(
        of path: String, _ range: Range<Int>, length: Int, _ receive: ([UInt8]) async throws -> Void
    ) async throws {
        guard !range.isEmpty else { return }
        var headers = HTTPHeaders()
        if range != 0..<length {
            headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
            if let tag = kept.withLock({ $0.entityTags[path] }) { headers.add(name: "If-Range", value: tag) }
        }
        try await exchange(path, headers) { head, parts in
            let sent = try Self.range(of: head, path, asked: range, length: length)
            note(head.headers.first(name: "ETag"), of: path)
            var position = sent.lowerBound
            while let part = try await parts() {
                guard part.readableBytes <= sent.upperBound - position else {
                    throw ShardError(.transfer, "\(path): the origin sends more bytes than were asked for")
                }
                // What a server that knows no ranges sends beside them is passed over.
                let wanted = range.clamped(to: position..<position + part.readableBytes)
                if !wanted.isEmpty {
                    let view = part.readableBytesView.dropFirst(wanted.lowerBound - position).prefix(wanted.count)
                    try await receive(Array(view))
                }
                position += part.readableBytes
                if position >= range.upperBound, position < sent.upperBound { return }
            }
            guard position == sent.upperBound else { throw Self.cut(path) }
        }
    }

    private func note(_ tag: String?, of path: String) {
        // A weak one does not promise the same bytes (RFC 9110 §13.1.5).
        if let tag, tag.hasPrefix("\"") { kept.withLock { $0.entityTags[path] = tag } }
    }

    // MARK: Answers

    /// Which bytes of the object the answer has: those that were asked for, or all.
    private static func range(
        of head: HTTPResponseHead, _ path: String, asked: Range<Int>, length: Int
    ) throws -> Range<Int> {
        let announced = try Self.length(of: head, path)
        switch head.status {
        case .ok:
            guard announced == length else {
                throw ShardError(
                    .transfer,
                    "\(path): the origin has \(announced.map(String.init) ?? "unknown many") bytes instead of \(length)"
                )
            }
            return 0..<length
        case .partialContent:
            let expected = "bytes \(asked.lowerBound)-\(asked.upperBound - 1)/\(length)"
            guard asked != 0..<length, head.headers.first(name: "Content-Range") == expected,
                announced == nil || announced == asked.count
            else { throw ShardError(.transfer, "\(path): the origin sends another range than was asked for") }
            return asked
        default: throw refusal(head, path)
        }
    }

    /// nil: not announced. Encoded answers are refused: objects are compressed, and none was asked for.
    private static func length(of head: HTTPResponseHead, _ path: String) throws -> Int? {
        guard head.headers["Content-Encoding"].allSatisfy({ $0 == "identity" }) else {
            throw ShardError(.transfer, "\(path): the origin sends it in an encoding that was not asked for")
        }
        guard let text = head.headers.first(name: "Content-Length") else { return nil }
        guard let length = Int(text), length >= 0 else {
            throw ShardError(.transfer, "\(path): the origin's Content-Length is no number")
        }
        return length
    }

    private static func refusal(_ head: HTTPResponseHead, _ path: String) -> ShardError {
        switch head.status.code {
        case 404, 410: ShardError(.notFound, "\(path) is not at the origin")
        default: ShardError(.transfer, "\(path): the origin answers \(head.status.code)")
        }
    }

    private static func cut(_ path: String) -> ShardError {
        ShardError(.transfer, "\(path): the connection ended before its end")
    }

    // MARK: Connections

    /// One request and its answer; the connection is used again where both ends leave it clean.
    private func exchange<T>(
        _ path: String, _ headers: HTTPHeaders,
        _ body: (HTTPResponseHead, () async throws -> ByteBuffer?) async throws -> T
    ) async throws -> T {
        let connection = try await open()
        do {
            var head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: "\(address.path)/\(path)", headers: headers)
            head.headers.add(name: "Host", value: address.authority)
            head.headers.add(name: "Accept-Encoding", value: "identity")
            head.headers.add(name: "User-Agent", value: "concord")
            let response = try await connection.send(head, within: silence)
            var hasEnded = false
            let value = try await body(response) {
                guard !hasEnded else { return nil }
                let part = try await connection.nextPart(within: silence)
                hasEnded = part == nil
                return part
            }
            if hasEnded, response.headers.first(name: "Connection")?.lowercased() != "close" {
                kept.withLock { $0.connection = connection }
            } else {
                await connection.close()
            }
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    private func open() async throws -> HTTPConnection {
        if let connection = takeConnection(), connection.isOpen { return connection }
        return try await HTTPConnection.open(to: address, within: silence)
    }

    private func takeConnection() -> HTTPConnection? {
        kept.withLock { kept in
            defer { kept.connection = nil }
            return kept.connection
        }
    }
}

extension HTTPOrigin.Address {
    init?(_ url: String) {
        let parts: (isSecure: Bool, rest: Substring)
        if url.hasPrefix("https://") {
            parts = (true, url.dropFirst(8))
        } else if url.hasPrefix("http://") {
            parts = (false, url.dropFirst(7))
        } else {
            return nil
        }
        isSecure = parts.isSecure
        authority = String(parts.rest.prefix { $0 != "/" })
        path = String(parts.rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        guard path.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && $0 != 0x3F && $0 != 0x23 }) else { return nil }
        var name = authority[...]
        var port = parts.isSecure ? 443 : 80
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
            guard let number = Int(name[name.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            name = name[..<colon]
        }
        host = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : String(name)
        self.port = port
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && $0 != 0x40 }) else { return nil }
    }
}
