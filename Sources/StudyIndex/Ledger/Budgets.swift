import Foundation
import PostgresClient

/// What an association is for. All but `live` share what `limits.live` leaves over.
package enum Purpose: String, Sendable {
    case sweep, probe, health, live
}

/// A place for one association at a source, held in the database until it is given back or expires.
package struct LeaseID: Sendable, Hashable {
    package let value: UUID

    package init(value: UUID) { self.value = value }
}

/// What came of asking for a place.
package enum Opening: Sendable, Hashable {
    /// `isTrial`: the source was resting after failures; this one association finds out whether it is well (F104).
    case granted(LeaseID, isTrial: Bool)
    /// `failingFor`: since when the source has been failing.
    case wait(Duration, WaitReason, failingFor: Duration)
}

/// Why no association may be opened at the moment.
package enum WaitReason: String, Sendable {
    /// `concord sources pause`.
    case paused
    /// A weekly window in which nothing may be asked.
    case window
    /// After failures.
    case resting
    /// Another association is finding out whether the source is well.
    case trial
    /// As many as are allowed are open.
    case places
    /// Too soon after the last opening.
    case gap
}

package enum Permit: Sendable, Hashable {
    /// `referenceDue`: this caller shall, after its own question, ask the source's reference question (F103).
    /// `reportsWanted`: the request is to be reported even when it succeeds.
    case granted(referenceDue: Bool, reportsWanted: Bool)
    case wait(Duration)
    /// The place has expired, or the source was paused or may not be asked at this hour: the association has to be closed.
    case lost
}

/// How a source took a request, or an association that was asked for.
package enum RequestOutcome: String, Sendable {
    case success, failure
    /// It says that it has too many associations (F80).
    case congestion
}

/// How a source is, after a request was reported.
package struct SourceHealth: Sendable, Hashable {
    /// Since the first of its failures in a row; zero: it is well.
    package var failingFor: Duration
    package var restsFor: Duration

    package init(failingFor: Duration, restsFor: Duration) {
        self.failingFor = failingFor
        self.restsFor = restsFor
    }
}

/// Budgets, kept in the database for all workers of all machines. Only its clock decides.
extension StudyIndex {
    /// An association's place without a renewal; a killed worker's place is free after that.
    package static let associationLease = Duration.seconds(60)

    /// A place for one association at a source, while its limits allow another.
    package func openLease(source: Int32, purpose: Purpose) async throws -> Opening {
        try await pool.transaction { connection in
            try connection.query(SQL.lockBudget, [.int(Int64(source))])
            guard
                let row = try connection.query(
                    SQL.openLease,
                    [.int(Int64(source)), .text(purpose.rawValue), .double(Self.associationLease / .seconds(1))]
                ).first
            else { throw Self.unregistered }
            if let id = row.uuid(2) { return .granted(LeaseID(value: id), isTrial: row.bool(3) == true) }
            return .wait(
                .seconds(row.double(0) ?? 1), row.string(1).flatMap(WaitReason.init(rawValue:)) ?? .places,
                failingFor: .seconds(row.double(4) ?? 0))
        }
    }

    /// Prolongs places; returns those that are still ours, and those of them whose source a person has paused.
    package func renewLeases(_ leases: [LeaseID]) async throws -> (held: Set<LeaseID>, paused: Set<LeaseID>) {
        try await pool.withConnection { connection in
            let rows = try connection.query(
                SQL.renewLeases, [.uuidArray(leases.map(\.value)), .double(Self.associationLease / .seconds(1))])
            var renewed: (held: Set<LeaseID>, paused: Set<LeaseID>) = ([], [])
            for row in rows {
                guard let id = row.uuid(0).map(LeaseID.init(value:)) else { continue }
                renewed.held.insert(id)
                if row.bool(1) == true { renewed.paused.insert(id) }
            }
            return renewed
        }
    }

    package func closeLease(_ lease: LeaseID) async throws {
        _ = try await pool.withConnection { try $0.query(SQL.closeLease, [.uuid(lease.value)]) }
    }

    /// Permission for one request on the association that has this place, to be sent at once, or how long to wait before
    /// asking again.
    package func permit(source: Int32, lease: LeaseID) async throws -> Permit {
        try await pool.withConnection { connection in
            guard let row = try connection.query(SQL.permit, [.int(Int64(source)), .uuid(lease.value)]).first else {
                throw Self.unregistered
            }
            guard row.bool(1) == true else { return .lost }
            let wait = row.double(0) ?? 0
            return wait > 0
                ? .wait(.seconds(wait))
                : .granted(referenceDue: row.bool(2) == true, reportsWanted: row.bool(3) == true)
        }
    }

