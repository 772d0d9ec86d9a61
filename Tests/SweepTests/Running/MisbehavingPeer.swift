import NIOCore
import NIOPosix

/// A port on which something other than a well-behaved PACS answers.
final class MisbehavingPeer: Sendable {
    enum Manner: String, CaseIterable, Sendable {
        /// A-ASSOCIATE-RJ, transient, no reason.
        case refuses
        /// Closes every connection at once.
        case closes
        case answersGarbage
        /// Accepts connections and never says a word.
        case stalls
    }

    let port: Int
    private let listener: any Channel

    static func start(_ manner: Manner) async throws -> MisbehavingPeer {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(manner))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return MisbehavingPeer(listener)
    }

    private init(_ listener: any Channel) {
        self.listener = listener
        port = listener.localAddress?.port ?? 0
    }

    func stop() async { try? await listener.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let manner: Manner

        init(_ manner: Manner) { self.manner = manner }

        func channelActive(context: ChannelHandlerContext) {
            if manner == .closes { context.close(promise: nil) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch manner {
            case .closes, .stalls: break
            case .refuses:
                // PS3.8 §9.3.4: transient, service-user, no reason given.
                answer([0x03, 0, 0, 0, 0, 4, 0, 2, 1, 1], context)
            case .answersGarbage:
                answer(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), context)
            }
        }

        private func answer(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }
}
