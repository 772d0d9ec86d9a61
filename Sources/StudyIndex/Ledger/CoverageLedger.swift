import DICOM
import PostgresClient

/// Days of one source, and what is known of them.
package struct CoveredDays: Sendable, Hashable {
    package enum State: String, Sendable { case proven, enumerated, hole }

    package let source: String
    package let level: QueryLevel
    /// nil ends are open.
    package let days: DateRange
    package let state: State
    /// Why it is a hole, or how it was enumerated; for people.
    package let reason: String
    /// When the source was asked, UTC, as text that sorts by time.
    package let verifiedAt: String
    /// How long ago that was.
    package let age: Duration

    package init(
        source: String, level: QueryLevel, days: DateRange, state: State, reason: String, verifiedAt: String,
        age: Duration = .zero
    ) {
        self.source = source
        self.level = level
        self.days = days
        self.state = state
        self.reason = reason
        self.verifiedAt = verifiedAt
        self.age = age
    }
}

extension StudyIndex {
    /// What is known of every source's days, by source, level and day.
    package func coveredDays() async throws -> [CoveredDays] {
        try await pool.withConnection { connection in
            try connection.query(SQL.coverage).map { row in
                CoveredDays(
                    source: row.string(0) ?? "", level: row.string(1).flatMap(QueryLevel.init(rawValue:)) ?? .study,
                    days: DateRange(lower: row.date(2).flatMap(Days.date), upper: row.date(3).flatMap(Days.date)),
                    state: row.string(4).flatMap(CoveredDays.State.init(rawValue:)) ?? .hole,
                    reason: row.string(5) ?? "", verifiedAt: row.string(6) ?? "",
                    age: .seconds(max(0, row.double(7) ?? 0)))
            }
        }
    }

    /// What is left to be proven of a source.
    package struct Proofs: Sendable, Hashable {
        package let source: String
        package let aeTitle: String
        /// Seconds since 1970; nil: nothing is proven.
        package let oldest: Double?
        package let holes: Int
        package let openSlices: Int
    }

    package func proofs() async throws -> [Proofs] {
        try await pool.withConnection { connection in
            try connection.query(SQL.proofs).map {
                Proofs(
                    source: $0.string(0) ?? "", aeTitle: $0.string(1) ?? "", oldest: $0.double(2),
                    holes: $0.int(3) ?? 0, openSlices: $0.int(4) ?? 0)
            }
        }
    }

    // MARK: Within the transaction that ends a slice

    /// What the end of a slice says of days.
    static func noteCoverage(
        of slice: ClaimedSlice, _ outcome: SliceOutcome, _ ended: EndedSlice, _ connection: PostgresConnection
    ) throws {
        switch outcome {
        case .complete(let proof):
            if slice.range.axis == .dates {
                try connection.query(SQL.lockCoverage, [.int(Int64(slice.sourceID))])
                try cover(
                    slice.range.dates, level: slice.level.rawValue, source: slice.sourceID, .proven,
                    age: proof.duration / .seconds(1), run: ended.run, "", connection)
                if let parent = ended.parent { try compareParts(of: parent, connection) }
            } else if let day = ended.day {
                try noteEnumerated(day, slice, ended, connection)
            }
        case .irreducible(_, let reason):
            try noteHole(slice, ended, reason, connection)
        case .failed(let code, let message, _, _, _) where ended.isDead:
            try noteHole(slice, ended, "\(code): \(message)", connection)
        case .split(let proof, _, _):
            // FE00 without our cancel, B001: it says itself how much it sends (F2, F8).
            guard let status = proof.finalStatus, [0xFE00, 0xB001].contains(status), proof.rawRows > 0 else { return }
            try learn(
                Capability(
                    name: CapabilityName.announcedCap, value: "\(proof.rawRows)",
                    evidence:
                        "ended an answer of \(proof.rawRows) rows with status \(String(status, radix: 16, uppercase: true))H"
                ),
                of: slice.sourceID, connection)
        case .failed, .deferred: break
        }
    }

    private static func noteHole(
        _ slice: ClaimedSlice, _ ended: EndedSlice, _ reason: String, _ connection: PostgresConnection
    ) throws {
        try connection.query(SQL.lockCoverage, [.int(Int64(slice.sourceID))])
        try coverHole(
            slice.range, level: slice.level.rawValue, source: slice.sourceID, run: ended.run, reason, connection)
    }

