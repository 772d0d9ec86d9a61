import DICOM
import NIOConcurrencyHelpers
import NIOCore

/// One match of a C-FIND.
package struct FindResponse: Sendable {
    /// The identifier as received.
    package let identifier: [UInt8]
    package let transferSyntax: TransferSyntax
    /// FF01: the source does not support some of the optional keys (F7).
    package let keysUnsupported: Bool
    let defaultCharacterSet: SpecificCharacterSet

    package func dataSet() throws(DICOMError) -> DataSet {
        try DataSet(decoding: identifier, as: transferSyntax, defaultCharacterSet: defaultCharacterSet)
    }

    package func record() throws(DICOMError) -> StudyRecord {
        try StudyRecord(decoding: identifier, as: transferSyntax, defaultCharacterSet: defaultCharacterSet)
    }
}

/// The matches of a C-FIND as they arrive, read from the socket no faster than they are taken.
///
/// The sequence ends normally only when the operation ended in Success. Everything else throws a `DIMSEError`: another
/// final status, abort, a closed connection, a timeout. Letting go of the iterator before the end aborts the association.
/// One iterator: the request is sent when it is made.
package struct FindResponses: AsyncSequence, Sendable {
    package typealias Element = FindResponse
    let buffer: ResponseBuffer
    let start: @Sendable () -> Void
    let requestCancel: @Sendable () -> Void

    /// Asks the peer with C-CANCEL to stop. Go on iterating: matches that are under way still come, and the sequence ends
    /// with what the peer makes of it, mostly status FE00.
    package func cancel() { requestCancel() }

    package func makeAsyncIterator() -> Iterator {
        if buffer.begin() { start() }
        return Iterator(lifetime: Lifetime(buffer))
    }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let lifetime: Lifetime
        private var batch: [FindResponse] = []
        private var position = 0

        fileprivate init(lifetime: Lifetime) { self.lifetime = lifetime }

        package mutating func next() async throws -> FindResponse? { try await next(isolation: nil) }

        /// Stays on the caller's actor: a hop to another executor and back per match costs more than the match.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> FindResponse? {
            if position == batch.count {
                batch = try await lifetime.buffer.nextBatch(isolation: actor)
                position = 0
                if batch.isEmpty { return nil }
            }
            defer { position += 1 }
            return batch[position]
        }
    }

    fileprivate final class Lifetime: Sendable {
        let buffer: ResponseBuffer
        init(_ buffer: ResponseBuffer) { self.buffer = buffer }
        deinit { buffer.consumerLeft() }
    }
}

/// Hands batches of responses from the event loop to one consumer. Whole arrays change hands, so that there is no hop and
/// no lock per response.
final class ResponseBuffer: Sendable {
    /// Bytes of identifiers that may wait to be taken; above it the socket is not read.
    static let highWatermark = 1 << 20

    private struct State {
        var responses: [FindResponse] = []
        var bytes = 0
        var outcome: Result<Void, DIMSEError>?
        var waiting: CheckedContinuation<[FindResponse], any Error>?
        var isPaused = false
        var consumerLeft = false
        var hasBegun = false
    }
    private let state = NIOLockedValueBox(State())
    private let resume: @Sendable () -> Void
    private let abandon: @Sendable () -> Void

    init(resume: @escaping @Sendable () -> Void, abandon: @escaping @Sendable () -> Void) {
        self.resume = resume
        self.abandon = abandon
    }

    /// Whether this is the first iterator.
    func begin() -> Bool {
        state.withLockedValue { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
    }

    /// Called on the event loop after each read. Returns false when reading shall pause.
    func append(_ batch: [FindResponse], bytes: Int) -> Bool {
        let (waiting, goOn) = state.withLockedValue {
            state -> (CheckedContinuation<[FindResponse], any Error>?, Bool) in
            guard !state.consumerLeft else { return (nil, true) }
            if let waiting = state.waiting {
                state.waiting = nil
                return (waiting, true)
            }
            if state.responses.isEmpty { state.responses = batch } else { state.responses += batch }
            state.bytes += bytes
            state.isPaused = state.bytes >= Self.highWatermark
            return (nil, !state.isPaused)
        }
        waiting?.resume(returning: batch)
        return goOn
    }

    /// The first outcome counts; returns whether this one did.
    @discardableResult
    func finish(_ outcome: Result<Void, DIMSEError>) -> Bool {
        let (isFirst, waiting) = state.withLockedValue {
            state -> (Bool, CheckedContinuation<[FindResponse], any Error>?) in
            guard state.outcome == nil else { return (false, nil) }
            state.outcome = outcome
            defer { state.waiting = nil }
            return (true, state.waiting)
        }
        waiting?.resume(with: outcome.map { [] }.mapError { $0 as any Error })
        return isFirst
    }

    /// The next responses; empty at the end.
    func nextBatch(isolation actor: isolated (any Actor)?) async throws -> [FindResponse] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation(isolation: actor) { continuation in
                let (result, wasPaused) = state.withLockedValue { state -> (Result<[FindResponse], any Error>?, Bool) in
                    if !state.responses.isEmpty {
                        let batch = state.responses
                        let wasPaused = state.isPaused
                        state.responses = []
                        state.bytes = 0
                        state.isPaused = false
                        return (.success(batch), wasPaused)
                    }
                    if let outcome = state.outcome { return (outcome.map { [] }.mapError { $0 }, false) }
                    state.waiting = continuation
                    return (nil, false)
                }
                if wasPaused { resume() }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            if finish(.failure(DIMSEError(.cancelled, "the question was given up"))) { abandon() }
        }
    }

    func consumerLeft() {
        let unfinished = state.withLockedValue { state -> Bool in
            state.consumerLeft = true
            state.responses = []
            return state.outcome == nil
        }
        if unfinished { abandon() }
    }
}
