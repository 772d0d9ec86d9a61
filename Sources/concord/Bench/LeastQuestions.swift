import PostgresClient

/// The fewest C-FINDs that can prove a source's dated studies, for one who knows them all: consecutive days packed as full
/// as the source's cap allows, and days that hold more by ranges of seconds.
///
/// An answer as long as the cap proves nothing, so that it may bring one row less at most.
struct LeastQuestions {
    private let mostRows: Int
    private var questions = 0
    private var rows = 0

    /// - Parameter mostRows: that one answer may have.
    init(mostRows: Int) { self.mostRows = max(1, mostRows) }

    /// By source, of what the index holds.
    static func all(_ pool: PostgresPool, mostRows: [String: Int]) async throws -> [String: Int] {
        try await pool.withConnection { connection in
            var least: [String: Int] = [:]
            for (source, most) in mostRows {
                let seconds = try connection.query(
                    """
                    SELECT study_day - date '2000-01-01', left(study_time, 6), count(*)
                    FROM observation JOIN source s ON s.id = source_id
                    WHERE s.name = $1 AND study_day IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
                    """, [.text(source)])
                var packing = LeastQuestions(mostRows: most)
                var day: (number: Int, seconds: [Int])?
                for row in seconds {
                    let number = row.int(0) ?? 0
                    if day?.number != number {
                        if let day { packing.add(day.seconds) }
                        day = (number, [])
                    }
                    day?.seconds.append(row.int(2) ?? 0)
                }
                if let day { packing.add(day.seconds) }
                least[source] = packing.total
            }
            return least
        }
    }

    /// One more day: how many studies its seconds have.
    private mutating func add(_ seconds: [Int]) {
        let studies = seconds.reduce(0, +)
        if studies <= mostRows {
            if rows + studies > mostRows { close() }
            rows += studies
            return
        }
        close()
        for second in seconds {
            if rows + second > mostRows { close() }
            rows += second
        }
        close()
    }

    private mutating func close() {
        if rows > 0 { questions += 1 }
        rows = 0
    }

    private var total: Int { questions + (rows > 0 ? 1 : 0) }
}
