/// A state of the association machine (PS3.8 Table 9-1 to 9-5).
enum UpperLayerState: Int, Sendable, CaseIterable {
    /// Sta1
    case idle = 1
    /// Sta2: connection open, awaiting A-ASSOCIATE-RQ
    case awaitingAssociateRequest
    /// Sta3: awaiting the local A-ASSOCIATE response
    case awaitingLocalAssociateResponse
    /// Sta4: awaiting the transport connection
    case awaitingTransport
    /// Sta5: awaiting A-ASSOCIATE-AC or -RJ
    case awaitingAssociateResponse
    /// Sta6: ready for data transfer
    case established
    /// Sta7: awaiting A-RELEASE-RP
    case awaitingReleaseResponse
    /// Sta8: awaiting the local A-RELEASE response
    case awaitingLocalReleaseResponse
    /// Sta9: release collision, requestor; awaiting the local A-RELEASE response
    case collisionAwaitingLocalResponseAsRequestor
    /// Sta10: release collision, acceptor; awaiting A-RELEASE-RP
    case collisionAwaitingReleaseResponseAsAcceptor
    /// Sta11: release collision, requestor; awaiting A-RELEASE-RP
    case collisionAwaitingReleaseResponseAsRequestor
    /// Sta12: release collision, acceptor; awaiting the local A-RELEASE response
    case collisionAwaitingLocalResponseAsAcceptor
    /// Sta13: awaiting the transport's close
    case awaitingClose
}

/// An event of PS3.8 Table 9-10.
enum UpperLayerEvent: Int, Sendable, CaseIterable {
    case associateRequested = 1  // Evt1
    case transportConnected
    case associateAcceptReceived
    case associateRejectReceived
    case transportIndicated  // Evt5
    case associateRequestReceived
    case associateAccepted
    case associateRejected
    case dataRequested
    case dataReceived  // Evt10
    case releaseRequested
    case releaseRequestReceived
    case releaseResponseReceived
    case releaseAnswered
    case abortRequested  // Evt15
    case abortReceived
    case transportClosed
    case artimExpired
    case invalidPDUReceived  // Evt19
}

/// An action of PS3.8 Tables 9-6 to 9-9, by its label.
enum UpperLayerAction: String, Sendable, CaseIterable {
    case AE1, AE2, AE3, AE4, AE5, AE6, AE7, AE8
    case DT1, DT2
    case AR1, AR2, AR3, AR4, AR5, AR6, AR7, AR8, AR9, AR10
    case AA1, AA2, AA3, AA4, AA5, AA6, AA7, AA8
}

/// PS3.8 Table 9-10: an event's row, its actions in states 1 to 13; nil: the event cannot happen there.
enum UpperLayerTable {
    private static let rows: [[UpperLayerAction?]] = [
        /* Evt1  */ [.AE1, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil],
        /* Evt2  */ [nil, nil, nil, .AE2, nil, nil, nil, nil, nil, nil, nil, nil, nil],
        /* Evt3  */ [nil, .AA1, .AA8, nil, .AE3, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA6],
        /* Evt4  */ [nil, .AA1, .AA8, nil, .AE4, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA6],
        /* Evt5  */ [.AE5, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil],
        /* Evt6  */ [nil, .AE6, .AA8, nil, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA7],
        /* Evt7  */ [nil, nil, .AE7, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil],
        /* Evt8  */ [nil, nil, .AE8, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil],
        /* Evt9  */ [nil, nil, nil, nil, nil, .DT1, nil, .AR7, nil, nil, nil, nil, nil],
        /* Evt10 */ [nil, .AA1, .AA8, nil, .AA8, .DT2, .AR6, .AA8, .AA8, .AA8, .AA8, .AA8, .AA6],
        /* Evt11 */ [nil, nil, nil, nil, nil, .AR1, nil, nil, nil, nil, nil, nil, nil],
        /* Evt12 */ [nil, .AA1, .AA8, nil, .AA8, .AR2, .AR8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA6],
        /* Evt13 */ [nil, .AA1, .AA8, nil, .AA8, .AA8, .AR3, .AA8, .AA8, .AR10, .AR3, .AA8, .AA6],
        /* Evt14 */ [nil, nil, nil, nil, nil, nil, nil, .AR4, .AR9, nil, nil, .AR4, nil],
        /* Evt15 */ [nil, nil, .AA1, .AA2, .AA1, .AA1, .AA1, .AA1, .AA1, .AA1, .AA1, .AA1, nil],
        /* Evt16 */ [nil, .AA2, .AA3, nil, .AA3, .AA3, .AA3, .AA3, .AA3, .AA3, .AA3, .AA3, .AA2],
        /* Evt17 */ [nil, .AA5, .AA4, .AA4, .AA4, .AA4, .AA4, .AA4, .AA4, .AA4, .AA4, .AA4, .AR5],
        /* Evt18 */ [nil, .AA2, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, .AA2],
        /* Evt19 */ [nil, .AA1, .AA8, nil, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA8, .AA7],
    ]

    static func action(for event: UpperLayerEvent, in state: UpperLayerState) -> UpperLayerAction? {
        rows[event.rawValue - 1][state.rawValue - 1]
    }
}
