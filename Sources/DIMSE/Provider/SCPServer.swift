import DICOM
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

package struct SCPConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0: any free port.
    package var port = 0
    /// Called AE titles that are accepted; nil: any.
    package var aeTitles: Set<AETitle>?
    /// Calling AE titles that are accepted; nil: any.
    package var callingAETitles: Set<AETitle>?
    package var pduPacking = PDUPacking.one
    /// After so many C-FINDs the next one finds the connection closed (F83); nil: no limit.
    package var queriesPerAssociation: Int?
    /// Open associations at once; beyond it new connections are closed.
    package var maximumAssociations = 2_000
    /// How long an association may say nothing.
    package var idle = Duration.seconds(60)
    /// Told of every association that was accepted, and once when it is gone, however it ended.
    package var onAssociation: (@Sendable (AssociationEvent) -> Void)?

    package init() {}
}

/// An association as its provider counts them.
package enum AssociationEvent: Sendable, Hashable {
    /// A-ASSOCIATE-AC was sent.
    case opened(calling: AETitle)
    /// Released, aborted, or its connection lost.
    case closed(calling: AETitle)
}

/// A provider of Verification and C-FIND: Study Root, Patient Root and Patient/Study Only.
package final class SCPServer: Sendable {
    package let port: Int
    private let listener: any Channel
    private let associations: Associations

    private init(port: Int, listener: any Channel, associations: Associations) {
        self.port = port
        self.listener = listener
        self.associations = associations
    }

    /// Listens and serves until `stop()`. An error thrown by `onFind` ends that C-FIND in C001, never in Success; its
    /// task is cancelled when the peer leaves.
    package static func start(
        _ configuration: SCPConfiguration, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onEcho: @escaping @Sendable (AETitle) async -> Void = { _ in },
        onFind: @escaping @Sendable (FindRequest, FindResponder) async throws -> FindStatus
    ) async throws -> SCPServer {
        let associations = Associations(maximum: configuration.maximumAssociations)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                guard associations.add(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    let session = ProviderSession(
                        configuration: configuration, channel: channel, onEcho: onEcho, onFind: onFind)
                    try channel.pipeline.syncOperations.addHandler(
                        UpperLayer(role: .acceptor, user: session, limits: .provider))
                }
            }
            .bind(host: configuration.host, port: configuration.port).get()
        return SCPServer(port: listener.localAddress?.port ?? 0, listener: listener, associations: associations)
    }

    /// Associations open now.
    package var openAssociations: Int { associations.count }

    /// Closes the listener and every association.
    package func stop() async {
        try? await listener.close()
        await associations.closeAll()
    }
}

private final class Associations: Sendable {
    private let maximum: Int
    private let open = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    init(maximum: Int) { self.maximum = maximum }

    var count: Int { open.withLockedValue { $0.count } }

    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdded = open.withLockedValue { open -> Bool in
            guard open.count < maximum else { return false }
            open[id] = channel
            return true
        }
        if isAdded {
            channel.closeFuture.whenComplete { [open] _ in open.withLockedValue { $0[id] = nil } }
        }
        return isAdded
    }

    func closeAll() async {
        for channel in open.withLockedValue({ Array($0.values) }) { try? await channel.close() }
    }
}
