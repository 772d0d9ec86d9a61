import DICOM
import Foundation
import PostgresClient
import StudyIndex

@testable import Sweep

/// The real ledger, on a clock and with ids that the simulation gives it. Its pool has one connection, because each has a
/// clock of its own.
final class SQLLedger: SimulatedLedger {
    let index: StudyIndex
    private let pool: PostgresPool

    init(_ pool: PostgresPool) {
        self.pool = pool
        index = StudyIndex(pool: pool)
    }

    /// Empties the database and enters the sources, whose ids are then 1, 2, ….
    func reset(_ limits: [Int32: SourceLimits]) async throws {
        try await pool.withConnection {
            try $0.execute(
                script: """
                    TRUNCATE source, source_capability, patient_pass, patient_pass_day, budget, budget_window, source_lease, job_run, slice, coverage,
                        patient_pass, observation, study, change, absence, series_observation, series_sweep, discrepancy,
                        observation_history
                        RESTART IDENTITY CASCADE
                    """)
        }
        for (id, limits) in limits.sorted(by: { $0.key < $1.key }) {
            _ = try await index.register([
                SourceDefinition(
                    name: "s\(id)", aeTitle: "S\(id)", host: "localhost", port: 104, issuer: "I", limits: limits)
            ])
        }
    }

    private func set(_ now: Moment, id: UUID? = nil) async throws {
        let id = id?.uuidString ?? ""
        _ = try await pool.withConnection {
            try $0.query(
                """
                SELECT set_config('concord.now', (timestamptz 'epoch' + $1 * interval '1 microsecond')::text, false),
                       set_config('concord.id', $2, false)
                """, [.int(now), .text(id)])
        }
    }

    func rows(_ sql: String) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query("SELECT row_to_json(t)::text FROM (\(sql)) t").map { $0.string(0) ?? "" }
        }
    }

    func openRun(_ slices: [NewSlice], key: String, at now: Moment) async throws -> RunID {
        try await set(now)
        return try await index.openRun(job: "simulation", slices: slices, resumeKey: key).id
    }

    func add(_ slices: [NewSlice], to run: RunID, at now: Moment) async throws {
        try await set(now)
        try await index.add(slices, to: run)
    }

    func closeRun(_ run: RunID, at now: Moment) async throws {
        try await set(now)
        try await index.closeRun(run)
    }

    func outlook(_ run: RunID, _ source: Int32, at now: Moment) async throws -> Duration? {
        try await set(now)
        return try await index.outlook(run: run, source: source)
    }

    func claim(_ run: RunID, _ source: Int32, id: UUID, at now: Moment) async throws -> Claim {
        try await set(now, id: id)
        return try await index.claim(run: run, source: source, worker: "simulated")
    }

    func renew(_ slice: ClaimedSlice, at now: Moment) async throws -> Bool {
        try await set(now)
        return try await index.renew(slice)
    }

    func narrow(_ slice: ClaimedSlice, to lower: DICOMDate, at now: Moment) async throws -> ClaimedSlice? {
        try await set(now)
        return try await index.narrow(slice, to: lower)
    }

    func finish(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ records: [StudyRecord], at now: Moment
    ) async throws -> MergeCounts? {
        try await set(now)
        do {
            return try await index.finish(slice, outcome: outcome, records: records)
        } catch let error as IndexError where error.code == .fenced {
            return nil
        }
    }

    func abandon(_ run: RunID, _ source: Int32, _ reason: String, at now: Moment) async throws {
        try await set(now)
        try await index.abandon(run: run, source: source, reason: reason)
    }

    func openLease(_ source: Int32, id: UUID, at now: Moment) async throws -> Opening {
        try await set(now, id: id)
        return try await index.openLease(source: source, purpose: .sweep)
    }

    func renewLeases(_ leases: [LeaseID], at now: Moment) async throws -> Set<LeaseID> {
        try await set(now)
        return try await index.renewLeases(leases).held
    }

    func closeLease(_ lease: LeaseID, at now: Moment) async throws {
        try await set(now)
        try await index.closeLease(lease)
    }

    func permit(_ source: Int32, _ lease: LeaseID, at now: Moment) async throws -> Permit {
        try await set(now)
        return try await index.permit(source: source, lease: lease)
    }

    func report(
        _ source: Int32, _ lease: LeaseID, _ outcome: RequestOutcome, _ took: Duration, _ jitter: Double, at now: Moment
    ) async throws -> SourceHealth {
        try await set(now)
        return try await index.report(source: source, lease: lease, outcome, took: took, jitter: jitter)
    }

    func noteReference(_ source: Int32, _ took: Duration, at now: Moment) async throws {
        try await set(now)
        try await index.noteReference(source: source, took: took)
    }

    func learnSingleQueries(_ source: Int32, at now: Moment) async throws {
        try await set(now)
        try await index.learn(
            [StudyIndex.Capability(name: Capabilities.Name.queriesPerAssociation, value: "1", evidence: "")], of: source
        )
    }

    func vanishing(_ source: Int32, at now: Moment) async throws -> [String] {
        try await set(now)
        return try await index.vanishing(at: source).uids
    }

    func knownStudy(_ source: Int32, at now: Moment) async throws -> String? {
        try await set(now)
        return try await index.knownStudy(at: source)
    }
}

