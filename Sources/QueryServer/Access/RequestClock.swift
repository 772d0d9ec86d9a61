import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Closes connections that do not come to the point: a request's head has to be there within some seconds of its first byte,
/// and an answer has to be taken within a minute. Waiting between two requests is the idle timeout's business.
final class RequestClock: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let headTime: TimeAmount
    private let answerTime: TimeAmount
    /// When the connection is closed; nil: nothing is waited for.
    private var deadline: NIODeadline?
    /// Looks whether the deadline has passed, and again when it may have. One for each deadline would cost more: nearly all are
    /// met.
    private var alarm: Scheduled<Void>?
    private var underWay = 0

    /// - Parameter answerTime: no shorter than `headTime`.
    init(headTime: TimeAmount = .seconds(5), answerTime: TimeAmount = .seconds(60)) {
        self.headTime = headTime
        self.answerTime = answerTime
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // What arrives, before it means anything.
        let first = FirstByte { [weak self] in self?.received(context.channel) }
        try? context.pipeline.syncOperations.addHandler(first, position: .first)
        // The first request counts from the connection on.
        received(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { alarm?.cancel() }

    private func received(_ channel: any Channel) {
        if underWay == 0, deadline == nil { close(channel, in: headTime) }
    }

    private func close(_ channel: any Channel, in time: TimeAmount) {
        deadline = .now() + time
        if alarm == nil { look(at: channel) }
    }

    /// No deadline is nearer than `headTime` when it is set, so that none that is set meanwhile passes unseen.
    private func look(at channel: any Channel) {
        alarm = nil
        guard let deadline else { return }
        let now = NIODeadline.now()
        guard now < deadline else { return channel.close(promise: nil) }
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        alarm = channel.eventLoop.scheduleTask(deadline: min(deadline, now + headTime)) {
            bound.value.look(at: channel)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) {
            underWay += 1
            deadline = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: close(context.channel, in: answerTime)
        case .body: break
        case .end:
            let promise = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in bound.value.answered() }
            return context.write(data, promise: promise)
        }
        context.write(data, promise: promise)
    }

    private func answered() {
        underWay = max(0, underWay - 1)
        deadline = nil
    }

    private final class FirstByte: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        private let onRead: () -> Void

        init(_ onRead: @escaping () -> Void) { self.onRead = onRead }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            onRead()
            context.fireChannelRead(data)
        }
    }
}
