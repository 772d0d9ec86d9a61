import Testing

@testable import DIMSE

/// PS3.8 Table 9-10, transcribed from the standard a second time: a row per event, a column per state, `-` where the
/// standard leaves the cell empty.
private let table9_10 = """
    .      Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
    Evt1   AE-1  -     -     -     -     -     -     -     -     -     -     -     -
    Evt2   -     -     -     AE-2  -     -     -     -     -     -     -     -     -
    Evt3   -     AA-1  AA-8  -     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
    Evt4   -     AA-1  AA-8  -     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
    Evt5   AE-5  -     -     -     -     -     -     -     -     -     -     -     -
    Evt6   -     AE-6  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
    Evt7   -     -     AE-7  -     -     -     -     -     -     -     -     -     -
    Evt8   -     -     AE-8  -     -     -     -     -     -     -     -     -     -
    Evt9   -     -     -     -     -     DT-1  -     AR-7  -     -     -     -     -
    Evt10  -     AA-1  AA-8  -     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
    Evt11  -     -     -     -     -     AR-1  -     -     -     -     -     -     -
    Evt12  -     AA-1  AA-8  -     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
    Evt13  -     AA-1  AA-8  -     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
    Evt14  -     -     -     -     -     -     -     AR-4  AR-9  -     -     AR-4  -
    Evt15  -     -     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  -
    Evt16  -     AA-2  AA-3  -     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
    Evt17  -     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
    Evt18  -     AA-2  -     -     -     -     -     -     -     -     -     -     AA-2
    Evt19  -     AA-1  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
    """

/// PS3.8 Tables 9-6 to 9-9: what each action does, and the state that it leads to.
private let outcomes: [String: (effects: [UpperLayerMachine.Effect], next: Int)] = [
    "AE-1": ([.connectTransport], 4),
    "AE-2": ([.sendAssociateRequest], 5),
    "AE-3": ([.confirmAccept], 6),
    "AE-4": ([.confirmReject, .closeTransport], 1),
    "AE-5": ([.startARTIM], 2),
    "AE-6": ([.stopARTIM, .indicateAssociate], 3),
    "AE-7": ([.sendAssociateAccept], 6),
    "AE-8": ([.sendAssociateReject, .startARTIM], 13),
    "DT-1": ([.sendData], 6),
    "DT-2": ([.indicateData], 6),
    "AR-1": ([.sendReleaseRequest], 7),
    "AR-2": ([.indicateRelease], 8),
    "AR-3": ([.confirmRelease, .closeTransport], 1),
    "AR-4": ([.sendReleaseResponse, .startARTIM], 13),
    "AR-5": ([.stopARTIM], 1),
    "AR-6": ([.indicateData], 7),
    "AR-7": ([.sendData], 8),
    "AR-9": ([.sendReleaseResponse], 11),
    "AR-10": ([.confirmRelease], 12),
    "AA-1": ([.sendAbort(source: 0), .startARTIM], 13),
    "AA-2": ([.stopARTIM, .closeTransport], 1),
    "AA-3": ([.indicateAbort, .closeTransport], 1),
    "AA-4": ([.indicateProviderAbort], 1),
    "AA-5": ([.stopARTIM], 1),
    "AA-6": ([], 13),
    "AA-7": ([.sendAbort(source: 2)], 13),
    "AA-8": ([.sendAbort(source: 2), .indicateProviderAbort, .startARTIM], 13),
]

struct Cell: Sendable, CustomTestStringConvertible {
    let event: UpperLayerEvent
    let state: UpperLayerState
    /// nil: the standard leaves it empty.
    let action: String?

    var testDescription: String { "Evt\(event.rawValue) in Sta\(state.rawValue): \(action ?? "-")" }

    static let all: [Cell] = table9_10.split(separator: "\n").dropFirst().flatMap { line -> [Cell] in
        let words = line.split(separator: " ")
        return words.dropFirst().enumerated().compactMap { column, word -> Cell? in
            guard let number = Int(words[0].dropFirst(3)), let event = UpperLayerEvent(rawValue: number),
                let state = UpperLayerState(rawValue: column + 1)
            else { return nil }
            return Cell(event: event, state: state, action: word == "-" ? nil : String(word))
        }
    }
}

@Suite struct UpperLayerTableTests {
    @Test func theTableHas19EventsIn13States() {
        #expect(Cell.all.count == 247)
        #expect(UpperLayerEvent.allCases.count == 19)
        #expect(UpperLayerState.allCases.count == 13)
    }

    @Test(arguments: Cell.all, [UpperLayerMachine.Role.requestor, .acceptor])
    func aCellDoesWhatTheStandardSays(_ cell: Cell, _ role: UpperLayerMachine.Role) {
        var machine = UpperLayerMachine(role: role, state: cell.state)
        let effects = machine.take(cell.event)
        switch cell.action {
        case nil:
            #expect(effects == nil)
            #expect(machine.state == cell.state)
        case "AR-8":
            #expect(effects == [.indicateRelease])
            #expect(machine.state.rawValue == (role == .requestor ? 9 : 10))
        case let action?:
            #expect(effects == outcomes[action]?.effects)
            #expect(machine.state.rawValue == outcomes[action]?.next)
        }
    }

    @Test func aReleaseCollisionEndsForBothSides() {
        var requestor = UpperLayerMachine(role: .requestor, state: .established)
        var acceptor = UpperLayerMachine(role: .acceptor, state: .established)
        #expect(requestor.take(.releaseRequested) == [.sendReleaseRequest])
        #expect(acceptor.take(.releaseRequested) == [.sendReleaseRequest])
        #expect(requestor.take(.releaseRequestReceived) == [.indicateRelease])
        #expect(acceptor.take(.releaseRequestReceived) == [.indicateRelease])
        #expect(requestor.take(.releaseAnswered) == [.sendReleaseResponse])
        #expect(acceptor.take(.releaseResponseReceived) == [.confirmRelease])
        #expect(acceptor.take(.releaseAnswered) == [.sendReleaseResponse, .startARTIM])
        #expect(requestor.take(.releaseResponseReceived) == [.confirmRelease, .closeTransport])
        #expect(acceptor.take(.transportClosed) == [.stopARTIM])
        #expect(requestor.state == .idle)
        #expect(acceptor.state == .idle)
    }
}
