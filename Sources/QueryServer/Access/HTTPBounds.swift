import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import NIOCore

/// What a client may take of an HTTP server, before anybody knows who it is.
struct HTTPBounds: Sendable {
    /// For the head of a request.
    var headTime = Duration.seconds(5)
    /// In which a connection may ask nothing.
    private static let idleTime = TimeAmount.seconds(60)
    private static let headerBytes = 16 << 10
    private static let headerFields = 64
    /// At once; more wait to be accepted.
    private static let connections = 4_096

    static func configuration(_ host: String, _ port: Int) -> ApplicationConfiguration {
        ApplicationConfiguration(
            address: .hostname(host, port: port), serverName: "concord",
            availableConnectionsDelegate: MaximumAvailableConnections(connections))
    }

    /// Throws where the certificate cannot be used.
    func server(_ tls: ServerTLS?) throws -> HTTPServerBuilder {
        let headTime = TimeAmount(headTime)
        let http = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [RequestClock(headTime: headTime)], idleTimeout: Self.idleTime,
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: Self.headerBytes, maxHeaderListSize: Self.headerBytes,
                    maxHeaderFieldCount: Self.headerFields)))
        return try tls.map { try .tls(http, tlsConfiguration: $0.configuration()) } ?? http
    }
}
