import DICOM
import Synchronization

/// Where pages ended, so that the next begins there (F121, F134): clients page by offsets, and an index that grows or learns
/// from live answers between two of their requests would show them rows twice and others never.
///
/// Of studies only the place is kept, a hundred bytes for each page; a study whose date changes between two pages may move
/// across it. Lists of series and instances, which have no place of their own in the index, are kept whole.
final class Pages: Sendable {
    /// Who asks for what: its matching keys, in whatever order, and who may see it.
    struct Query: Hashable, Sendable {
        private let level: QueryLevel
        private let keys: Set<QueryKey>
        private let requester: String
        /// Of all of them, made once: thousands are kept, and many of them are met where one is looked for.
        private let digest: Int

        /// - Parameter requester: whoever gets the same rows for the same keys.
        init(_ query: StudyQuery, requester: String) {
            level = query.level
            keys = Set(query.keys)
            self.requester = requester
            var hasher = Hasher()
            hasher.combine(level)
            hasher.combine(keys)
            hasher.combine(requester)
            digest = hasher.finalize()
        }

        func hash(into hasher: inout Hasher) { hasher.combine(digest) }

        static func == (one: Query, other: Query) -> Bool {
            one.digest == other.digest && one.level == other.level && one.requester == other.requester
                && one.keys == other.keys
        }
    }
    /// What a page that begins there begins after.
    fileprivate struct Page: Hashable {
        var query: Query
        var offset: Int
    }
    fileprivate struct Kept<Value> {
        var value: Value
        var since: ContinuousClock.Instant
    }
    struct SeriesList: Sendable {
        var matches: [(series: CatalogSeries, study: CatalogStudy)]
        var gaps: SpanningCatalog.Gaps
    }
    struct InstanceList: Sendable {
        var matches: [CatalogInstance]
        var gaps: SpanningCatalog.Gaps
    }
    fileprivate struct State {
        var positions: [Page: Kept<PagePosition>] = [:]
        var earlierPositions: [Page: Kept<PagePosition>] = [:]
        var series: [Query: Kept<SeriesList>] = [:]
        var instances: [Query: Kept<InstanceList>] = [:]
    }

    static let age = Duration.seconds(300)
    /// Kept at least; twice as many at most.
    static let mostPositions = 10_000
    /// Rows of all lists together.
    static let mostRows = 20_000

    private let state = Mutex(State())
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant) { self.now = now }

    // MARK: Studies

    /// The query with the place where the page before it ended, where that is known.
    func continued(_ query: StudyQuery, requester: String) -> StudyQuery {
        guard query.offset > 0 else { return query }
        var query = query
        let (page, now) = (Page(query: Query(query, requester: requester), offset: query.offset), now())
        query.after = state.withLock { state in
            let kept = state.positions[page] ?? state.earlierPositions[page]
            return kept.flatMap { now - $0.since < Self.age ? $0.value : nil }
        }
        return query
    }

    /// Notes where a page ended, the last one too: clients ask until a page is empty (F130), and by its offset would see again
    /// what was entered before it meanwhile.
    func note(_ query: StudyQuery, rows: Int, end: PagePosition?, requester: String) {
        let next = query.offset + rows
        guard let end, rows > 0 else { return }
        let (page, now) = (Page(query: Query(query, requester: requester), offset: next), now())
        // What is forgotten is given up outside of the lock: it takes milliseconds.
        _ = state.withLock { state in
            var forgotten: [Page: Kept<PagePosition>] = [:]
            if state.positions.count >= Self.mostPositions {
                forgotten = state.earlierPositions
                state.earlierPositions = state.positions
                state.positions = Dictionary(minimumCapacity: Self.mostPositions)
            }
            state.positions[page] = Kept(value: end, since: now)
            return forgotten
        }
    }

    // MARK: Lists

    /// What was found when the first page was asked for; nil: this is the first, or it was long ago.
    func series(_ query: StudyQuery, requester: String) -> SeriesList? {
        let now = now()
        return state.withLock { $0.series[Query(query, requester: requester)] }
            .flatMap { query.offset > 0 && now - $0.since < Self.age ? $0.value : nil }
    }

    func instances(_ query: StudyQuery, requester: String) -> InstanceList? {
        let now = now()
        return state.withLock { $0.instances[Query(query, requester: requester)] }
            .flatMap { query.offset > 0 && now - $0.since < Self.age ? $0.value : nil }
    }

    /// Keeps a list that is longer than its first page.
    func keep(_ list: SeriesList, of query: StudyQuery, requester: String) {
        guard query.offset == 0, list.matches.count > query.limit, list.matches.count <= Self.mostRows else { return }
        let now = now()
        state.withLock { state in
            state.makeRoom(for: list.matches.count, at: now)
            state.series[Query(query, requester: requester)] = Kept(value: list, since: now)
        }
    }

    func keep(_ list: InstanceList, of query: StudyQuery, requester: String) {
        guard query.offset == 0, list.matches.count > query.limit, list.matches.count <= Self.mostRows else { return }
        let now = now()
        state.withLock { state in
            state.makeRoom(for: list.matches.count, at: now)
            state.instances[Query(query, requester: requester)] = Kept(value: list, since: now)
        }
    }
}

extension Pages.State {
    /// Forgets what is old, and then the oldest, until so many more rows fit.
    fileprivate mutating func makeRoom(for rows: Int, at now: ContinuousClock.Instant) {
        series = series.filter { now - $0.value.since < Pages.age }
        instances = instances.filter { now - $0.value.since < Pages.age }
        while self.rows + rows > Pages.mostRows {
            let oldestSeries = series.min { $0.value.since < $1.value.since }
            let oldestInstances = instances.min { $0.value.since < $1.value.since }
            switch (oldestSeries, oldestInstances) {
            case (nil, nil): return
            case (let one?, let other?) where one.value.since > other.value.since: instances[other.key] = nil
            case (let one?, _): series[one.key] = nil
            case (_, let other?): instances[other.key] = nil
            }
        }
    }

    private var rows: Int {
        series.values.reduce(0) { $0 + $1.value.matches.count }
            + instances.values.reduce(0) { $0 + $1.value.matches.count }
    }
}
