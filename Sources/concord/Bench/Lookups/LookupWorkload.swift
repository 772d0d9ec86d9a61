import DICOM
import Foundation
import PostgresClient
import StudyIndex

/// A made-up archive of ten years, whose keys can be computed from a number: by what asks, and by pgbench.
struct LookupWorkload: Sendable {
    static let uidRoot = "1.2.840.99999.8."
    /// Prime; study `n` has the key `n · 6364136 mod 10000019`, so that keys come in no order of time.
    static let modulus = 10_000_019
    static let multiplier = 6_364_136
    private static let rowsOfASlice = 5_000
    private static let lastDay = DICOMDate("20261031") ?? .latest
    static let days = 3_650

    let studies: Int
    /// Five studies for two patients.
    var patients: Int { max(1, studies * 2 / 5) }

    /// - Parameter studies: 10 million at most.
    init(studies: Int) { self.studies = min(studies, Self.modulus - 1) }

    static func key(_ number: Int) -> Int { number * multiplier % modulus }
    /// The same in pgbench's language, of the variable `n`.
    static let keyExpression = "(:n * \(multiplier)) % \(modulus)"

    /// Since 1970.
    static var secondsOfLastDay: Int { lastDay.daysSince1970 * 86_400 }

    func uid(_ number: Int) -> String { Self.uidRoot + "\(Self.key(number))" }
    func patientID(_ number: Int) -> String { "P\(Self.key(number) % patients)" }
    func accession(_ number: Int) -> String { "A\(Self.key(number))" }
    func day(_ number: Int) -> DICOMDate {
        // Newest first.
        Self.lastDay.adding(days: -(number * Self.days / max(1, studies)))
    }

    // MARK: Patients

    static let syllables = [
        "AN", "BER", "CAR", "DO", "EL", "FER", "GA", "HIL", "IS", "JO", "KO", "LIN", "MAR", "NI", "OS", "PET", "QUA",
        "RO",
        "SCH", "TO", "UL", "VAN", "WIL", "XA", "YOS", "ZIM", "BRA", "CHE", "DRE", "FRI", "GRO", "KLE",
    ]
    static let characters = Array("山田佐藤鈴木高橋伊渡辺本中村小林加吉井口松原野上石川森池長岡金陳王李張劉楊黃趙周吳徐孫")

    /// Some have a name in characters beside.
    func name(ofPatient patient: Int) -> String {
        let (a, b, c, d) = (patient % 32, patient / 32 % 32, patient / 1_024 % 32, patient / 32_768 % 32)
        let latin =
            "\(Self.syllables[a])\(Self.syllables[b])\(Self.syllables[c])^\(Self.syllables[d])\(Self.syllables[(a + b) % 32])"
        guard patient % 25 == 0 else { return latin }
        let count = Self.characters.count
        var rest = patient / 25
        let characters = (0..<4).map { _ in
            defer { rest /= count }
            return Self.characters[rest % count]
        }
        return "\(latin)=\(characters[0])\(characters[1])^\(characters[2])\(characters[3])"
    }

    private func record(_ number: Int) -> StudyRecord {
        let key = Self.key(number)
        let patient = key % patients
        let modality = ["CT", "MR", "CR", "DX", "US", "CR", "DX", "US", "CT\\SR", "XA"][key % 10]
        return StudyRecord(texts: [
            uid(number), "P\(patient)", "BENCH", name(ofPatient: patient),
            "19\(50 + patient % 50)0\(1 + patient % 9)15", patient % 2 == 0 ? "F" : "M", day(number).da,
            "1\(key % 10)3\(key % 6)27", "A\(key)", "\(key % 9_999)", "\(modality.prefix(2)) CHEST ROUTINE",
            "REFERRER\(key % 977)^DOCTOR", modality, "\(1 + key % 9)", "\(100 + key % 900)", "ONLINE", "BENCH", nil,
        ])
    }

    // MARK: Index

    /// Merges all studies, as a sweep does. Indexes that only searches need are built at the end.
    func fill(_ pool: PostgresPool) async throws {
        let index = StudyIndex(pool: pool)
        try await index.migrate()
        let ids = try await index.register([
            SourceDefinition(name: "bench", aeTitle: "BENCH", host: "127.0.0.1", port: 104, issuer: "BENCH")
        ])
        let source = ids["bench"] ?? 0
        // First that there is nothing, then what there is: all days are proven, and no study is missing.
        try await merge([(DateRange(lower: nil, upper: nil), 0..<0)], source, index)
        let indexes = try await dropSearchIndexes(pool)
        var slices: [(DateRange, Range<Int>)] = []
        var first = 0
        while first < studies {
            var end = min(studies, first + Self.rowsOfASlice)
            while end < studies, day(end) == day(end - 1) { end += 1 }
            slices.append((DateRange(lower: day(end - 1), upper: day(first)), first..<end))
            first = end
        }
        try await merge(slices, source, index)
        try await pool.withConnection { connection in
            for definition in indexes { try connection.execute(script: definition) }
            for table in ["observation", "study", "person_name"] {
                try connection.execute(script: "VACUUM (ANALYZE, FREEZE) \(table)")
            }
            try connection.execute(script: "ANALYZE; CHECKPOINT")
        }
    }

    private func merge(
        _ ranges: [(dates: DateRange, numbers: Range<Int>)], _ source: Int32, _ index: StudyIndex
    ) async throws {
        let new = ranges.map { NewSlice(sourceID: source, range: SliceRange(dates: $0.dates)) }
        let numbers = Dictionary(ranges.map { ($0.dates, $0.numbers) }, uniquingKeysWith: { first, _ in first })
        let run = try await index.openRun(job: "bench", slices: new, resumeKey: nil)
        var merged = 0
        while case .slice(let claimed) = try await index.claim(run: run.id, source: source, worker: "bench") {
            let records = (claimed.range.dates.flatMap { numbers[$0] } ?? 0..<0).map(record)
            let proof = SliceProof(
                rawRows: records.count, distinctUIDs: records.count, filteredOut: 0, finalStatus: 0, duration: .zero)
            _ = try await index.finish(claimed, outcome: .complete(proof), records: records)
            merged += records.count
            if merged % 500_000 < records.count { Terminal.complain("\(merged) studies …") }
        }
        try await index.closeRun(run.id)
    }

    /// All but those that merges use; returns how to make them.
    private func dropSearchIndexes(_ pool: PostgresPool) async throws -> [String] {
        try await pool.withConnection { connection in
            let rows = try connection.query(
                """
                SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
                FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
                WHERE t.relname IN ('observation', 'study', 'person_name') AND NOT i.indisunique
                  AND c.relname NOT IN ('observation_day', 'observation_missing')
                """)
            for row in rows { try connection.execute(script: "DROP INDEX \(row.string(0) ?? "")") }
            return rows.compactMap { $0.string(1) }
        }
    }
}
