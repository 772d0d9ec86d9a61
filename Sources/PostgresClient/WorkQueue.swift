import DequeModule
import Foundation

typealias Job = @Sendable (Result<PostgresConnection, any Error>) -> Void

enum Work {
    /// For a connection of its own.
    case job(Job)
    /// The same, of those of which few are done at once.
    case search(Job, begun: ContinuousClock.Instant)
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
    /// When each search under way began, in this order.
    private var searchesUnderWay: [ContinuousClock.Instant] = []
    private var bundlesUnderWay = 0
    /// When the last bundle began.
    private var lastBundle = ContinuousClock.now
    /// When somebody wakes by itself, because something may begin then.
    private var nextWaking: ContinuousClock.Instant?
    /// Of the kinds of work, whose turn it is.
    private var turn = 0
    private var isClosed = false

    /// Bundles of lookups under way at the same time.
    static let mostBundles = max(2, ProcessInfo.processInfo.activeProcessorCount)
    /// So long a bundle gathers while the one before is under way, which nearly always ends first: few large ones cost less
    /// than many small ones. One that waits for disks holds the next up no longer.
    static let gathering = Duration.milliseconds(3)
    /// Searches under way at the same time: one for each processor, and beside them those that have lingered.
    static let mostBriskSearches = mostBundles
    static let mostSearches = 2 * mostBundles
    /// A search that takes longer waits for disks, most likely.
    private let lingering: Duration

    init(lingering: Duration = .milliseconds(50)) { self.lingering = lingering }

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
            guard isFirst, let time = nextBundleTime else { return false }
            return !isAwaited(time)
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
                if nextBundleTime != nil || nextSearchTime != nil { condition.signal() }
                return work
            }
            if isClosed, jobs.isEmpty, searches.isEmpty, lookups.isEmpty { return nil }
            if let time = [nextBundleTime, nextSearchTime].compactMap({ $0 }).min(), !isAwaited(time) {
                nextWaking = time
                condition.wait(until: Date(timeIntervalSinceNow: (time - .now) / .seconds(1)))
                if nextWaking == time { nextWaking = nil }
            } else {
                condition.wait()
            }
        }
    }

    /// Whether somebody wakes by itself at this time, or before.
    private func isAwaited(_ time: ContinuousClock.Instant) -> Bool { nextWaking.map { $0 <= time } ?? false }

    private func nextJob() -> Work? { jobs.popFirst().map(Work.job) }

    private func nextSearch() -> Work? {
        guard let time = nextSearchTime, time <= .now, let search = searches.popFirst() else { return nil }
        let now = ContinuousClock.now
        searchesUnderWay.append(now)
        return .search(search, begun: now)
    }

    private func nextLookups() -> Work? {
        guard let time = nextBundleTime, time <= .now else { return nil }
        bundlesUnderWay += 1
        lastBundle = .now
        return .lookups(bundle())
    }

    /// When the next search may begin; nil: there is none, or it may when another ends.
    private var nextSearchTime: ContinuousClock.Instant? {
        guard !searches.isEmpty, searchesUnderWay.count < Self.mostSearches else { return nil }
        // Room for one more where so many are under way that this one has lingered.
        let brisk = searchesUnderWay.suffix(Self.mostBriskSearches)
        return brisk.count < Self.mostBriskSearches ? .now : brisk.first.map { $0 + lingering }
    }

    /// When the next bundle may begin; nil: there is none, or it may when another ends.
    private var nextBundleTime: ContinuousClock.Instant? {
        guard !lookups.isEmpty, bundlesUnderWay < Self.mostBundles else { return nil }
        return bundlesUnderWay == 0 ? lastBundle : lastBundle + Self.gathering
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
        case .search(_, let begun):
            if let position = searchesUnderWay.firstIndex(of: begun) { searchesUnderWay.remove(at: position) }
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
