import PostgresClient

/// The fewest C-FINDs that can prove a source's dated studies, for one who knows them all: consecutive days packed as full
/// as the source's cap allows, days that hold more by ranges of seconds, and those of their studies that have no time by the
/// beginnings of patient IDs.
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
                    SELECT study_day - date '2000-01-01', left(study_time, 6), count(*),
                           CASE WHEN count(*) > $2 THEN array_agg(coalesce(patient_id, '')) END
                    FROM observation JOIN source s ON s.id = source_id
                    WHERE s.name = $1 AND study_day IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
                    """, [.text(source), .int(Int64(most))])
                var packing = LeastQuestions(mostRows: most)
                var day: (number: Int, seconds: [Second])?
                for row in seconds {
                    let number = row.int(0) ?? 0
                    if day?.number != number {
                        if let day { packing.add(day.seconds) }
                        day = (number, [])
                    }
                    day?.seconds.append(Second(studies: row.int(2) ?? 0, patients: row.strings(3) ?? []))
                }
                if let day { packing.add(day.seconds) }
                least[source] = packing.total
            }
            return least
        }
    }

    private struct Second {
        let studies: Int
        /// Their IDs, where these are more than an answer may have: times do not divide them.
        let patients: [String]
    }

    /// One more day.
    private mutating func add(_ seconds: [Second]) {
        let studies = seconds.reduce(0) { $0 + $1.studies }
        if studies <= mostRows {
            if rows + studies > mostRows { close() }
            rows += studies
            return
        }
        close()
        for second in seconds {
            guard second.patients.isEmpty else {
                questions += beginnings(of: second.patients[...], 0)
                continue
            }
            if rows + second.studies > mostRows { close() }
            rows += second.studies
        }
        close()
    }

    /// How many beginnings of these IDs, which are the same up to there, have no more than an answer each.
    private func beginnings(of patients: ArraySlice<String>, _ length: Int) -> Int {
        guard patients.count > mostRows, length < Self.longestBeginning else { return 1 }
        let next = Dictionary(grouping: patients) { $0.dropFirst(length).first }
        return next.values.reduce(0) { $0 + beginnings(of: $1[...], length + 1) }
    }

    private static let longestBeginning = 64

    private mutating func close() {
        if rows > 0 { questions += 1 }
        rows = 0
    }

    private var total: Int { questions + (rows > 0 ? 1 : 0) }
}
