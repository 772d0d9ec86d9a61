import DICOM
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// An association that we requested: C-ECHO and C-FIND as user (PS3.7 §9.1, PS3.4 §C.4.1).
///
/// One operation at a time. There is no retry in here: what fails, throws, and the caller's ledger decides.
package final class Association: Sendable {
    fileprivate typealias Core = NIOLoopBound<(UserSession, UpperLayer<UserSession>)>
    private let channel: any Channel
    private let core: Core
    private let open: OpenFlag
    /// The information models that the peer accepted for C-FIND.
    package let acceptedModels: Set<FindModel>
    /// What it granted of what was asked for, for each of them.
    package let granted: [FindModel: QueryOptions]

    fileprivate init(channel: any Channel, core: Core, open: OpenFlag, accept: AssociateAccept, asked: QueryOptions) {
        self.channel = channel
        self.core = core
        self.open = open
        acceptedModels = UserContexts.models(accepted: accept)
        granted = UserContexts.granted(asked, by: accept)
    }

    /// Connects and negotiates Verification, and FIND of all models.
    ///
    /// - Parameter options: what is asked for beyond the baseline; by default nothing that would change how dates and times
    ///   match (F15).
    package static func open(
        to peer: Peer, asking options: QueryOptions = .relational,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(DIMSEError) -> Association {
        let tls = try peer.tls?.context()
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(peer.timeouts.connect))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
        let opening: OpeningAssociation
        do {
            opening = try await bootstrap.connect(host: peer.host, port: peer.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls, let handler = try peer.tls?.handler(tls, host: peer.host) {
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    return try OpeningAssociation(on: channel, peer: peer, asking: options)
                }
            }
        } catch {
            throw DIMSEError(.connectFailed, "no connection to \(peer.host):\(peer.port)")
        }
        return try await opening.established()
    }

    package var isOpen: Bool { open.value }

    /// C-ECHO (PS3.7 §9.1.5).
    package func echo() async throws(DIMSEError) {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        onLoop { $0.echo(promise, $1) }
        try await wait(for: promise.futureResult)
    }

    /// C-FIND (PS3.7 §9.1.2). The request is sent when the answer is first iterated, once.
    ///
    /// - Parameter within: after that long it is not sent any more, and the answer throws `tooLate`; nil: whenever.
    package func find(
        _ identifier: DataSet, model: FindModel = .studyRoot, priority: Priority = .low, within: Duration? = nil
    ) -> FindResponses {
        let sendBy = within.map { channel.eventLoop.now + TimeAmount($0) }
        // The closures keep the association alive until the answer is done with.
        let buffer = ResponseBuffer(
            resume: { self.onLoop { $0.resumeReading($1) } },
            abandon: {
                self.onLoop { $0.abort(DIMSEError(.cancelled, "the answer was not wanted any more"), $1) }
            })
        return FindResponses(
            buffer: buffer,
            start: {
                self.onLoop {
                    $0.find(identifier, model: model, priority: priority, sendBy: sendBy, into: buffer, $1)
                }
            },
            requestCancel: { self.onLoop { $0.cancelFind(buffer, $1) } })
    }

    private func onLoop(_ body: @escaping @Sendable (UserSession, UpperLayer<UserSession>) -> Void) {
        channel.eventLoop.execute { [core] in body(core.value.0, core.value.1) }
    }

    private func wait<Value: Sendable>(for future: EventLoopFuture<Value>) async throws(DIMSEError) -> Value {
        do {
            return try await withTaskCancellationHandler {
                try await future.get()
            } onCancel: {
                abort()
            }
        } catch {
            throw error as? DIMSEError ?? DIMSEError(.connectionClosed, "the connection broke")
        }
    }

    /// A-RELEASE, then close; aborts where the peer does not answer in time. Archives log aborts as errors (F96).
    package func release() async {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        onLoop { $0.release(promise, $1) }
        try? await promise.futureResult.get()
        try? await channel.close()
    }

    package func abort() {
        onLoop { $0.abort(DIMSEError(.cancelled, "aborted by us"), $1) }
    }

    /// Whoever lets go of an association without `release()` must not leave the peer with it.
    deinit {
        channel.eventLoop.execute { [core] in
            core.value.1.abort(DIMSEError(.cancelled, "aborted by us"))
        }
    }
}

/// An association from its channel's start until A-ASSOCIATE is answered.
struct OpeningAssociation: Sendable {
    private let channel: any Channel
    private let core: Association.Core
    private let opened: EventLoopFuture<AssociateAccept>
    private let asked: QueryOptions
    private let isOpen = OpenFlag()

    /// Puts our end onto a channel that is about to connect; called on its event loop.
    init(on channel: any Channel, peer: Peer, asking options: QueryOptions = .relational) throws {
        let promise = channel.eventLoop.makePromise(of: AssociateAccept.self)
        let session = UserSession(peer: peer, asking: options, opened: promise, isOpen: isOpen)
        let layer = UpperLayer(role: .requestor, user: session, limits: .user)
        self.channel = channel
        opened = promise.futureResult
        asked = options
        core = NIOLoopBound((session, layer), eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(layer)
    }

    func established() async throws(DIMSEError) -> Association {
        do {
            let accept = try await withTaskCancellationHandler {
                try await opened.get()
            } onCancel: {
                channel.eventLoop.execute { [core] in
                    core.value.1.abort(DIMSEError(.cancelled, "given up while it was opened"))
                }
            }
            return Association(channel: channel, core: core, open: isOpen, accept: accept, asked: asked)
        } catch {
            throw error as? DIMSEError ?? DIMSEError(.connectionClosed, "the connection broke")
        }
    }
}

/// Whether an association carries data, readable from anywhere.
final class OpenFlag: Sendable {
    private let box = NIOLockedValueBox(false)
    var value: Bool { box.withLockedValue { $0 } }
    func set(_ value: Bool) { box.withLockedValue { $0 = value } }
}

extension TimeAmount {
    /// No more than a year, so that no sum with a deadline overflows.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = min(duration, .seconds(31_536_000)).components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
