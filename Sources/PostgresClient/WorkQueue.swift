import DequeModule
import Foundation

typealias Job = @Sendable (Result<PostgresConnection, any Error>) -> Void

enum Work {
    /// For a connection of its own.
    case job(Job)
    /// For one connection together.
    case lookups([Lookup])
}

/// Work waiting for a connection: jobs first come first served, and lookups in bundles, taking turns.
///
/// Lookups get a few connections only, however many there are: spread over all of them each would go alone.
final class WorkQueue: @unchecked Sendable {
    // Guarded by `condition`.
    private let condition = NSCondition()
    private var jobs = Deque<Job>()
    private var lookups = Deque<Lookup>()
    private var bundlesUnderWay = 0
    private var isLookupsTurn = false
    private var isClosed = false

    private static let mostBundles = max(2, ProcessInfo.processInfo.activeProcessorCount)

    /// False: it is closed.
    func add(_ job: @escaping Job) -> Bool { add { jobs.append(job) } }

    func add(_ lookup: Lookup) -> Bool {
        guard lookup.isShort else {
            return add { result in
                switch result {
                case .success(let connection): connection.answer([lookup])
                case .failure(let error): lookup.answer(.failure(error))
                }
            }
        }
        return add { lookups.append(lookup) }
    }

    private func add(_ append: () -> Void) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        append()
        condition.signal()
        return true
    }

    /// Waits for the next work; nil: closed, and nothing is left.
    func next() -> Work? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            let mayLookUp = bundlesUnderWay < Self.mostBundles && !lookups.isEmpty
            if mayLookUp, isLookupsTurn || jobs.isEmpty {
                isLookupsTurn = false
                bundlesUnderWay += 1
                return .lookups(bundle())
            }
            isLookupsTurn = true
            if let job = jobs.popFirst() { return .job(job) }
            if isClosed, lookups.isEmpty { return nil }
            condition.wait()
        }
    }

    /// The first in line, and those behind it that need the same settings.
    private func bundle() -> [Lookup] {
        var bundle: [Lookup] = []
        while let next = lookups.first, bundle.count < Lookup.mostTogether,
            bundle.first.map({ $0.settings == next.settings }) ?? true
        {
            bundle.append(next)
            lookups.removeFirst()
        }
        return bundle
    }

    func lookupsEnded() {
        condition.lock()
        defer { condition.unlock() }
        bundlesUnderWay -= 1
        // One more for those that wait; all, where they wait for the end.
        if isClosed { condition.broadcast() } else if !lookups.isEmpty { condition.signal() }
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}
