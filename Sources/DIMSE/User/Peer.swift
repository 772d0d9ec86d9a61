import DICOM

/// A remote application entity, and how long we wait for it.
package struct Peer: Sendable {
    package var host: String
    package var port: Int
    package var called: AETitle
    package var calling: AETitle
    package var timeouts: Timeouts
    /// Of answers that declare no character set (F60).
    package var defaultCharacterSet: SpecificCharacterSet
    /// nil: plain TCP.
    package var tls: PeerTLS?
    /// nil: nobody is named.
    package var user: UserIdentity?

    package init(
        host: String, port: Int, called: AETitle, calling: AETitle, timeouts: Timeouts = Timeouts(),
        defaultCharacterSet: SpecificCharacterSet = .default, tls: PeerTLS? = nil, user: UserIdentity? = nil
    ) {
        self.host = host
        self.port = port
        self.called = called
        self.calling = calling
        self.timeouts = timeouts
        self.defaultCharacterSet = defaultCharacterSet
        self.tls = tls
        self.user = user
    }
}

/// Separate times for separate waits (F93).
package struct Timeouts: Sendable, Hashable {
    /// Until the transport connection is there; default 10 s.
    package var connect = Duration.seconds(10)
    /// From A-ASSOCIATE-RQ to its answer, and from A-RELEASE-RQ to its; default 30 s.
    package var acse = Duration.seconds(30)
    /// Between two responses; default 60 s. A cold archive may need that for the first.
    package var response = Duration.seconds(60)
    /// A whole query; default 15 min.
    package var query = Duration.seconds(900)

    package init() {}
}

/// Priority (0000,0700) of a request: low for sweeps, medium for people who wait; most archives ignore it (F110).
package enum Priority: UInt16, Sendable {
    case medium = 0
    case high = 1
    case low = 2
}

package enum Verification {
    package static let sopClassUID = "1.2.840.10008.1.1"
}
