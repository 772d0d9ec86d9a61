import DequeModule
import Foundation

typealias Job = @Sendable (Result<PostgresConnection, any Error>) -> Void

enum Work {
    /// For a connection of its own.
    case job(Job)
    /// The same, of those of which few are done at once.
    case search(Job)
    /// For one connection together.
    case lookups([Lookup])
}

/// Work waiting for a connection: jobs and searches one by one, and lookups in bundles, taking turns; of each kind, one of each
/// client in turn.
///
/// Lookups get a few connections only, however many there are: spread over all of them each would go alone. And so do
/// searches: more at once than processors only make each other slow.
final class WorkQueue: @unchecked Sendable {
    // Guarded by `condition`.
    private let condition = NSCondition()
    private var jobs = FairLine<Job>()
    private var searches = FairLine<Job>()
    private var lookups = FairLine<Lookup>()
    private var searchesUnderWay = 0
    private var bundlesUnderWay = 0
    /// When the last bundle began.
    private var lastBundle = ContinuousClock.now
    /// Whether somebody wakes by itself when the next bundle may begin.
    private var isWatched = false
    /// Of the kinds of work, whose turn it is.
    private var turn = 0
    private var isClosed = false

    /// Bundles of lookups under way at the same time.
    static let mostBundles = max(2, ProcessInfo.processInfo.activeProcessorCount)
    /// So long a bundle gathers while the one before is under way, which nearly always ends first: few large ones cost less
    /// than many small ones. One that waits for disks holds the next up no longer.
    static let gathering = Duration.milliseconds(3)
    /// Searches under way at the same time: some wait for disks.
    static let mostSearches = 2 * mostBundles

    /// False: it is closed.
    func add(_ client: String, _ job: @escaping Job) -> Bool {
        enqueue {
            jobs.append(job, of: client)
            return true
        }
    }

    func addSearch(_ client: String, _ search: @escaping Job) -> Bool {
        enqueue {
            searches.append(search, of: client)
            return true
        }
    }

    func add(_ client: String, _ lookup: Lookup) -> Bool {
        guard lookup.isShort else {
            return add(client) { result in
                switch result {
                case .success(let connection): connection.answer([lookup])
                case .failure(let error): lookup.answer(.failure(error))
                }
            }
        }
        return enqueue {
            // Whoever was woken for the first takes the others along.
            let isFirst = lookups.isEmpty
            lookups.append(lookup, of: client)
            return isFirst && (bundlesUnderWay == 0 || !isWatched)
        }
    }

    /// - Parameter append: whether somebody has to be told of it.
    private func enqueue(_ append: () -> Bool) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        if append() { condition.signal() }
        return true
    }

    /// Waits for the next work, which has to be told of when it has `ended`; nil: closed, and nothing is left.
    func next() -> Work? {
        condition.lock()
        defer { condition.unlock() }
        let kinds = [nextLookups, nextJob, nextSearch]
        while true {
            for _ in kinds {
                turn = (turn + 1) % kinds.count
                guard let work = kinds[turn]() else { continue }
                // They have been told of to somebody who may have found this.
                if mayBegin { condition.signal() }
                return work
            }
            if isClosed, jobs.isEmpty, searches.isEmpty, lookups.isEmpty { return nil }
            if !isWatched, let gathered = untilGathered {
                isWatched = true
                condition.wait(until: Date(timeIntervalSinceNow: gathered))
                isWatched = false
            } else {
                condition.wait()
            }
        }
    }

    private func nextJob() -> Work? { jobs.popFirst().map(Work.job) }

    private func nextSearch() -> Work? {
        guard searchesUnderWay < Self.mostSearches, let search = searches.popFirst() else { return nil }
        searchesUnderWay += 1
        return .search(search)
    }

    private func nextLookups() -> Work? {
        guard bundlesUnderWay < Self.mostBundles, !lookups.isEmpty, untilGathered == nil else { return nil }
        bundlesUnderWay += 1
        lastBundle = .now
        return .lookups(bundle())
    }

    /// Whether more searches or lookups have room.
    private var mayBegin: Bool {
        !searches.isEmpty && searchesUnderWay < Self.mostSearches
            || !lookups.isEmpty && bundlesUnderWay < Self.mostBundles
    }

    /// Seconds until the next bundle may begin; nil: there is none, it may begin, or it will when another ends.
    private var untilGathered: Double? {
        guard !lookups.isEmpty, (1..<Self.mostBundles).contains(bundlesUnderWay) else { return nil }
        let rest = Self.gathering - (.now - lastBundle)
        return rest > .zero ? rest / .seconds(1) : nil
    }

    /// The first in line, and those at the head of their lines that need the same settings.
    private func bundle() -> [Lookup] {
        guard let first = lookups.popFirst() else { return [] }
        var bundle = [first]
        while bundle.count < Lookup.mostTogether, let next = lookups.popFirst(where: { $0.settings == first.settings })
        {
            bundle.append(next)
        }
        return bundle
    }

    /// Whoever tells of it asks for the `next` work.
    func ended(_ work: Work) {
        condition.lock()
        defer { condition.unlock() }
        switch work {
        case .job: return
        case .search: searchesUnderWay -= 1
        case .lookups: bundlesUnderWay -= 1
        }
        // They wait for the end.
        if isClosed { condition.broadcast() }
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}

/// What waits, by client: one of each in turn, and a client's own first come first served. Whoever asks a thousand things at
/// once does not keep others waiting.
struct FairLine<Element> {
    private var lines: [String: Deque<Element>] = [:]
    /// Who has something waiting, in the order of their turns.
    private var turns = Deque<String>()

    var isEmpty: Bool { turns.isEmpty }

    mutating func append(_ element: Element, of client: String) {
        if lines[client] == nil { turns.append(client) }
        lines[client, default: []].append(element)
    }

    /// The next whose client's first in line is one of these; by default whoever's turn it is.
    mutating func popFirst(where isWanted: (Element) -> Bool = { _ in true }) -> Element? {
        let turn = turns.firstIndex { client in lines[client]?.first.map(isWanted) ?? false }
        guard let turn, let element = lines[turns[turn]]?.popFirst() else { return nil }
        let client = turns.remove(at: turn)
        if lines[client]?.isEmpty == true { lines[client] = nil } else { turns.append(client) }
        return element
    }
}
