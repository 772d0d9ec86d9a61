import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One connection to a web server. Parts of an answer are read when they are asked for: what nobody has asked for stays in the
/// kernel, and holds the server back.
final class HTTPConnection: Sendable {
    private let channel: any Channel
    private let parts: NIOLoopBound<ResponseParts>

    private init(_ channel: any Channel, _ parts: NIOLoopBound<ResponseParts>) {
        self.channel = channel
        self.parts = parts
    }

    var isOpen: Bool { channel.isActive }

    static func open(to address: HTTPOrigin.Address, within limit: TimeAmount) async throws -> HTTPConnection {
        let tls = address.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(limit)
                .channelOption(.autoRead, value: false)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            let name = address.host.contains(":") ? nil : address.host
                            try pipeline.addHandler(try NIOSSLClientHandler(context: tls, serverHostname: name))
                        }
                        try pipeline.addHTTPClientHandlers()
                        let parts = ResponseParts()
                        try pipeline.addHandler(parts)
                        return HTTPConnection(channel, NIOLoopBound(parts, eventLoop: channel.eventLoop))
                    }
                }
        } catch let error as ShardError {
            throw error
        } catch {
            // NIO's words name hosts and system errors.
            throw ShardError(.transfer, "\(address.authority) cannot be reached: \(error)")
        }
    }

    func send(_ head: HTTPRequestHead, within limit: TimeAmount) async throws -> HTTPResponseHead {
        do {
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            try await channel.writeAndFlush(HTTPClientRequestPart.end(nil)).get()
        } catch { throw ShardError(.transfer, "the connection to the origin broke: \(error)") }
        guard case .head(let response) = try await next(within: limit) else {
            throw ShardError(.transfer, "the origin's answer has no head")
        }
        return response
    }

    /// nil: the answer is whole.
    func nextPart(within limit: TimeAmount) async throws -> ByteBuffer? {
        switch try await next(within: limit) {
        case .body(let bytes): return bytes
        case .end: return nil
        case .head: throw ShardError(.transfer, "the origin's answer has two heads")
        }
    }

    func close() async { try? await channel.close() }

    private func next(within limit: TimeAmount) async throws -> HTTPClientResponsePart {
        try await channel.eventLoop.flatSubmit { [parts, channel] in
            let promise = channel.eventLoop.makePromise(of: HTTPClientResponsePart.self)
            let timer = channel.eventLoop.scheduleTask(in: limit) {
                promise.fail(
                    ShardError(.timeout, "the origin has sent nothing for \(limit.nanoseconds / 1_000_000_000) s"))
                channel.close(promise: nil)
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            parts.value.take(promise)
            return promise.futureResult
        }.get()
    }
}

/// Parts that have arrived and were not asked for yet; there are few, because it reads on demand.
private final class ResponseParts: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private var arrived = CircularBuffer<HTTPClientResponsePart>()
    private var waiting: EventLoopPromise<HTTPClientResponsePart>?
    private var end: ShardError?
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// TLS and the connection itself are read for without being asked.
    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func take(_ promise: EventLoopPromise<HTTPClientResponsePart>) {
        if let part = arrived.popFirst() { return promise.succeed(part) }
        if let end { return promise.fail(end) }
        waiting = promise
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if let waiting {
            self.waiting = nil
            waiting.succeed(part)
        } else {
            arrived.append(part)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Fewer bytes may have come than make a part.
        if waiting != nil { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(ShardError(.transfer, "the origin closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(ShardError(.transfer, "the origin's answer is no HTTP, or not whole: \(error)"))
        context.close(promise: nil)
    }

    private func finish(_ error: ShardError) {
        end = end ?? error
        waiting?.fail(error)
        waiting = nil
    }
}
