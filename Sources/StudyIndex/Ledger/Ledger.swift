import DICOM
import Foundation
import PostgresClient

/// The ledger's protocol: runs are opened, slices claimed, renewed and ended; budgets give permits. Only the database's
/// clock decides.
extension StudyIndex {
    /// How long a claimed slice is ours without a renewal.
    static let sliceLease = 60.0
    /// An association's place without a renewal; a killed worker's place is free after that.
    static let associationLease = 60.0
    /// Attempts before a slice is given up for its run.
    static let maximumAttempts: Int64 = 4

    // MARK: Runs

    /// Opens a run with these slices, or takes up the unfinished run with the same key, with the slices that it has.
    /// Slices are asked in the given order, the children of split ones before the rest.
    package func openRun(
        job: String, slices: [NewSlice], resumeKey: String?
    ) async throws -> (id: RunID, isResumed: Bool) {
        try await pool.transaction { connection in
            let key = resumeKey.map(PostgresValue.text) ?? .null
            if let id = try connection.query(SQL.openRun, [.text(job), key]).first?.int(0) {
                try Self.insert(slices, run: Int64(id), parent: nil, connection)
                return (RunID(value: Int64(id)), false)
            }
            guard let id = try connection.query(SQL.findRun, [key]).first?.int(0) else {
                throw IndexError(.corrupt, "a run is neither new nor unfinished")
            }
            return (RunID(value: Int64(id)), true)
        }
    }

    package func closeRun(_ run: RunID) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.closeRun, [.int(run.value)]) }
    }

    static func insert(_ slices: [NewSlice], run: Int64, parent: Int64?, _ connection: PostgresConnection) throws {
        guard !slices.isEmpty else { return }
        let none = Int64.min
        // Claims take the highest id first.
        let slices = slices.reversed()
        func days(_ bound: (DateRange) -> DICOMDate?) -> [Int64] {
            slices.map { $0.range.dates.flatMap(bound).map { Int64(Days.number($0)) } ?? none }
        }
        func times(_ bound: (TimeRange) -> DICOMTime?) -> [Int64] {
            slices.map { $0.range.times.flatMap(bound).map { Int64($0.microseconds) } ?? none }
        }
        try connection.query(
            SQL.insertSlices,
            [
                .int(run), parent.map(PostgresValue.int) ?? .null, .intArray(slices.map { Int64($0.sourceID) }),
                .textArray(slices.map(\.level.rawValue)), .textArray(slices.map(\.range.axis.rawValue)),
                .intArray(days(\.lower)), .intArray(days(\.upper)), .intArray(times(\.lower)),
                .intArray(times(\.upper)), .textArray(slices.map { $0.range.uids.first ?? "" }),
            ])
    }

    // MARK: Claims

    package func claim(run: RunID, source: Int32, worker: String) async throws -> Claim {
        try await pool.withConnection { connection in
            let claimed = try connection.query(
                SQL.claim, [.int(run.value), .int(Int64(source)), .text(worker), .double(Self.sliceLease)])
            if let row = claimed.first { return .slice(try Self.slice(row, source: source)) }
            guard
                let wait = try connection.query(SQL.claimWait, [.int(run.value), .int(Int64(source))]).first?.double(0)
            else { return .drained }
            return .wait(.seconds(wait))
        }
    }

    private static func slice(_ row: PostgresRow, source: Int32) throws -> ClaimedSlice {
        guard let id = row.int(0), let claim = row.uuid(1), let attempt = row.int(2),
            let level = row.string(3).flatMap(QueryLevel.init(rawValue:)), let range = range(row, from: 4)
        else { throw IndexError(.corrupt, "a slice of the ledger cannot be read") }
        return ClaimedSlice(
            id: Int64(id), claimID: claim, sourceID: source, level: level, range: range, attempt: attempt,
            largestAnswer: row.int(10) ?? 0)
    }

    /// Reads axis, dates, times and UIDs from consecutive columns.
    static func range(_ row: PostgresRow, from column: Int) -> SliceRange? {
        let dates = DateRange(
            lower: row.date(column + 1).flatMap(Days.date), upper: row.date(column + 2).flatMap(Days.date))
        switch row.string(column).flatMap(SliceRange.Axis.init(rawValue:)) {
        case .dates: return SliceRange(dates: dates)
        case .times:
            return SliceRange(
                dates: dates,
                times: TimeRange(
                    lower: row.int(column + 3).flatMap { DICOMTime(microseconds: $0) },
                    upper: row.int(column + 4).flatMap { DICOMTime(microseconds: $0) }))
        case .uids: return SliceRange(uids: row.strings(column + 5) ?? [])
        case nil: return nil
        }
    }

    /// Prolongs the lease; false: the slice is not ours any more.
    package func renew(_ slice: ClaimedSlice) async throws -> Bool {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.renewSlice, [.int(slice.id), .uuid(slice.claimID), .double(Self.sliceLease)]
            ).affectedRows == 1
        }
    }

    /// Buries what is left of a run at a source.
    package func abandon(run: RunID, source: Int32, reason: String) async throws {
        _ = try await pool.withConnection {
            try $0.query(SQL.abandon, [.int(run.value), .int(Int64(source)), .text(reason)])
        }
    }

    // MARK: Budgets

    /// A place for one association at a source, while fewer than its `associations` are open; nil: none is free.
    package func openLease(source: Int32, purpose: String) async throws -> LeaseID? {
        try await pool.transaction { connection in
            try connection.query(SQL.lockBudget, [.int(Int64(source))])
            return try connection.query(
                SQL.openLease, [.int(Int64(source)), .text(purpose), .double(Self.associationLease)]
            ).first?.uuid(0).map(LeaseID.init)
        }
    }

    package func renewLease(_ lease: LeaseID) async throws {
        _ = try await pool.withConnection {
            try $0.query(SQL.renewLease, [.uuid(lease.value), .double(Self.associationLease)])
        }
    }

    package func closeLease(_ lease: LeaseID) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.closeLease, [.uuid(lease.value)]) }
    }

    /// Permission for `cost` requests at a source, to be sent at once, or how long to wait before asking again.
    package func permit(source: Int32, cost: Int = 1) async throws -> Permit {
        try await pool.withConnection { connection in
            guard
                let wait = try connection.query(SQL.permit, [.int(Int64(source)), .int(Int64(cost))]).first?.double(0)
            else { throw IndexError(.unknownSource, "a source that was never registered has no budget") }
            return wait > 0 ? .wait(.seconds(wait)) : .granted
        }
    }
}
