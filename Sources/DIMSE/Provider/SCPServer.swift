import DICOM
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

package struct SCPConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0: any free port.
    package var port = 0
    /// Called AE titles that are accepted; nil: any.
    package var aeTitles: Set<AETitle>?
    /// Who is accepted; all others are rejected: calling AE title not recognised. nil: anybody. Called on an event loop.
    package var admits: (@Sendable (Caller) -> Bool)?
    /// nil: plain TCP.
    package var tls: ProviderTLS?
    package var pduPacking = PDUPacking.one
    /// What is provided beside Verification.
    package var models: Set<FindModel> = [.studyRoot, .patientRoot, .patientStudyOnly]
    /// After so many C-FINDs the next one finds the connection closed (F83); nil: no limit.
    package var queriesPerAssociation: Int?
    /// What is granted to who asks for it.
    package var grants: QueryOptions = []
    package var limits = AssociationLimits()
    /// How long after its acceptance an association may take until its first message is there as a whole.
    package var firstMessage = Duration.seconds(30)
    /// How long after an answer it may take until the next message is there as a whole.
    package var idle = Duration.seconds(60)
    /// Told of every association that was accepted, once when it is gone, however it ended, and of all that did not come
    /// about. Called on an event loop.
    package var onAssociation: (@Sendable (AssociationEvent) -> Void)?

    package init() {}
}

/// An association as its provider counts them.
package enum AssociationEvent: Sendable, Equatable {
    /// A-ASSOCIATE-AC was sent.
    case opened(calling: AETitle)
    /// Released, aborted, or its connection lost.
    case closed(calling: AETitle)
    /// A-ASSOCIATE-RJ was sent.
    case rejected(Caller, Rejection)
    /// TLS or the first PDU failed, before anybody had said who he is.
    case failed(address: String, DIMSEError)
}

/// A provider of Verification and C-FIND.
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
        let tls = try configuration.tls?.context()
        let associations = OpenAssociations(configuration.limits)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                guard associations.connected(channel) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
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
