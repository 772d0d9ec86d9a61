import NIOConcurrencyHelpers
import NIOCore

/// Associations that a provider has open at once; beyond it they are rejected for now (local limit exceeded).
package struct AssociationLimits: Sendable, Hashable {
    package var total = 2_000
    /// Of one calling AE title.
    package var perTitle = 64
    /// Of one address.
    package var perAddress = 32

    package init() {}
}

/// The connections of one provider, and which of them carry an association that was admitted.
final class OpenAssociations: Sendable {
    private struct Connection {
        let channel: any Channel
        let address: String
        var calling: AETitle?
    }
    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        var connectionsByAddress: [String: Int] = [:]
        var admitted = 0
        var byTitle: [AETitle: Int] = [:]
        var byAddress: [String: Int] = [:]
    }
    private let limits: AssociationLimits
    private let state = NIOLockedValueBox(State())

    init(_ limits: AssociationLimits) { self.limits = limits }

    var count: Int { state.withLockedValue { $0.admitted } }

    /// Takes note of a connection. False for one that shall be closed without a word: there must be room to reject
    /// associations properly, but not for a flood.
    func connected(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let address = channel.remoteAddress?.ipAddress ?? ""
        let isTaken = state.withLockedValue { state -> Bool in
            guard state.connections.count < limits.total * 2,
                state.connectionsByAddress[address, default: 0] < limits.perAddress * 2
            else { return false }
            state.connections[id] = Connection(channel: channel, address: address)
            state.connectionsByAddress.count(address, +1)
            return true
        }
        if isTaken {
            channel.closeFuture.whenComplete { [self] _ in
                ended(channel)
                state.withLockedValue { state in
                    state.connections[id] = nil
                    state.connectionsByAddress.count(address, -1)
                }
            }
        }
        return isTaken
    }

    /// Whether one more association fits within all limits; then it counts until `ended`.
    func admit(_ channel: any Channel, calling: AETitle) -> Bool {
        state.withLockedValue { state in
            let id = ObjectIdentifier(channel)
            guard let connection = state.connections[id], connection.calling == nil, state.admitted < limits.total,
                state.byTitle[calling, default: 0] < limits.perTitle,
                state.byAddress[connection.address, default: 0] < limits.perAddress
            else { return false }
            state.connections[id]?.calling = calling
            state.admitted += 1
            state.byTitle.count(calling, +1)
            state.byAddress.count(connection.address, +1)
            return true
        }
    }

    /// The channel's association has ended; its connection may still be there.
    func ended(_ channel: any Channel) {
        state.withLockedValue { state in
            let id = ObjectIdentifier(channel)
            guard let connection = state.connections[id], let calling = connection.calling else { return }
            state.connections[id]?.calling = nil
            state.admitted -= 1
            state.byTitle.count(calling, -1)
            state.byAddress.count(connection.address, -1)
        }
    }

    func closeAll() async {
        let channels = state.withLockedValue { $0.connections.values.map(\.channel) }
        for channel in channels { try? await channel.close() }
    }
}

extension Dictionary where Value == Int {
    /// No key stays that counts nothing: peers choose them.
    fileprivate mutating func count(_ key: Key, _ change: Int) {
        let count = self[key, default: 0] + change
        self[key] = count == 0 ? nil : count
    }
}
