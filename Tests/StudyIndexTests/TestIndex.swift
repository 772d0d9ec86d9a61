import DICOM
import Foundation
import PostgresClient
import TestCluster

@testable import StudyIndex

/// One cluster for the whole test run; each test has a database of its own in it.
struct TestIndex: Sendable {
    let index: StudyIndex
    let pool: PostgresPool
    let connectionString: String
    /// By name: `a`, `b`, `c`, of which `a` has the best priority. `c` has another issuer.
    let sources: [String: Int32]

    static func with(
        connections: Int = 4, queriesPerSecond: Double = 1_000, burst: Int = 1, associations: Int = 2,
        _ adjust: (inout SourceLimits) -> Void = { _ in }, _ body: (TestIndex) async throws -> Void
    ) async throws {
        var limits = SourceLimits(queriesPerSecond: queriesPerSecond, burst: burst, associations: associations)
        adjust(&limits)
        let connectionString = try await TestCluster.shared.database()
        let pool = PostgresPool(connectionString: connectionString, size: connections)
        let index = StudyIndex(pool: pool, clock: NoWaiting())
        do {
            try await index.migrate()
            let definitions = [("a", "HOSP"), ("b", "HOSP"), ("c", "OTHER")].enumerated().map { priority, source in
                SourceDefinition(
                    name: source.0, aeTitle: "PACS" + source.0.uppercased(), host: "localhost", port: 104,
                    issuer: source.1, priority: priority + 1, limits: limits)
            }
            let sources = try await index.register(definitions)
            try await body(TestIndex(index: index, pool: pool, connectionString: connectionString, sources: sources))
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    /// An index whose clock the test moves; it has one connection, because each has a clock of its own.
    static func clocked(
        queriesPerSecond: Double = 1_000, burst: Int = 1, associations: Int = 2,
        _ adjust: (inout SourceLimits) -> Void = { _ in }, _ body: (TestIndex) async throws -> Void
    ) async throws {
        try await with(
            connections: 1, queriesPerSecond: queriesPerSecond, burst: burst, associations: associations, adjust
        ) { test in
            try await test.setClock("2026-11-25 12:00:00+00")
            try await body(test)
        }
    }

    func setClock(_ time: String) async throws {
        try await sql("SELECT set_config('concord.now', $1, false)", [.text(time)])
    }

    func pass(_ time: Duration) async throws {
        try await sql(
            "SELECT set_config('concord.now', (ledger_now() + make_interval(secs => $1))::text, false)",
            [.double(time / .seconds(1))])
    }

    func source(_ name: String) -> Int32 { sources[name] ?? 0 }

    @discardableResult
    func sql(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> PostgresResult {
        try await pool.withConnection { try $0.query(sql, parameters) }
    }

    func count(_ sql: String) async throws -> Int { try await self.sql(sql).first?.int(0) ?? -1 }

    /// Lets a source answer a slice of its own completely.
    @discardableResult
    func sweep(_ source: String, _ records: [StudyRecord]) async throws -> MergeCounts {
        try await sweep(source, .always, records)
    }

    @discardableResult
    func sweep(_ source: String, _ range: SliceRange, _ records: [StudyRecord]) async throws -> MergeCounts {
        let slice = try await claimed(source, range)
        return try await index.finish(slice, outcome: .complete(.of(records.count)), records: records)
    }

    func claimed(_ source: String, _ range: SliceRange = .always) async throws -> ClaimedSlice {
        let new = NewSlice(sourceID: self.source(source), range: range)
        let run = try await index.openRun(job: "test", slices: [new], resumeKey: nil).id
        guard case .slice(let slice) = try await index.claim(run: run, source: self.source(source), worker: "w") else {
            throw IndexError(.corrupt, "nothing to claim")
        }
        return slice
    }

    func search(_ keys: [String: String], limit: Int = 1_000, offset: Int = 0) async throws -> StudyAnswer {
        var query = StudyQuery()
        for (keyword, text) in keys.sorted(by: { $0.key < $1.key }) {
            guard let attribute = AttributeDictionary.attribute(keyword: keyword) else { continue }
            query.keys.append(try QueryKey(attribute, parsing: text))
        }
        query.limit = limit
        query.offset = offset
        return try await index.search(query, within: .unrestricted)
    }
}

extension PostgresConnection {
    /// As the server plans a prepared statement once for all values.
    func planForAllValues(_ sql: String, _ parameters: Int) throws -> [String] {
        try execute(script: "SET plan_cache_mode = force_generic_plan; PREPARE planned AS \(sql)")
        let values = [String](repeating: "NULL", count: parameters).joined(separator: ", ")
        let plan = try query("EXPLAIN EXECUTE planned(\(values))").compactMap { $0.string(0) }
        try execute(script: "DEALLOCATE planned; RESET plan_cache_mode")
        return plan
    }
}

/// Every pause is over at once.
struct NoWaiting: Clock {
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
    var now: ContinuousClock.Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }
}

extension SliceRange {
    static let always = SliceRange(dates: DateRange(lower: nil, upper: nil))

    static func dates(_ text: String) -> SliceRange {
        SliceRange(dates: DateRange(da: text) ?? DateRange(lower: nil, upper: nil))
    }
}

extension SliceProof {
    static func of(_ rows: Int) -> SliceProof {
        SliceProof(rawRows: rows, distinctUIDs: rows, filteredOut: 0, finalStatus: 0, duration: .zero)
    }
}
