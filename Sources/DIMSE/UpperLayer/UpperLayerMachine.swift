/// The upper layer's state machine (PS3.8 §9.2): events in, effects out. It touches no socket and no clock.
struct UpperLayerMachine: Sendable {
    enum Role: Sendable { case requestor, acceptor }

    /// What the channel's handler has to do.
    enum Effect: Sendable, Equatable {
        case connectTransport
        case sendAssociateRequest
        case sendAssociateAccept
        case sendAssociateReject
        case sendData
        case sendReleaseRequest
        case sendReleaseResponse
        /// The source field of A-ABORT: 0 service user, 2 service provider (PS3.8 §9.3.8).
        case sendAbort(source: UInt8)
        case confirmAccept
        case confirmReject
        case indicateAssociate
        case indicateData
        case indicateRelease
        case confirmRelease
        case indicateAbort
        case indicateProviderAbort
        case startARTIM
        case stopARTIM
        case closeTransport
    }

    let role: Role
    private(set) var state: UpperLayerState

    init(role: Role, state: UpperLayerState = .idle) {
        self.role = role
        self.state = state
    }

    /// Takes an event. nil: it cannot happen in this state, which is our own mistake where the event is local, and is
    /// never the peer's: whatever arrives has an action in every state that has a connection.
    mutating func take(_ event: UpperLayerEvent) -> [Effect]? {
        guard let action = UpperLayerTable.action(for: event, in: state) else { return nil }
        let (effects, next) = Self.outcome(of: action, role: role)
        state = next
        return effects
    }

    /// PS3.8 Tables 9-6 to 9-9. AE-6 always indicates: whether the request is acceptable is the local user's answer.
    private static func outcome(of action: UpperLayerAction, role: Role) -> ([Effect], UpperLayerState) {
        switch action {
        case .AE1: ([.connectTransport], .awaitingTransport)
        case .AE2: ([.sendAssociateRequest], .awaitingAssociateResponse)
        case .AE3: ([.confirmAccept], .established)
        case .AE4: ([.confirmReject, .closeTransport], .idle)
        case .AE5: ([.startARTIM], .awaitingAssociateRequest)
        case .AE6: ([.stopARTIM, .indicateAssociate], .awaitingLocalAssociateResponse)
        case .AE7: ([.sendAssociateAccept], .established)
        case .AE8: ([.sendAssociateReject, .startARTIM], .awaitingClose)
        case .DT1: ([.sendData], .established)
        case .DT2: ([.indicateData], .established)
        case .AR1: ([.sendReleaseRequest], .awaitingReleaseResponse)
        case .AR2: ([.indicateRelease], .awaitingLocalReleaseResponse)
        case .AR3: ([.confirmRelease, .closeTransport], .idle)
        case .AR4: ([.sendReleaseResponse, .startARTIM], .awaitingClose)
        case .AR5: ([.stopARTIM], .idle)
        case .AR6: ([.indicateData], .awaitingReleaseResponse)
        case .AR7: ([.sendData], .awaitingLocalReleaseResponse)
        case .AR8:
            (
                [.indicateRelease],
                role == .requestor
                    ? .collisionAwaitingLocalResponseAsRequestor : .collisionAwaitingReleaseResponseAsAcceptor
            )
        case .AR9: ([.sendReleaseResponse], .collisionAwaitingReleaseResponseAsRequestor)
        case .AR10: ([.confirmRelease], .collisionAwaitingLocalResponseAsAcceptor)
        case .AA1: ([.sendAbort(source: 0), .startARTIM], .awaitingClose)
        case .AA2: ([.stopARTIM, .closeTransport], .idle)
        case .AA3: ([.indicateAbort, .closeTransport], .idle)
        case .AA4: ([.indicateProviderAbort], .idle)
        case .AA5: ([.stopARTIM], .idle)
        case .AA6: ([], .awaitingClose)
        case .AA7: ([.sendAbort(source: 2)], .awaitingClose)
        case .AA8: ([.sendAbort(source: 2), .indicateProviderAbort, .startARTIM], .awaitingClose)
        }
    }
}