/// The model and PostgreSQL, asked the same: whatever they answer differently is an error.
final class Lockstep: SimulatedLedger {
    struct Difference: Error, CustomStringConvertible {
        let description: String
    }

    let model: LedgerModel
    let sql: SQLLedger

    init(_ model: LedgerModel, _ sql: SQLLedger) {
        self.model = model
        self.sql = sql
    }

    private func same<T: Equatable>(_ what: String, _ model: T, _ sql: T) throws -> T {
        guard model == sql else { throw Difference(description: "\(what): the model says \(model), PostgreSQL \(sql)") }
        return sql
    }

    /// Durations that were computed in floating point are the same to a microsecond.
    private func rounded(_ duration: Duration) -> Duration {
        .microseconds(Moment((duration / .microseconds(1)).rounded()))
    }

    func openRun(_ slices: [NewSlice], key: String, at now: Moment) async throws -> RunID {
        try same("openRun", model.openRun(slices, key: key, at: now), try await sql.openRun(slices, key: key, at: now))
    }

    func add(_ slices: [NewSlice], to run: RunID, at now: Moment) async throws {
        model.add(slices, to: run, at: now)
        try await sql.add(slices, to: run, at: now)
    }

    func closeRun(_ run: RunID, at now: Moment) async throws {
        model.closeRun(run, at: now)
        try await sql.closeRun(run, at: now)
    }

    func outlook(_ run: RunID, _ source: Int32, at now: Moment) async throws -> Duration? {
        try same(
            "outlook", model.outlook(run, source, at: now),
            try await sql.outlook(run, source, at: now).map(rounded))
    }

    func claim(_ run: RunID, _ source: Int32, id: UUID, at now: Moment) async throws -> Claim {
        let (mine, theirs) = (
            model.claim(run, source, id: id, at: now), try await sql.claim(run, source, id: id, at: now)
        )
        if case .wait(let wait) = theirs { return try same("claim", mine, .wait(rounded(wait))) }
        return try same("claim", mine, theirs)
    }

    func renew(_ slice: ClaimedSlice, at now: Moment) async throws -> Bool {
        try same("renew", model.renew(slice, at: now), try await sql.renew(slice, at: now))
    }

    func narrow(_ slice: ClaimedSlice, to lower: DICOMDate, at now: Moment) async throws -> ClaimedSlice? {
        try same("narrow", model.narrow(slice, to: lower, at: now), try await sql.narrow(slice, to: lower, at: now))
    }

    func finish(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ records: [StudyRecord], at now: Moment
    ) async throws -> MergeCounts? {
        try same(
            "finish \(outcome)", model.finish(slice, outcome, records, at: now),
            try await sql.finish(slice, outcome, records, at: now))
    }

    func abandon(_ run: RunID, _ source: Int32, _ reason: String, at now: Moment) async throws {
        model.abandon(run, source, reason, at: now)
        try await sql.abandon(run, source, reason, at: now)
    }

    func openLease(_ source: Int32, id: UUID, at now: Moment) async throws -> Opening {
        func comparable(_ opening: Opening) -> Opening {
            guard case .wait(let wait, let reason, let failing) = opening else { return opening }
            return .wait(rounded(wait), reason, failingFor: rounded(failing))
        }
        return try same(
            "openLease", comparable(model.openLease(source, id: id, at: now)),
            comparable(try await sql.openLease(source, id: id, at: now)))
    }

    func renewLeases(_ leases: [LeaseID], at now: Moment) async throws -> Set<LeaseID> {
        try same("renewLeases", model.renewLeases(leases, at: now), try await sql.renewLeases(leases, at: now))
    }

    func closeLease(_ lease: LeaseID, at now: Moment) async throws {
        model.closeLease(lease, at: now)
        try await sql.closeLease(lease, at: now)
    }

    func permit(_ source: Int32, _ lease: LeaseID, at now: Moment) async throws -> Permit {
        func comparable(_ permit: Permit) -> Permit {
            if case .wait(let wait) = permit { return .wait(rounded(wait)) }
            return permit
        }
        return try same(
            "permit", comparable(model.permit(source, lease, at: now)),
            comparable(try await sql.permit(source, lease, at: now)))
    }