    /// The last part of a day has been answered: the day is enumerated.
    private static func noteEnumerated(
        _ day: Int64, _ slice: ClaimedSlice, _ ended: EndedSlice, _ connection: PostgresConnection
    ) throws {
        try connection.query(SQL.lockDay, [.int(day)])
        guard let row = try connection.query(SQL.endedDay, [.int(day)]).first,
            let date = row.date(1).flatMap(Days.date)
        else { return }
        try connection.query(SQL.lockCoverage, [.int(Int64(slice.sourceID))])
        let known = try connection.query(
            SQL.knownOfDay, [.int(Int64(slice.sourceID)), .int(Int64(Days.number(date)))]
        ).first
        let pass = known?.string(2)
        let confirmed = pass.map { "; the pass over all patients of \($0) has the same studies" } ?? ""
        try cover(
            DateRange(day: date), level: row.string(0) ?? "", source: slice.sourceID,
            pass == nil ? .enumerated : .proven, age: row.double(2) ?? 0, run: ended.run,
            "asked in parts: \(row.string(3) ?? "")\(confirmed)",
            parts: known.map { (studies: $0.int(0) ?? 0, digest: $0.int(1) ?? 0) }, connection)
    }

    private static func cover(
        _ dates: DateRange?, level: String, source: Int32, _ state: CoveredDays.State, age: Double, run: Int64,
        _ reason: String, parts: (studies: Int, digest: Int)? = nil, _ connection: PostgresConnection
    ) throws {
        guard let dates else { return }
        try connection.query(
            SQL.cover,
            [
                .int(Int64(source)), .text(level), bound(dates.lower), bound(dates.upper), .text(state.rawValue),
                .double(age), .int(run), .text(reason), parts.map { .int(Int64($0.studies)) } ?? .null,
                parts.map { .int(Int64($0.digest)) } ?? .null,
            ])
    }

    static func coverHole(
        _ range: SliceRange, level: String, source: Int32, run: Int64, _ reason: String,
        _ connection: PostgresConnection
    ) throws {
        guard let dates = range.dates else { return }
        try connection.query(
            SQL.coverHole,
            [
                .int(Int64(source)), .text(level), bound(dates.lower), bound(dates.upper), .int(run), .text(reason),
            ])
    }

    private static func bound(_ date: DICOMDate?) -> PostgresValue {
        date.map { .int(Int64(Days.number($0))) } ?? .null
    }

    /// Compares a range of days that was split although it ended in Success with what its parts have shown (F13). Where they
    /// name the same studies, no silent cap had cut the whole: answers of that size may be trusted. Where they show more, one
    /// had: it is learned. Where they show fewer, the source contradicts itself, and nothing is proven.
    private static func compareParts(of parent: Int64, _ connection: PostgresConnection) throws {
        guard let row = try connection.query(SQL.endedParts, [.int(parent)]).first, let source = row.int(0),
            let rows = row.int(1), let distinct = row.int(2), let partsDistinct = row.int(4)
        else { return }
        if partsDistinct > distinct, let largestPart = row.int(6), largestPart < rows {
            try learn(
                Capability(
                    name: CapabilityName.silentCap, value: "\(rows)",
                    evidence: "\(rows) rows for a range whose parts have \(partsDistinct) studies"),
                of: Int32(truncatingIfNeeded: source), connection)
        } else if partsDistinct < distinct {
            let reason = "its parts showed \(partsDistinct) studies, the whole \(distinct)"
            guard let parts = try connection.query(SQL.contradict, [.int(parent), .text(reason)]).first else { return }
            let dates = DateRange(
                lower: parts.date(1).flatMap(Days.date), upper: parts.date(2).flatMap(Days.date))
            try cover(
                dates, level: parts.string(0) ?? "", source: Int32(truncatingIfNeeded: source), .hole, age: 0,
                run: Int64(parts.int(3) ?? 0), reason, connection)
        }
    }
}

/// A slice that this transaction has ended.
struct EndedSlice {
    var run: Int64
    var parent: Int64?
    var day: Int64?
    var isDead = false
}

/// Names under which the ledger itself keeps what it learns.
package enum CapabilityName {
    /// The most rows that the source sends without saying that there are more.
    package static let silentCap = "silent_cap"
    /// The most rows that the source sends before it says that there are more.
    package static let announcedCap = "announced_cap"
    /// The most rows that a source has sent which refuses what is too broad.
    package static let mostRowsAccepted = "most_rows_accepted"
}
