import Foundation
import Testing

@testable import PostgresClient

@Suite(.serialized) struct PostgresPoolTests {
    private func withCluster(_ body: (EmbeddedCluster) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID())").path
        let cluster = try await EmbeddedCluster.start(dataDirectory: directory, settings: ["fsync": "off"])
        do { try await body(cluster) } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
        try FileManager.default.removeItem(atPath: directory)
    }

    private func withPool(size: Int = 2, _ body: (PostgresPool) async throws -> Void) async throws {
        try await withCluster { try await withPool(of: $0, size: size, body) }
    }

    private func withPool(
        of cluster: EmbeddedCluster, size: Int, _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let pool = PostgresPool(connectionString: cluster.connectionString, size: size)
        do { try await body(pool) } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    @Test func valuesOfEveryTypeComeBackAsTheyWent() async throws {
        try await withPool { pool in
            try await pool.withConnection { connection in
                let uuid = UUID()
                let row = try connection.query(
                    "SELECT $1::text, $2::int8, $3::float8, $4::bool, $5::bytea, $6::uuid, $7::text[], $8::int8[], $9::text, $10::date, $11::bytea[]",
                    [
                        .text("山田^太郎 'x' \\ %"), .int(.min), .double(-0.5), .bool(true), .bytes([0, 255, 7]),
                        .uuid(uuid),
                        .textArray(["a", "", "ü"]), .intArray([1, -2]), .null, .date(9_000), .bytesArray([[1], nil]),
                    ])[0]
                #expect(row.string(0) == "山田^太郎 'x' \\ %")
                #expect(row.int(1) == .min)
                #expect(row.double(2) == -0.5)
                #expect(row.bool(3) == true)
                #expect(row.bytes(4) == [0, 255, 7])
                #expect(row.uuid(5) == uuid)
                #expect(row.strings(6) == ["a", "", "ü"])
                #expect(row.string(8) == nil)
                #expect(row.date(9) == 9_000)
                #expect(try connection.query("SELECT '{}'::text[]")[0].strings(0) == [])
                #expect(try connection.query("SELECT $1::text", [.text("")])[0].string(0) == "")
            }
        }
    }

    @Test func lookupsThatShareARoundTripEachGetTheirOwn() async throws {
        try await withPool { pool in
            // Both connections are busy: the lookups wait together.
            let (gate, open) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let holding = (0..<2).map { _ in
                Task {
                    try await pool.withConnection { _ in
                        open.signal()
                        gate.wait()
                    }
                }
            }
            for _ in holding { await Self.wait(open) }
            let lookups = (0..<100).map { number in
                Task {
                    let sql = number % 10 == 3 ? "SELECT 1 / ($1::int8 - $1)" : "SELECT $1::int8, $2::text"
                    let parameters: [PostgresValue] = [
                        .int(Int64(number)), .text(String(repeating: "x", count: 30 * number)),
                    ]
                    return try await pool.lookup(
                        sql, number % 10 == 3 ? [parameters[0]] : parameters,
                        settings: ["statement_timeout": number % 2 == 0 ? "5s" : "6s"])
                }
            }
            for _ in holding { gate.signal() }
            for (number, lookup) in lookups.enumerated() {
                let result = await lookup.result
                if number % 10 == 3 {
                    #expect(throws: PostgresError(.server, "", sqlState: "22012")) { try result.get() }
                } else {
                    let row = try result.get()[0]
                    #expect(row.int(0) == number)
                    #expect(row.string(1)?.count == 30 * number)
                }
            }
        }
    }

    /// Searches that take long have connections of their own.
    @Test func noSlowSearchHoldsUpALookup() async throws {
        let size = 4 * WorkQueue.mostBundles + 1
        try await withPool(size: size) { pool in
            let (gate, open) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let searches = (0..<size).map { _ in
                Task {
                    try await pool.withConnection { _ in
                        open.signal()
                        gate.wait()
                    }
                }
            }
            for _ in 0..<(size - WorkQueue.mostBundles) { await Self.wait(open) }
            let answered = DispatchSemaphore(value: 0)
            let lookup = Task {
                defer { answered.signal() }
                return try await pool.lookup("SELECT $1::int8", [.int(7)])[0].int(0)
            }
            #expect(await Self.wait(answered), "it waits for the searches")
            for _ in searches { gate.signal() }
            for search in searches { try await search.value }
            #expect(try await lookup.value == 7)
        }
    }

    /// Bundles follow each other, but not behind one that waits for a disk, or here for a lock.
    @Test func noSlowLookupHoldsUpTheNext() async throws {
        try await withPool(size: 3) { pool in
            let (slow, next) = try await pool.withConnection { holder in
                try holder.execute(script: "CREATE TABLE locked AS SELECT 7::int8 AS seven")
                try holder.execute(script: "BEGIN; LOCK TABLE locked")
                let (ended, answered) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
                let slow = Task {
                    defer { ended.signal() }
                    return try await pool.lookup("SELECT seven FROM locked", [])[0].int(0)
                }
                while try holder.query("SELECT 1 FROM pg_locks WHERE NOT granted").isEmpty,
                    ended.wait(timeout: .now()) == .timedOut
                {}
                let next = Task {
                    defer { answered.signal() }
                    return try await pool.lookup("SELECT $1::int8", [.int(8)])[0].int(0)
                }
                #expect(answered.wait(timeout: .now() + 20) == .success, "it waits for the slow one")
                try holder.execute(script: "COMMIT")
                return (slow, next)
            }
            #expect(try await slow.value == 7)
            #expect(try await next.value == 8)
        }
    }

    /// Searches are few at a time, so that there is a connection for other work.
    @Test func searchesTakeTurnsAndLeaveConnectionsToOthers() async throws {
        let most = WorkQueue.mostSearches
        try await withPool(size: most + 1) { pool in
            let (gate, open) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let searches = (0..<3 * most).map { _ in
                Task {
                    try await pool.search { _ in
                        open.signal()
                        gate.wait()
                    }
                }
            }
            for _ in 0..<most { #expect(await Self.wait(open)) }
            let answered = DispatchSemaphore(value: 0)
            let other = Task {
                defer { answered.signal() }
                return try await pool.withConnection { try $0.query("SELECT 7")[0].int(0) }
            }
            #expect(await Self.wait(answered), "it waits for the searches")
            #expect(open.wait(timeout: .now()) == .timedOut, "one search too many")
            for _ in searches { gate.signal() }
            for search in searches { try await search.value }
            #expect(try await other.value == 7)
        }
    }

    /// One for each processor; whoever waits for a disk, or here for nothing, makes room for another.
    @Test func searchesThatLingerMakeRoom() {
        let (brisk, most) = (WorkQueue.mostBriskSearches, WorkQueue.mostSearches)
        for (lingering, expected) in [(Duration.seconds(3_600), brisk), (.zero, most)] {
            let queue = WorkQueue(lingering: lingering)
            for _ in 0...most { _ = queue.addSearch("") { _ in } }
            for _ in 0...most { _ = queue.add("") { _ in } }
            var begun: [Work] = []
            for _ in 0..<expected + most {
                if let work = queue.next() { begun.append(work) }
            }
            let searches = begun.filter { if case .search = $0 { true } else { false } }
            #expect(searches.count == expected)
            queue.ended(searches[0])
            // One has ended: there is room again, and of jobs there is only one left.
            let next = [queue.next(), queue.next()]
            #expect(next.contains { if case .search = $0 { true } else { false } })
        }
    }

    /// Whether it was signalled.
    @discardableResult private static func wait(_ semaphore: DispatchSemaphore) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: semaphore.wait(timeout: .now() + 20) == .success)
            }
        }
    }

    @Test func binaryCopyKeepsNullEmptyAndArrays() async throws {
        try await withPool { pool in
            try await pool.withConnection { connection in
                try connection.execute(
                    script: "CREATE TEMP TABLE t (a text, b int8, c int4, d bytea, e text[], f date)")
                let copied = try connection.copyIn("COPY t FROM STDIN (FORMAT binary)") { writer in
                    for number in 0..<10_000 {
                        writer.beginRow(columns: 6)
                        writer.append(text: number % 2 == 0 ? "" : nil)
                        writer.append(int8: Int64(number))
                        writer.append(int4: Int32(-number))
                        writer.append(bytes: [UInt8(number & 255)])
                        writer.append(textArray: ["CT", "MR"])
                        writer.append(date: Int32(number))
                    }
                }
                #expect(copied == 10_000)
                let row = try connection.query(
                    "SELECT count(*), count(a), sum(b)::int8, min(c), count(*) FILTER (WHERE e = '{CT,MR}'), max(f) - '2000-01-01' FROM t"
                )[0]
                #expect((0...5).map { row.int($0) } == [10_000, 5_000, 49_995_000, -9_999, 10_000, 9_999])
            }
        }
    }

    @Test func anErrorNamesItsStateAndNoValues() async throws {
        try await withPool { pool in
            do {
                try await pool.withConnection { connection in
                    try connection.execute(script: "CREATE TABLE u (name text CONSTRAINT one UNIQUE)")
                    for _ in 0..<2 { try connection.query("INSERT INTO u VALUES ($1)", [.text("MUELLER^ANNA")]) }
                }
                Issue.record("no error")
            } catch let error as PostgresError {
                #expect(error.sqlState == "23505")
                #expect(error.constraint == "one")
                #expect(!error.description.contains("MUELLER"))
            }
        }
    }

    @Test func aTransactionThatThrowsLeavesNothing() async throws {
        struct Stop: Error {}
        try await withPool { pool in
            try await pool.withConnection { try $0.execute(script: "CREATE TABLE v (n int)") }
            await #expect(throws: Stop.self) {
                try await pool.transaction { connection in
                    try connection.query("INSERT INTO v VALUES (1)")
                    throw Stop()
                }
            }
            #expect(try await pool.withConnection { try $0.query("SELECT count(*) FROM v")[0].int(0) } == 0)
        }
    }

    @Test func preparedStatementsAreBounded() async throws {
        try await withPool(size: 1) { pool in
            let kept = try await pool.withConnection { connection in
                for number in 0..<1_200 { try connection.query("SELECT \(number)") }
                return try connection.query("SELECT count(*) FROM pg_prepared_statements")[0].int(0)
            }
            #expect(try #require(kept) <= 500)
        }
    }

    /// A server that stops at once warns and is gone: libpq notices while it sends, its error has no SQLSTATE, and it still
    /// calls the connection good.
    @Test(arguments: ["query", "copy"]) func aBackendThatDiesIsALossOfTheConnection(doing: String) async throws {
        try await withPool(size: 1) { pool in
            try await pool.withConnection { try $0.execute(script: "CREATE TABLE t (n int8)") }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withConnection { connection in
                    let backend = pid_t(try connection.query("SELECT pg_backend_pid()")[0].int(0) ?? 0)
                    func die() {
                        kill(backend, SIGQUIT)
                        while kill(backend, 0) == 0 { sched_yield() }
                    }
                    if doing == "query" {
                        die()
                        try connection.query("SELECT 1")
                    } else {
                        try connection.copyIn("COPY t FROM STDIN (FORMAT binary)") { writer in
                            die()
                            writer.beginRow(columns: 1)
                            writer.append(int8: 1)
                        }
                    }
                }
            }
            #expect(error?.isLossOfConnection == true, "\(String(describing: error))")
        }
    }

    @Test func aTerminatedBackendIsReplaced() async throws {
        try await withPool(size: 1) { pool in
            await #expect(throws: PostgresError.self) {
                try await pool.withConnection { try $0.query("SELECT pg_terminate_backend(pg_backend_pid())") }
            }
            let one = try await pool.withConnection { try $0.query("SELECT 1")[0].int(0) }
            #expect(one == 1)
        }
    }

    @Test func aClosedPoolRefusesWork() async throws {
        try await withPool { pool in
            await pool.close()
            await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
        }
    }
}