    func report(
        _ source: Int32, _ lease: LeaseID, _ outcome: RequestOutcome, _ took: Duration, _ jitter: Double, at now: Moment
    ) async throws -> SourceHealth {
        func comparable(_ health: SourceHealth) -> SourceHealth {
            SourceHealth(failingFor: rounded(health.failingFor), restsFor: rounded(health.restsFor))
        }
        return try same(
            "report \(outcome)", comparable(model.report(source, lease, outcome, took, jitter, at: now)),
            comparable(try await sql.report(source, lease, outcome, took, jitter, at: now)))
    }

    func noteReference(_ source: Int32, _ took: Duration, at now: Moment) async throws {
        model.noteReference(source, took, at: now)
        try await sql.noteReference(source, took, at: now)
    }

    func learnSingleQueries(_ source: Int32, at now: Moment) async throws {
        model.learnSingleQueries(source, at: now)
        try await sql.learnSingleQueries(source, at: now)
    }

    func vanishing(_ source: Int32, at now: Moment) async throws -> [String] {
        try same("vanishing", model.vanishing(source, at: now), try await sql.vanishing(source, at: now))
    }

    func knownStudy(_ source: Int32, at now: Moment) async throws -> String? {
        try same("knownStudy", model.knownStudy(source, at: now), try await sql.knownStudy(source, at: now))
    }

    // MARK: At the end

    /// Slices, observations, changes, coverage and what was learned are the same on both sides.
    func compareStates() async throws {
        let slices = model.slices.map {
            "\($0.id) \($0.state) \($0.attempt) \($0.range.axis.rawValue) \($0.reason ?? "")"
        }
        _ = try same(
            "slices", slices,
            try await lines(
                "id || ' ' || state || ' ' || attempt || ' ' || axis || ' ' || coalesce(reason, '')",
                "slice ORDER BY id"))
        var observations: [String] = []
        for (source, studies) in model.observations {
            for (uid, known) in studies {
                let missing = known.missingSince == nil ? "" : " missed \(known.missedNights)"
                observations.append(
                    "\(source) \(uid) \(known.record[.studyDescription] ?? "")\(missing)\(known.vanishedAt == nil ? "" : " gone")"
                )
            }
        }
        _ = try same(
            "observations", observations.sorted(),
            try await lines(
                """
                source_id || ' ' || study_uid || ' ' || coalesce(study_description, '')
                || CASE WHEN missing_since IS NOT NULL THEN ' missed ' || missed_nights ELSE '' END
                || CASE WHEN vanished_at IS NOT NULL THEN ' gone' ELSE '' END
                """, "observation"
            ).sorted())
        _ = try same("changes", ["\(model.changes)"], try await lines("count(*)::text", "change"))
        let coverage = model.coverage.sorted { $0.key < $1.key }.flatMap { source, days in
            days.map { "\(source) \($0.days.lowerBound) \($0.days.upperBound) \($0.state.rawValue) \($0.reason)" }
        }
        let (first, last) = (DICOMDate.earliest.daysSince1970, DICOMDate.latest.daysSince1970)
        _ = try same(
            "coverage", coverage,
            try await lines(
                """
                source_id || ' ' || coalesce(lower(days) - date '1970-01-01', \(first)) || ' '
                || coalesce(upper(days) - 1 - date '1970-01-01', \(last)) || ' ' || state || ' ' || reason
                """, "coverage ORDER BY source_id, days"))
        let learned = model.capabilities.flatMap { source, learned in learned.map { "\(source) \($0.key) \($0.value)" }
        }
        _ = try same(
            "capabilities", learned.sorted(),
            try await lines("source_id || ' ' || name || ' ' || value", "source_capability").sorted())
        // Each study is consolidated from the sources that hold it.
        let held = Dictionary(
            grouping: model.observations.flatMap { source, studies in
                studies.map { (uid: $0.key, source: $0.value.vanishedAt == nil ? source : nil) }
            }, by: \.uid)
        _ = try same(
            "studies", held.map { "\($0.key) \($0.value.compactMap(\.source).sorted())" }.sorted(),
            try await lines("study_uid || ' [' || array_to_string(source_ids, ', ') || ']'", "study").sorted())
    }

    private func lines(_ expression: String, _ from: String) async throws -> [String] {
        try await sql.rows("SELECT \(expression) AS line FROM \(from)").map { row in
            let value = try JSONDecoder().decode([String: String].self, from: Data(row.utf8))
            return value["line"] ?? ""
        }
    }
}
