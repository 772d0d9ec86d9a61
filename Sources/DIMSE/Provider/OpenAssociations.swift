import NIOConcurrencyHelpers
import NIOCore

/// The connections of one provider, and which of them carry an association that was admitted.
final class OpenAssociations: Sendable {
    private struct Connection {
        let channel: any Channel
        var calling: AETitle?
    }
    private let maximum: Int
    private let perTitle: Int
    private let perAddress: Int
    private let connections = NIOLockedValueBox<[ObjectIdentifier: Connection]>([:])

    init(maximum: Int, perTitle: Int, perAddress: Int) {
        self.maximum = maximum
        self.perTitle = perTitle
        self.perAddress = perAddress
    }

    var count: Int { connections.withLockedValue { $0.values.count { $0.calling != nil } } }

    /// Takes note of a connection. False for one that shall be closed without a word: there must be room to reject
    /// associations properly, but not for a flood.
    func connected(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isTaken = connections.withLockedValue { connections -> Bool in
            guard connections.count < maximum * 2 else { return false }
            connections[id] = Connection(channel: channel)
            return true
        }
        if isTaken {
            channel.closeFuture.whenComplete { [connections] _ in connections.withLockedValue { $0[id] = nil } }
        }
        return isTaken
    }

    /// Whether one more association fits within all limits; then it counts until `ended`.
    func admit(_ channel: any Channel, calling: AETitle) -> Bool {
        let address = channel.remoteAddress?.ipAddress
        return connections.withLockedValue { connections in
            var (all, sameTitle, sameAddress) = (0, 0, 0)
            for connection in connections.values {
                guard let title = connection.calling else { continue }
                all += 1
                if title == calling { sameTitle += 1 }
                if connection.channel.remoteAddress?.ipAddress == address { sameAddress += 1 }
            }
            guard all < maximum, sameTitle < perTitle, sameAddress < perAddress else { return false }
            connections[ObjectIdentifier(channel)]?.calling = calling
            return true
        }
    }

    /// The channel's association has ended; its connection may still be there.
    func ended(_ channel: any Channel) {
        connections.withLockedValue { $0[ObjectIdentifier(channel)]?.calling = nil }
    }

    func closeAll() async {
        for connection in connections.withLockedValue({ Array($0.values) }) { try? await connection.channel.close() }
    }
}
