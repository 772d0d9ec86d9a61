import DICOM

/// What went wrong with an association or an operation on it. No description holds patient data; an Error Comment of the
/// peer, which may, is kept apart in `errorComment`.
package struct DIMSEError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case invalidAETitle
        /// No TCP or TLS connection.
        case connectFailed
        /// Certificates or keys that cannot be used, or that one side does not accept.
        case tlsFailed
        /// A-ASSOCIATE-RJ.
        case associationRejected
        /// A-ABORT from the peer.
        case aborted
        /// The peer closed the connection without A-RELEASE or A-ABORT.
        case connectionClosed
        case timedOut
        /// The peer accepted none of the presentation contexts that the operation needs.
        case noAcceptedContext
        /// A final status other than Success.
        case findFailed
        case echoFailed
        /// Bytes that break PS3.7 or PS3.8.
        case malformed
        case limitExceeded
        /// It was to be sent by a certain moment, and was not sent.
        case tooLate
        /// More than the asker takes in one answer.
        case tooManyMatches
        /// The operation was given up by our own side.
        case cancelled
    }
    package let code: Code
    package let detail: String
    package var status: UInt16?
    package var errorComment: String?
    package var offendingElements: [Tag] = []
    package var rejection: Rejection?

    private let ownHint: String?

    package init(_ code: Code, _ detail: String, hint: String? = nil) {
        self.code = code
        self.detail = detail
        ownHint = hint
    }

    package static func == (left: DIMSEError, right: DIMSEError) -> Bool {
        left.code == right.code && left.status == right.status && left.rejection == right.rejection
    }

    /// Whether asking again later may help without anybody changing a configuration.
    package var isTransient: Bool {
        switch code {
        case .invalidAETitle, .noAcceptedContext, .tlsFailed: false
        case .associationRejected: rejection?.isPermanent != true
        default: true
        }
    }

    package var description: String {
        let hint = hint.map { " (\($0))" } ?? ""
        return "\(detail)\(hint)"
    }

    /// What the person at the other end of this message can look at.
    package var hint: String? {
        if let ownHint { return ownHint }
        return switch code {
        case .connectFailed: "is the PACS up, and are host and port right?"
        case .associationRejected: rejection?.hint
        case .noAcceptedContext: "does the PACS allow C-FIND for our AE title?"
        default: nil
        }
    }
}

/// The three fields of A-ASSOCIATE-RJ (PS3.8 §9.3.4).
package struct Rejection: Sendable, Hashable, CustomStringConvertible {
    package var result: UInt8
    package var source: UInt8
    package var reason: UInt8

    package init(result: UInt8, source: UInt8, reason: UInt8) {
        self.result = result
        self.source = source
        self.reason = reason
    }

    /// Permanent by a reason that means it: vendors send other reasons at random (F79, F81).
    package var isPermanent: Bool {
        guard result == 1 else { return false }
        switch (source, reason) {
        case (1, 2), (1, 3), (1, 7), (2, 2): return true
        default: return false
        }
    }

    /// The peer has too much to do at the moment, and will not always (F80).
    package var isCongestion: Bool { !isPermanent && (result == 2 || source == 3) }

    package var description: String {
        let why =
            switch (source, reason) {
            case (1, 2): "application context not supported"
            case (1, 3): "calling AE title not recognised"
            case (1, 7): "called AE title not recognised"
            case (2, 2): "protocol version not supported"
            case (3, 1): "temporary congestion"
            case (3, 2): "local limit exceeded"
            default: "no reason given (source \(source), reason \(reason))"
            }
        return "association rejected \(result == 1 ? "permanently" : "for now"): \(why)"
    }

    var hint: String? {
        switch (source, reason) {
        case (1, 3): "our AE title has to be registered at the PACS"
        case (1, 7): "the PACS has another AE title than the configured one"
        default: nil
        }
    }
}
