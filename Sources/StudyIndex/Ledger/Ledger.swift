import DICOM
import Foundation
import PostgresClient

/// The ledger's protocol: runs are opened, slices claimed, renewed, narrowed and given up. They end in `finish`. Only the
/// database's clock decides.
extension StudyIndex {
    /// How long a claimed slice is ours without a renewal.
    package static let sliceLease = Duration.seconds(60)
    /// Attempts before a slice is given up for its run.
    package static let maximumAttempts = 4

    // MARK: Runs

    /// Opens a run with these slices, or takes up the unfinished run with the same key, with the slices that it has.
    /// Slices are asked in the given order, the children of split ones before the rest.
    ///
    /// - Parameter time: how long the run may ask; nil: to the end. What is left then is skipped, not a hole.
    package func openRun(
        job: String, slices: [NewSlice], resumeKey: String?, time: Duration? = nil
    ) async throws -> (id: RunID, isResumed: Bool) {
        try await pool.transaction { connection in
            let key = resumeKey.map(PostgresValue.text) ?? .null
            let deadline = time.map { PostgresValue.double($0 / .seconds(1)) } ?? .null
            if let id = try connection.query(SQL.openRun, [.text(job), key, deadline]).first?.int(0) {
                try Self.insert(slices, run: Int64(id), connection)
                return (RunID(value: Int64(id)), false)
            }
            guard let id = try connection.query(SQL.findRun, [key]).first?.int(0) else {
                throw IndexError(.corrupt, "a run is neither new nor unfinished")
            }
            return (RunID(value: Int64(id)), true)
        }
    }

    /// The run with this key that has not ended. One whose time is over ends here, where nobody works at it any more: what is
    /// left of a night that was cut short is not for the next one.
    package func unfinishedRun(key: String) async throws -> RunID? {
        try await pool.transaction { connection in
            try connection.query(SQL.closeExpired)
            return try connection.query(SQL.findRun, [.text(key)]).first?.int(0).map { RunID(value: Int64($0)) }
        }
    }

    /// Adds slices to a run that is under way.
    package func add(_ slices: [NewSlice], to run: RunID) async throws {
        try await pool.transaction { try Self.insert(slices, run: run.value, $0) }
    }