    /// Tells how a source took a request, or an association that was asked for; `jitter` is 0 to 1.
    @discardableResult
    package func report(
        source: Int32, lease: LeaseID?, _ outcome: RequestOutcome, took: Duration, jitter: Double
    ) async throws -> SourceHealth {
        try await pool.withConnection { connection in
            let row = try connection.query(
                SQL.reportRequest,
                [
                    .int(Int64(source)), lease.map { .uuid($0.value) } ?? .uuid(Self.noLease),
                    .text(outcome.rawValue), .double(took / .seconds(1)), .double(jitter),
                ]
            ).first
            return SourceHealth(
                failingFor: .seconds(row?.double(0) ?? 0), restsFor: .seconds(row?.double(1) ?? 0))
        }
    }

    private static let noLease = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    private static let unregistered = IndexError(
        .unknownSource, "a source that was never registered has no budget")

    /// What the latency brake makes of a source's speed.
    package struct Brake: Sendable, Hashable {
        /// Part of the configured rate that is asked at the moment; 1: all of it.
        package let factor: Double
        package let median: Duration
        /// nil: not known yet.
        package let baseline: Duration?
    }

    /// Notes how long the source took for its reference question.
    @discardableResult
    package func noteReference(source: Int32, took: Duration) async throws -> Brake {
        try await pool.withConnection { connection in
            guard
                let row = try connection.query(
                    SQL.noteReference, [.int(Int64(source)), .double(took / .seconds(1))]
                ).first
            else { throw Self.unregistered }
            return Brake(
                factor: row.double(0) ?? 1, median: .seconds(row.double(1) ?? 0),
                baseline: row.double(2).map { .seconds($0) })
        }
    }

    /// Stops, or lets go on, everything that any process asks of a source (F112); false: there is no such source.
    package func pause(sourceNamed name: String, _ isPaused: Bool) async throws -> Bool {
        try await pool.withConnection {
            try $0.query(SQL.pauseSource, [.text(name), .bool(isPaused)]).affectedRows == 1
        }
    }

    package func conditions() async throws -> [String: SourceCondition] {
        try await pool.withConnection { connection in
            var conditions: [String: SourceCondition] = [:]
            for row in try connection.query(SQL.conditions) {
                conditions[row.string(0) ?? ""] = SourceCondition(
                    isPaused: row.bool(1) == true, restsFor: .seconds(row.double(2) ?? 0), brake: row.double(3) ?? 1,
                    openAssociations: row.int(4) ?? 0)
            }
            return conditions
        }
    }
}

extension StudyIndex {
    /// How a source's breaker and budget are, and its last complete sweep; nil: there is no such source.
    package func health(ofSource name: String) async throws -> SourceReport? {
        try await pool.withConnection { connection in
            guard let row = try connection.query(SQL.sourceHealth, [.text(name.storable)]).first else { return nil }
            let (trips, rest) = (row.int(1) ?? 0, Duration.seconds(row.double(2) ?? 0))
            return SourceReport(
                failures: row.int(0) ?? 0, rests: trips,
                breaker: trips == 0 ? .closed : rest > .zero ? .open : .halfOpen,
                restsFor: rest, queriesPerSecond: row.double(3) ?? 0, brake: row.double(4) ?? 1,
                associations: row.int(5) ?? 0, openAssociations: row.int(6) ?? 0, isPaused: row.bool(7) == true,
                lastCompleteSweep: row.string(8))
        }
    }
}

/// A source for the people who run it.
package struct SourceReport: Sendable, Hashable {
    package enum Breaker: String, Sendable {
        case closed, open
        /// One association finds out whether the source is well again.
        case halfOpen = "half-open"
    }
    /// In a row, since it was well or began to rest.
    package let failures: Int
    /// In a row.
    package let rests: Int
    package let breaker: Breaker
    package let restsFor: Duration
    package let queriesPerSecond: Double
    /// Part of the configured rate that is asked at the moment; 1: all of it.
    package let brake: Double
    package let associations: Int
    package let openAssociations: Int
    package let isPaused: Bool
    /// When a run ended that left no hole at it; UTC, ISO 8601.
    package let lastCompleteSweep: String?
}

/// How a source is at the moment.
package struct SourceCondition: Sendable, Hashable {
    package let isPaused: Bool
    package let restsFor: Duration
    /// Part of the configured rate that is asked at the moment; 1: all of it.
    package let brake: Double
    package let openAssociations: Int
}
