import DICOM

/// A Repository Query (PS3.4 §C.6.4, F9): the archive sends its matches in an order of its own, each with a Record Key, and
/// goes on after the last key where an answer was cut off, by its limit or by a lost connection.
package struct RecordQuery: Sendable {
    private let question: DataSet
    /// Of the last match that was received: opaque, and a checkpoint worth keeping. nil: none yet.
    package private(set) var lastKey: [UInt8]?
    private var pageEnds: Set<[UInt8]> = []

    package init(_ question: DataSet, after key: [UInt8]? = nil) {
        self.question = question
        lastKey = key
    }

    /// Asks, as often as the archive's limit makes it necessary, until there are no more. Throws what a C-FIND throws, after
    /// which another `run`, on a new association if need be, goes on where this one stopped; and `findFailed` with status A710
    /// where the archive does not know the key any more.
    ///
    /// - Parameter permit: awaited before each C-FIND.
    package mutating func run(
        on association: Association, priority: Priority = .low, permit: () async throws -> Void = {},
        _ receive: (FindResponse) async throws -> Void
    ) async throws {
        while true {
            try await permit()
            do {
                for try await response in association.find(identifier, model: .repository, priority: priority) {
                    guard case .bytes(let key)? = try response.dataSet()[.recordKey]?.content, !key.isEmpty else {
                        throw DIMSEError(.malformed, "a match of a Repository Query without a Record Key")
                    }
                    try await receive(response)
                    lastKey = Array(key)
                }
                return
            } catch let error as DIMSEError where error.status == Status.limitReached {
                // An archive that does not get on would be asked for ever.
                guard let lastKey, pageEnds.insert(lastKey).inserted else { throw error }
            }
        }
    }

    private var identifier: DataSet {
        var identifier = question
        identifier.setBytes(.recordKey, vr: .OB, [])
        if let lastKey { identifier.setBytes(.priorRecordKey, vr: .OB, lastKey) }
        return identifier
    }
}

extension Tag {
    fileprivate static let recordKey = Tag(0x0008, 0x041B)
    fileprivate static let priorRecordKey = Tag(0x0008, 0x041C)
}