    package func closeRun(_ run: RunID) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.closeRun, [.int(run.value)]) }
    }

    /// Tells PostgreSQL's planner of what sweeps have added, where it is much. It would find out by itself, a minute later and on
    /// a server whose administrator has left that on; until then the plans of an empty index stay in use.
    package func refreshStatistics() async throws {
        try await pool.withConnection { connection in
            for table in try connection.query(SQL.outdatedStatistics).compactMap({ $0.string(0) }) {
                try connection.execute(script: "ANALYZE \(table)")
            }
        }
    }

    /// Keeps what a run has shown of how much sources send that refuse what is too broad.
    package func learnAccepted(_ run: RunID) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.learnAccepted, [.int(run.value)]) }
    }

    /// Runs that have not ended, the oldest first, and the sources that they still have slices for.
    package func openRuns() async throws -> [(run: RunID, sources: [String])] {
        try await pool.withConnection { connection in
            try connection.query(SQL.openRuns).map {
                (RunID(value: Int64($0.int(0) ?? 0)), $0.strings(1) ?? [])
            }
        }
    }

    static func insert(
        _ slices: [NewSlice], run: Int64, parent: Int64? = nil, day: Int64? = nil, _ connection: PostgresConnection
    ) throws {
        guard !slices.isEmpty else { return }
        let none = Int64.min
        // Claims take the highest id first.
        let slices = slices.reversed()
        func days(_ bound: (DateRange) -> DICOMDate?) -> PostgresValue {
            .intArray(slices.map { $0.range.dates.flatMap(bound).map { Int64(Days.number($0)) } ?? none })
        }
        func times(_ bound: (TimeRange) -> DICOMTime?) -> PostgresValue {
            .intArray(slices.map { $0.range.times.flatMap(bound).map { Int64($0.microseconds) } ?? none })
        }
        try connection.query(
            SQL.insertSlices,
            [
                .int(run), parent.map(PostgresValue.int) ?? .null, day.map(PostgresValue.int) ?? .null,
                .intArray(slices.map { Int64($0.sourceID) }), .textArray(slices.map(\.level.rawValue)),
                .textArray(slices.map(\.range.axis.rawValue)), days(\.lower), days(\.upper), times(\.lower),
                times(\.upper), .textArray(slices.map(\.range.modality)), .textArray(slices.map(\.range.patientPrefix)),
                .textArray(slices.map(\.range.patientID)),
                .textArray(slices.map { $0.range.uids.map { $0.joined(separator: "\\") } }),
                .intArray(slices.map { $0.isSized ? 1 : 0 }),
            ])
    }

    // MARK: Claims

    package func claim(run: RunID, source: Int32, worker: String) async throws -> Claim {
        try await pool.withConnection { connection in
            let claimed = try connection.query(
                SQL.claim,
                [.int(run.value), .int(Int64(source)), .text(worker), .double(Self.sliceLease / .seconds(1))])
            if let row = claimed.first { return .slice(try Self.slice(row, source: source, connection)) }
            guard let seconds = try Self.outlook(run, source, connection) else { return .drained }
            return .wait(.seconds(min(1, max(0.02, seconds))))
        }
    }

    /// When something of this run and source may be claimed: zero, now; nil: nothing is left that may be asked.
    package func outlook(run: RunID, source: Int32) async throws -> Duration? {
        try await pool.withConnection { try Self.outlook(run, source, $0).map { .seconds($0) } }
    }

    private static func outlook(_ run: RunID, _ source: Int32, _ connection: PostgresConnection) throws -> Double? {
        try connection.query(SQL.outlook, [.int(run.value), .int(Int64(source))]).first?.double(0)
    }

    private static func slice(
        _ row: PostgresRow, source: Int32, _ connection: PostgresConnection
    ) throws -> ClaimedSlice {
        guard let id = row.int(0), let claim = row.uuid(1), let attempt = row.int(2),
            let level = row.string(4).flatMap(QueryLevel.init(rawValue:))
        else { throw IndexError(.corrupt, "a slice of the ledger cannot be read") }
        let range = range(row, from: 5)
        // Planned anew each time: a plan made while the index was empty would sort all that it has by now.
        let control =
            range.axis == .uids && level == .study
            ? try connection.queryOnce(
                SQL.controlStudy, [.int(Int64(source)), .textArray(range.uids ?? [])]
            ).first?.string(0) : nil
        return ClaimedSlice(
            id: Int64(id), claimID: claim, sourceID: source, level: level, range: range,
            isSized: row.bool(3) ?? true, attempt: attempt, largestAnswer: row.int(14) ?? 0, controlUID: control)
    }

    /// Reads a range from consecutive columns: axis, dates, times, modality, prefix, patient, UIDs.
    static func range(_ row: PostgresRow, from column: Int) -> SliceRange {
        let axis = row.string(column).flatMap(SliceRange.Axis.init(rawValue:))
        let dates = DateRange(
            lower: row.date(column + 1).flatMap(Days.date), upper: row.date(column + 2).flatMap(Days.date))
        let times = TimeRange(
            lower: row.int(column + 3).flatMap { DICOMTime(microseconds: $0) },
            upper: row.int(column + 4).flatMap { DICOMTime(microseconds: $0) })
        let hasDates = axis == .dates || dates.lower != nil || dates.upper != nil
        return SliceRange(
            dates: hasDates ? dates : nil, times: times.lower != nil || times.upper != nil ? times : nil,
            modality: row.string(column + 5), patientPrefix: row.string(column + 6),
            patientID: row.string(column + 7), uids: row.strings(column + 8))
    }

    /// Prolongs the lease; false: the slice is not ours any more.
    package func renew(_ slice: ClaimedSlice) async throws -> Bool {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.renewSlice, [.int(slice.id), .uuid(slice.claimID), .double(Self.sliceLease / .seconds(1))]
            ).affectedRows == 1
        }
    }

    /// Of the claimed slice of dates the days from `lower` on, under the same claim; the older ones are open to everybody, after
    /// whatever becomes of the newer ones. nil: the slice is not ours any more. To be asked again where no answer was heard.
    package func narrow(_ slice: ClaimedSlice, to lower: DICOMDate) async throws -> ClaimedSlice? {
        try await pool.withConnection { connection in
            let parameters: [PostgresValue] = [
                .int(slice.id), .uuid(slice.claimID), .int(Int64(Days.number(lower))),
            ]
            let made = try connection.query(SQL.narrowSlice, parameters).first
            let newer = try made ?? connection.query(SQL.narrowedSlice, parameters).first
            return newer?.int(0).map { slice.narrowed(to: lower, id: Int64($0)) }
        }
    }

    /// Buries what is left of a run at a source.
    package func abandon(run: RunID, source: Int32, reason: String) async throws {
        try await pool.transaction { connection in
            try connection.query(SQL.lockCoverage, [.int(Int64(source))])
            for row in try connection.query(SQL.abandon, [.int(run.value), .int(Int64(source)), .text(reason)]) {
                try Self.coverHole(
                    Self.range(row, from: 1), level: row.string(0) ?? "", source: source, run: run.value, reason,
                    connection)
            }
        }
    }

    // MARK: What is learned of a source

    /// A thing learned of a source, and the observation that it rests on.
    package struct Capability: Sendable, Hashable {
        package var name: String
        package var value: String
        package var evidence: String
        package var age: Duration

        package init(name: String, value: String, evidence: String, age: Duration = .zero) {
            self.name = name
            self.value = value
            self.evidence = evidence
            self.age = age
        }
    }

    package func learn(_ capabilities: [Capability], of source: Int32) async throws {
        try await pool.transaction { connection in
            for capability in capabilities {
                try Self.learn(capability, of: source, connection)
            }
        }
    }

    static func learn(_ capability: Capability, of source: Int32, _ connection: PostgresConnection) throws {
        try connection.query(
            SQL.learn,
            [.int(Int64(source)), .text(capability.name), .text(capability.value), .text(capability.evidence)])
    }

    package func capabilities(of source: Int32) async throws -> [Capability] {
        try await pool.withConnection { connection in
            try connection.query(SQL.capabilities, [.int(Int64(source))]).map {
                Capability(
                    name: $0.string(0) ?? "", value: $0.string(1) ?? "", evidence: $0.string(2) ?? "",
                    age: .seconds($0.double(3) ?? 0))
            }
        }
    }
}
