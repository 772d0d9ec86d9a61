import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A web server that serves a directory, in one of the ways in which servers, caches and links fail.
final class FaultyServer: Sendable {
    enum Fault: Sendable, Hashable, CaseIterable {
        case none
        /// The connection ends after so many bytes of a body.
        case cuts(every: Int)
        /// 200 and all of it, whatever range was asked for.
        case noRanges
        /// 206 for another range than was asked for.
        case otherRange
        /// 206 for the range that was asked for, with other bytes of the object.
        case otherBytes
        /// Announces all, sends half, each time anew.
        case half
        case longer
        /// A page of a guest network with status 200.
        case page
        /// As `page`, of the object's length.
        case pageOfRightLength
        case encoded
        case refusing
        case silent
        case noHTTP
        /// Bodies without a length, in chunks.
        case chunked
        /// Closes each connection after one answer.
        case notKept

        static let allCases: [Fault] = [
            .otherRange, .otherBytes, .half, .longer, .page, .pageOfRightLength, .encoded, .refusing, .silent, .noHTTP,
        ]
    }

    private struct State {
        var fault: Fault
        var bodyBytes = 0
        var connections = 0
        var requests = 0
        /// What a cache answers instead of the file, by path.
        var cached: [String: [UInt8]] = [:]
    }

    private let root: String
    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(root: String, fault: Fault) {
        self.root = root
        state = Mutex(State(fault: fault))
    }

    static func start(root: String, _ fault: Fault = .none) async throws -> FaultyServer {
        let server = FaultyServer(root: root, fault: fault)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    server.state.withLock { $0.connections += 1 }
                    try child.pipeline.syncOperations.addHandler(Requests(server: server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    func stop() async { try? await channel.withLock { $0 }?.close() }

    var url: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port ?? 0 })" }
    var bodyBytes: Int { state.withLock { $0.bodyBytes } }
    var connections: Int { state.withLock { $0.connections } }
    var requests: Int { state.withLock { $0.requests } }

    func become(_ fault: Fault) { state.withLock { $0.fault = fault } }
    func cache(_ bytes: [UInt8]?, for path: String) { state.withLock { $0.cached[path] = bytes } }

    // MARK: Answers

    /// Bytes to send, and whether the connection ends then; nil: nothing ever.
    fileprivate func answer(_ request: String) -> (bytes: [UInt8], ends: Bool)? {
        let lines = request.components(separatedBy: "\r\n")
        let path = String(lines[0].split(separator: " ")[1].dropFirst())
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
            .map { $0.dropFirst(13).split(separator: "-").compactMap { Int($0) } }
        let (fault, cached) = state.withLock { state in
            state.requests += 1
            return (state.fault, state.cached[path])
        }
        guard
            let content = cached ?? (try? Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)"))).map(Array.init)
        else { return (Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8), false) }
        // What ends in an error on the small files too would never reach the objects.
        let isObject = path.hasPrefix("objects/") && content.count > 2_048
        var first = min(range?.first ?? 0, content.count)
        let end = range.map { min($0[1] + 1, content.count) } ?? content.count
        var status = range == nil ? "200 OK" : "206 Partial Content"
        var shown = first
        var headers = ["ETag: \"\(content.count)\""]
        var body = Array(content[first..<end])
        var announced = body.count
        var ends = false
        switch fault {
        case .none: break
        case .cuts(let every) where isObject:
            body = Array(body.prefix(every))
            ends = body.count < announced
        case .cuts: break
        case .noRanges:
            (status, first, body) = ("200 OK", 0, content)
            announced = content.count
        case .otherRange where isObject:
            status = "206 Partial Content"
            shown = first + 1
        case .otherBytes where isObject: body = body.map { $0 ^ 0x55 }
        case .half where isObject:
            body = Array(content.prefix(content.count / 2).dropFirst(first))
            ends = true
        case .longer where isObject:
            body.append(0)
            announced += 1
        case .page where isObject:
            body = Array("<html>Sign in</html>".utf8)
            (status, announced) = ("200 OK", body.count)
        case .pageOfRightLength where isObject:
            body = [UInt8](repeating: 0x20, count: content.count)
            (status, announced) = ("200 OK", body.count)
        case .encoded where isObject: headers.append("Content-Encoding: gzip")
        case .refusing where isObject: return (Array("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".utf8), false)
        case .silent where isObject: return nil
        case .noHTTP where isObject: return (Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), true)
        case .notKept:
            headers.append("Connection: close")
            ends = true
        case .chunked:
            state.withLock { $0.bodyBytes += body.count }
            let chunk =
                Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                + Array("\(String(body.count, radix: 16))\r\n".utf8) + body + Array("\r\n0\r\n\r\n".utf8)
            return (chunk, false)
        default: break
        }
        if status.hasPrefix("206") {
            headers.append("Content-Range: bytes \(shown)-\(end - 1)/\(content.count)")
        }
        headers.append("Content-Length: \(announced)")
        state.withLock { $0.bodyBytes += body.count }
        return (Array("HTTP/1.1 \(status)\r\n\(headers.joined(separator: "\r\n"))\r\n\r\n".utf8) + body, ends)
    }
}

private final class Requests: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: FaultyServer
    private var pending: [UInt8] = []

    init(server: FaultyServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pending += Array(unwrapInboundIn(data).readableBytesView)
        let text = String(decoding: pending, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return }
        pending = []
        guard let (bytes, ends) = server.answer(String(text[..<end.lowerBound])) else { return }
        let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)))
        if ends {
            let channel = context.channel
            written.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