@Suite struct FairLineTests {
    /// Who has asked a thousand things does not keep others waiting, and each is served in its own order.
    @Test func clientsTakeTurns() {
        var line = FairLine<String>()
        for number in 0..<1_000 { line.append("greedy\(number)", of: "greedy") }
        for number in 0..<3 { line.append("other\(number)", of: "other") }
        line.append("third0", of: "third")
        var order: [String] = []
        while let next = line.popFirst() { order.append(next) }
        #expect(order.prefix(4) == ["greedy0", "other0", "third0", "greedy1"])
        #expect((order.firstIndex(of: "other2") ?? .max) < 9)
        #expect(order.filter { $0.hasPrefix("greedy") } == (0..<1_000).map { "greedy\($0)" })
        #expect(order.count == 1_004 && line.isEmpty)
    }

    @Test func whatIsWantedComesFromTheHeadsOfTheLines() {
        var line = FairLine<Int>()
        for (element, client) in [(1, "a"), (2, "a"), (3, "b"), (4, "c")] { line.append(element, of: client) }
        #expect(line.popFirst { $0 % 2 == 0 } == 4)
        #expect(line.popFirst { $0 % 2 == 0 } == nil)
        #expect(line.popFirst() == 1)
        #expect(line.popFirst { $0 % 2 == 0 } == 2)
        #expect(line.popFirst() == 3)
        #expect(line.popFirst() == nil)
    }
}
