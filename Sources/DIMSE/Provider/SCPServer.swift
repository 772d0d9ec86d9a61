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
    /// Whether relational questions are granted to who asks for them (PS3.4 §C.5.1.1).
    package var grantsRelationalQuestions = false
    /// Open associations at once, in all, per calling AE title and per address; beyond it they are rejected for now
    /// (local limit exceeded).
    package var maximumAssociations = 2_000
    package var associationsPerTitle = 64
    package var associationsPerAddress = 32
    /// How long an association may say nothing.
    package var idle = Duration.seconds(60)
    /// Told of every association that was accepted, and once when it is gone, however it ended. Called on an event loop.
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
    private let associations: OpenAssociations

    private init(port: Int, listener: any Channel, associations: OpenAssociations) {
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
        let associations = OpenAssociations(
            maximum: configuration.maximumAssociations, perTitle: configuration.associationsPerTitle,
            perAddress: configuration.associationsPerAddress)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                guard associations.connected(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    let session = ProviderSession(
                        configuration: configuration, channel: channel, associations: associations, onEcho: onEcho,
                        onFind: onFind)
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
