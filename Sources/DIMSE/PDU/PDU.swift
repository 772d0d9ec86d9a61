/// A protocol data unit of the upper layer (PS3.8 §9.3), but for P-DATA-TF, whose values are read in place.
enum PDU: Sendable, Equatable {
    case associateRequest(AssociateRequest)
    case associateAccept(AssociateAccept)
    case associateReject(Rejection)
    case releaseRequest
    case releaseResponse
    case abort(source: UInt8, reason: UInt8)

    enum Kind: UInt8 {
        case associateRequest = 1
        case associateAccept = 2
        case associateReject = 3
        case data = 4
        case releaseRequest = 5
        case releaseResponse = 6
        case abort = 7
    }

    /// Type, reserved byte, length.
    static let headerLength = 6
}

/// How large a PDU may be that we read; checked before anything is allocated for it.
struct PDULimits: Sendable {
    var data: Int
    var associate = 64 << 10

    static let user = PDULimits(data: 1 << 20)
    static let provider = PDULimits(data: 128 << 10)
    /// What we advertise.
    static let advertised: UInt32 = 65_536

    func allows(_ kind: PDU.Kind, length: Int) -> Bool {
        switch kind {
        case .data: length <= data
        case .associateRequest, .associateAccept: length <= associate
        default: length <= 64
        }
    }
}
