import DICOM
import Foundation
import StudyIndex

@testable import Sweep

/// Microseconds on the database's clock.
typealias Moment = Int64

extension Duration {
    var microseconds: Moment {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

/// What the simulation asks of a ledger. Three keep to it: the model, PostgreSQL, and both side by side.
protocol SimulatedLedger: AnyObject {
    func openRun(_ slices: [NewSlice], key: String, at now: Moment) async throws -> RunID
    func add(_ slices: [NewSlice], to run: RunID, at now: Moment) async throws
    func closeRun(_ run: RunID, at now: Moment) async throws
    func outlook(_ run: RunID, _ source: Int32, at now: Moment) async throws -> Duration?
    func claim(_ run: RunID, _ source: Int32, id: UUID, at now: Moment) async throws -> Claim
    func renew(_ slice: ClaimedSlice, at now: Moment) async throws -> Bool
    func narrow(_ slice: ClaimedSlice, to lower: DICOMDate, at now: Moment) async throws -> ClaimedSlice?
    /// nil: fenced.
    func finish(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ records: [StudyRecord], at now: Moment
    ) async throws -> MergeCounts?
    func abandon(_ run: RunID, _ source: Int32, _ reason: String, at now: Moment) async throws
    func openLease(_ source: Int32, id: UUID, at now: Moment) async throws -> Opening
    func renewLeases(_ leases: [LeaseID], at now: Moment) async throws -> Set<LeaseID>
    func closeLease(_ lease: LeaseID, at now: Moment) async throws
    func permit(_ source: Int32, _ lease: LeaseID, at now: Moment) async throws -> Permit
    func report(
        _ source: Int32, _ lease: LeaseID, _ outcome: RequestOutcome, _ took: Duration, _ jitter: Double, at now: Moment
    ) async throws -> SourceHealth
    func noteReference(_ source: Int32, _ took: Duration, at now: Moment) async throws
    func learnSingleQueries(_ source: Int32, at now: Moment) async throws
    func vanishing(_ source: Int32, at now: Moment) async throws -> [String]
    func knownStudy(_ source: Int32, at now: Moment) async throws -> String?
}

/// The ledger and the index in memory: what the SQL is meant to do, written a second time.
final class LedgerModel: SimulatedLedger {
    struct Slice {
        var id: Int64
        var run: Int64
        var source: Int32
        var parent: Int64?
        var day: Int64?
        var isSized: Bool
        var level: QueryLevel
        var range: SliceRange
        var state = "ready"
        var attempt = 0
        var notBefore = Moment.min
        var claim: UUID?
        var leaseUntil: Moment?
        var proof: SliceProof?
        var finalStatus: UInt16?
        var reason: String?
        var ended: Moment?

        var isOpen: Bool { state == "ready" || state == "leased" }
    }

    struct Observation: Equatable {
        var record: StudyRecord
        let day: DICOMDate?
        var changedAt: Moment
        var missingSince: Moment?
        var missedNights = 0
        var lastMissed: Moment?
        var vanishedAt: Moment?
    }

    struct Budget {
        let limits: SourceLimits
        var tat = Moment.min
        var bulkTat = Moment.min
        var nextOpening: Moment = 0
        var failures = 0
        var failingSince: Moment?
        var trips = 0
        var restUntil: Moment = 0
        var trial: UUID?
        var congestions = 0
        var yielded = 0
        var yieldedUntil = Moment.min
        var brake = 1.0
        var referenceDue = Moment.min
        var baseline: Double?
        var samples: [Double] = []
    }

    struct Covered {
        var days: ClosedRange<Int>
        var state: CoveredDays.State
        var reason: String
        var verifiedAt: Moment
    }

    private(set) var slices: [Slice] = []
    private(set) var observations: [Int32: [String: Observation]] = [:]
    private(set) var changes = 0
    private(set) var coverage: [Int32: [Covered]] = [:]
    private(set) var capabilities: [Int32: [String: String]] = [:]
    private var budgets: [Int32: Budget] = [:]
    private var leases: [UUID: (source: Int32, expires: Moment)] = [:]
    private var runs: [(key: String, ended: Moment?)] = []
    /// Open slices, so that a claim need not look at all.
    private var open: Set<Int> = []

    init(_ limits: [Int32: SourceLimits]) { budgets = limits.mapValues { Budget(limits: $0) } }

    // MARK: Runs

    func openRun(_ slices: [NewSlice], key: String, at now: Moment) -> RunID {
        if let run = runs.firstIndex(where: { $0.key == key && $0.ended == nil }) {
            return RunID(value: Int64(run + 1))
        }
        runs.append((key, nil))
        insert(slices, run: Int64(runs.count))
        return RunID(value: Int64(runs.count))
    }

    func add(_ slices: [NewSlice], to run: RunID, at now: Moment) { insert(slices, run: run.value) }

    func closeRun(_ run: RunID, at now: Moment) {
        for position in open where slices[position].run == run.value {
            slices[position].state = "skipped"
            slices[position].ended = now
            slices[position].leaseUntil = nil
        }
        open = open.filter { slices[$0].run != run.value }
        if runs[Int(run.value) - 1].ended == nil { runs[Int(run.value) - 1].ended = now }
    }

    private func insert(_ new: [NewSlice], run: Int64, parent: Int64? = nil, day: Int64? = nil) {
        for slice in new.reversed() {
            open.insert(slices.count)
            slices.append(
                Slice(
                    id: Int64(slices.count + 1), run: run, source: slice.sourceID, parent: parent, day: day,
                    isSized: slice.isSized, level: slice.level, range: slice.range))
        }
    }

    // MARK: Claims

    func outlook(_ run: RunID, _ source: Int32, at now: Moment) -> Duration? {
        let moments = open.map { slices[$0] }.filter { $0.run == run.value && $0.source == source }
            .map { $0.state == "ready" ? $0.notBefore : $0.leaseUntil ?? now }
        return moments.min().map { .microseconds(max($0, now) - now) }
    }

    func claim(_ run: RunID, _ source: Int32, id: UUID, at now: Moment) -> Claim {
        let mine = open.filter { slices[$0].run == run.value && slices[$0].source == source }
        let expired = mine.filter { slices[$0].state == "leased" && (slices[$0].leaseUntil ?? now) < now }
        let ready = mine.filter { slices[$0].state == "ready" && slices[$0].notBefore <= now }
        guard let position = expired.max() ?? ready.max() else {
            guard let wait = outlook(run, source, at: now) else { return .drained }
            return .wait(min(.seconds(1), max(.milliseconds(20), wait)))
        }
        let largest =
            slices.filter { $0.run == run.value && $0.source == source && $0.finalStatus == 0 }
            .compactMap { $0.proof?.rawRows }.max() ?? 0
        slices[position].state = "leased"
        slices[position].attempt += 1
        slices[position].claim = id
        slices[position].leaseUntil = now + StudyIndex.sliceLease.microseconds
        let slice = slices[position]
        let isConfirmation = slice.range.axis == .uids && slice.level == .study
        return .slice(
            ClaimedSlice(
                id: slice.id, claimID: id, sourceID: source, level: slice.level, range: slice.range,
                isSized: slice.isSized, attempt: slice.attempt, largestAnswer: largest,
                controlUID: isConfirmation ? control(source, except: slice.range.uids ?? []) : nil))
    }

    private func control(_ source: Int32, except uids: [String]) -> String? {
        (observations[source] ?? [:]).filter {
            $0.value.missingSince == nil && $0.value.record.studyDate != nil && !uids.contains($0.key)
        }.max { ($0.value.record.studyDate ?? .earliest, $0.key) < ($1.value.record.studyDate ?? .earliest, $1.key) }?
        .key
    }

    func knownStudy(_ source: Int32, at now: Moment) -> String? { control(source, except: []) }

    /// The slice, while this claim holds it.
    private func held(_ slice: ClaimedSlice) -> Int? {
        let position = Int(slice.id) - 1
        return slices[position].claim == slice.claimID && slices[position].state == "leased" ? position : nil
    }

    func renew(_ slice: ClaimedSlice, at now: Moment) -> Bool {
        guard let position = held(slice) else { return false }
        slices[position].leaseUntil = now + StudyIndex.sliceLease.microseconds
        return true
    }

    func narrow(_ slice: ClaimedSlice, to lower: DICOMDate, at now: Moment) -> ClaimedSlice? {
        guard let position = held(slice), slices[position].range.axis == .dates,
            slices[position].range.dates?.lower.map({ $0 < lower }) ?? true
        else {
            // Done before, and not heard of.
            let newer = slices.first {
                $0.claim == slice.claimID && $0.state == "leased" && $0.range.dates?.lower == lower
            }
            return newer.map { slice.narrowed(to: lower, id: $0.id) }
        }
        var newer = slices[position]
        newer.id = Int64(slices.count + 1)
        newer.range.dates?.lower = lower
        newer.isSized = true
        open.insert(slices.count)
        slices.append(newer)
        slices[position].range.dates?.upper = lower.adding(days: -1)
        slices[position].state = "ready"
        slices[position].attempt = 0
        slices[position].claim = nil
        slices[position].leaseUntil = nil
        return slice.narrowed(to: lower, id: newer.id)
    }

    func abandon(_ run: RunID, _ source: Int32, _ reason: String, at now: Moment) {
        for position in open.sorted() where slices[position].run == run.value && slices[position].source == source {
            slices[position].leaseUntil = nil
            slices[position].claim = nil
            end(position, "dead", reason, at: now)
            hole(slices[position].range, source, reason, at: now)
        }
    }

    private func end(_ position: Int, _ state: String, _ reason: String?, at now: Moment) {
        slices[position].state = state
        slices[position].reason = reason
        slices[position].leaseUntil = nil
        slices[position].ended = now
        open.remove(position)
    }

    // MARK: Finish

    func finish(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ records: [StudyRecord], at now: Moment
    ) -> MergeCounts? {
        guard let position = held(slice) else {
            let stored = slices[Int(slice.id) - 1]
            return stored.claim == slice.claimID && stored.state != "leased" ? MergeCounts() : nil
        }
        var isDead = false
        switch outcome {
        case .complete(let proof): close(position, "complete", proof, nil, at: now)
        case .split(let proof, let reason, let children):
            close(position, "split", proof, reason, at: now)
            let day = slices[position].day ?? (slice.range.axis == .dates && slice.range.day != nil ? slice.id : nil)
            insert(children, run: slices[position].run, parent: slice.id, day: day)
        case .irreducible(let proof, let reason): close(position, "irreducible", proof, reason, at: now)
        case .failed(let code, let message, let transient, let rest, let jitter):
            let attempts = transient ? StudyIndex.maximumAttempts : 0
            isDead = slices[position].attempt >= attempts
            let seconds = min(rest / .seconds(1) * pow(2, Double(slices[position].attempt - 1)), 900)
            slices[position].notBefore = now + Self.micros(seconds * (0.5 + jitter / 2))
            if isDead {
                end(position, "dead", "\(code): \(message)", at: now)
            } else {
                slices[position].state = "ready"
                slices[position].leaseUntil = nil
            }
        case .deferred(let rest):
            slices[position].state = "ready"
            slices[position].attempt -= 1
            slices[position].leaseUntil = nil
            slices[position].notBefore = now + rest.microseconds
        }
        var counts = merge(records, slice.sourceID, at: now)
        if case .complete(let proof) = outcome { noteAbsent(slice, proof, records, &counts, at: now) }
        noteCoverage(slice, position, outcome, isDead, at: now)
        return counts
    }

    private func close(_ position: Int, _ state: String, _ proof: SliceProof, _ reason: String?, at now: Moment) {
        slices[position].proof = proof
        slices[position].finalStatus = proof.finalStatus
        end(position, state, reason, at: now)
    }

    private func merge(_ records: [StudyRecord], _ source: Int32, at now: Moment) -> MergeCounts {
        var counts = MergeCounts()
        var seen: Set<String> = []
        for record in records where seen.insert(record.studyInstanceUID).inserted {
            let known = observations[source]?[record.studyInstanceUID]
            if let known, known.record == record, known.missingSince == nil {
                counts.unchanged += 1
                continue
            }
            if known == nil { counts.new += 1 } else { counts.changed += 1 }
            observations[source, default: [:]][record.studyInstanceUID] = Observation(
                record: record, day: record.studyDate,
                changedAt: known?.record == record ? known?.changedAt ?? now : now)
            changes += 1
        }
        return counts
    }

    private func noteAbsent(
        _ slice: ClaimedSlice, _ proof: SliceProof, _ records: [StudyRecord], _ counts: inout MergeCounts,
        at now: Moment
    ) {
        let shown = Set(records.map(\.studyInstanceUID))
        switch slice.range.axis {
        case .dates:
            guard let dates = slice.range.dates else { return }
            for (uid, known) in observations[slice.sourceID] ?? [:]
            where known.vanishedAt == nil && !shown.contains(uid) {
                guard let day = known.day, dates.contains(day),
                    known.changedAt < now - Self.micros(proof.duration / .seconds(1)),
                    known.missingSince == nil || (known.lastMissed ?? now) < now - 12 * 3_600_000_000
                else { continue }
                var missed = known
                missed.missingSince = known.missingSince ?? now
                missed.missedNights += 1
                missed.lastMissed = now
                observations[slice.sourceID]?[uid] = missed
                counts.missing += 1
            }
        case .uids:
            for uid in slice.range.uids ?? [] where !shown.contains(uid) {
                guard let known = observations[slice.sourceID]?[uid], known.vanishedAt == nil, known.missedNights >= 2
                else { continue }
                observations[slice.sourceID]?[uid]?.vanishedAt = now
                counts.vanished += 1
                changes += 1
            }
        default: return
        }
    }

    func vanishing(_ source: Int32, at now: Moment) -> [String] {
        (observations[source] ?? [:]).filter { $0.value.missedNights >= 2 && $0.value.vanishedAt == nil }.keys.sorted()
    }

    // MARK: Coverage

    private func noteCoverage(
        _ slice: ClaimedSlice, _ position: Int, _ outcome: SliceOutcome, _ isDead: Bool, at now: Moment
    ) {
        let stored = slices[position]
        switch outcome {
        case .complete(let proof):
            if slice.range.axis == .dates, let days = Self.days(slice.range) {
                cover(days, slice.sourceID, .proven, "", at: now - proof.duration.microseconds)
                if let parent = stored.parent { compareParts(Int(parent) - 1, at: now) }
            } else if let day = stored.day {
                noteEnumerated(Int(day) - 1)
            }
        case .irreducible(_, let reason): hole(slice.range, slice.sourceID, reason, at: now)
        case .failed(let code, let message, _, _, _) where isDead:
            hole(slice.range, slice.sourceID, "\(code): \(message)", at: now)
        case .split(let proof, _, _):
            guard let status = proof.finalStatus, [0xFE00, 0xB001].contains(status), proof.rawRows > 0 else { return }
            capabilities[slice.sourceID, default: [:]][CapabilityName.announcedCap] = "\(proof.rawRows)"
        case .failed, .deferred: break
        }
    }

    private func noteEnumerated(_ day: Int) {
        let parts = slices.filter { $0.day == slices[day].id }
        guard parts.allSatisfy({ $0.state == "complete" || $0.state == "split" }),
            let days = Self.days(slices[day].range)
        else { return }
        let axes = Set(parts.map(\.range.axis.rawValue)).sorted().joined(separator: ", ")
        let first = parts.compactMap(\.ended).min() ?? 0
        cover(days, slices[day].source, .enumerated, "asked in parts: \(axes)", at: first)
    }

    private func compareParts(_ parent: Int, at now: Moment) {
        let whole = slices[parent]
        let parts = slices.filter { $0.parent == whole.id }
        guard whole.range.axis == .dates, whole.finalStatus == 0, let proof = whole.proof,
            parts.allSatisfy({ $0.state == "complete" && $0.range.axis == .dates })
        else { return }
        let distinct = parts.compactMap(\.proof?.distinctUIDs).reduce(0, +)
        let largest = parts.compactMap(\.proof?.rawRows).max() ?? 0
        if distinct > proof.distinctUIDs, largest < proof.rawRows {
            capabilities[whole.source, default: [:]][CapabilityName.silentCap] = "\(proof.rawRows)"
        } else if distinct < proof.distinctUIDs, let days = Self.days(whole.range) {
            let reason = "its parts showed \(distinct) studies, the whole \(proof.distinctUIDs)"
            slices[parent].state = "irreducible"
            slices[parent].reason = reason
            cover(days, whole.source, .hole, reason, at: now)
        }
    }

    static func days(_ range: SliceRange) -> ClosedRange<Int>? {
        guard let dates = range.dates else { return nil }
        return (dates.lower ?? .earliest).daysSince1970...(dates.upper ?? .latest).daysSince1970
    }

    private func cover(
        _ days: ClosedRange<Int>, _ source: Int32, _ state: CoveredDays.State, _ reason: String, at moment: Moment
    ) {
        var rest = (coverage[source] ?? []).flatMap { Self.cut($0, days) }
        rest.append(Covered(days: days, state: state, reason: reason, verifiedAt: moment))
        coverage[source] = rest.sorted { $0.days.lowerBound < $1.days.lowerBound }
    }

    private func hole(_ range: SliceRange, _ source: Int32, _ reason: String, at now: Moment) {
        guard let days = Self.days(range) else { return }
        let old = coverage[source] ?? []
        var open = [days]
        for known in old where known.state != .hole { open = open.flatMap { Self.minus($0, known.days) } }
        let kept = old.flatMap { $0.state == .hole ? Self.cut($0, days) : [$0] }
        coverage[source] = (kept + open.map { Covered(days: $0, state: .hole, reason: reason, verifiedAt: now) })
            .sorted { $0.days.lowerBound < $1.days.lowerBound }
    }

    private static func cut(_ covered: Covered, _ days: ClosedRange<Int>) -> [Covered] {
        minus(covered.days, days).map { days in
            var part = covered
            part.days = days
            return part
        }
    }

    private static func minus(_ range: ClosedRange<Int>, _ other: ClosedRange<Int>) -> [ClosedRange<Int>] {
        guard range.overlaps(other) else { return [range] }
        var rest: [ClosedRange<Int>] = []
        if range.lowerBound < other.lowerBound { rest.append(range.lowerBound...other.lowerBound - 1) }
        if range.upperBound > other.upperBound { rest.append(other.upperBound + 1...range.upperBound) }
        return rest
    }

    // MARK: Budgets

    static func micros(_ seconds: Double) -> Moment { Moment((seconds * 1_000_000).rounded()) }

    private func alive(_ id: UUID?, at now: Moment) -> Bool {
        id.flatMap { leases[$0] }.map { $0.expires > now } ?? false
    }

    func openLease(_ source: Int32, id: UUID, at now: Moment) -> Opening {
        guard var budget = budgets[source] else { return .wait(.seconds(1), .places, failingFor: .zero) }
        let places = leases.values.count { $0.source == source && $0.expires > now }
        let most = max(1, budget.limits.associations - (budget.yieldedUntil > now ? budget.yielded : 0))
        let isTrying = budget.trips > 0 && budget.restUntil <= now
        let failingFor = Duration.microseconds(now - (budget.failingSince ?? now))
        if budget.restUntil > now {
            return .wait(.microseconds(budget.restUntil - now), .resting, failingFor: failingFor)
        }
        if isTrying, alive(budget.trial, at: now) { return .wait(.seconds(1), .trial, failingFor: failingFor) }
        if places >= min(most, budget.limits.bulkAssociations) {
            return .wait(.seconds(2), .places, failingFor: failingFor)
        }
        if budget.nextOpening > now {
            return .wait(.microseconds(budget.nextOpening - now), .gap, failingFor: failingFor)
        }
        leases[id] = (source, now + StudyIndex.associationLease.microseconds)
        budget.nextOpening = now + budget.limits.openingGap.microseconds
        if isTrying { budget.trial = id }
        budgets[source] = budget
        return .granted(LeaseID(value: id), isTrial: isTrying)
    }

    func renewLeases(_ renewed: [LeaseID], at now: Moment) -> Set<LeaseID> {
        var held: Set<LeaseID> = []
        for lease in renewed where alive(lease.value, at: now) {
            leases[lease.value]?.expires = now + StudyIndex.associationLease.microseconds
            held.insert(lease)
        }
        return held
    }

    func closeLease(_ lease: LeaseID, at now: Moment) {
        leases[lease.value] = nil
        leases = leases.filter { $0.value.expires >= now - 3_600_000_000 }
    }

    func permit(_ source: Int32, _ lease: LeaseID, at now: Moment) -> Permit {
        guard var budget = budgets[source] else { return .lost }
        guard alive(lease.value, at: now) else { return .lost }
        let tolerance = Double(budget.limits.burst - 1) / budget.limits.queriesPerSecond
        let emission = 1 / budget.limits.queriesPerSecond / budget.brake
        let bulkEmission = 1 / budget.limits.bulkQueriesPerSecond / budget.brake
        let tat = min(max(budget.tat, now), now + Self.micros(tolerance + emission))
        let bulkTat = min(max(budget.bulkTat, now), now + Self.micros(tolerance + bulkEmission))
        let isTrying = budget.trips > 0 && budget.restUntil <= now
        var rest = max(0, Double(budget.restUntil - now) / 1_000_000)
        if isTrying, budget.trial != lease.value, alive(budget.trial, at: now) { rest = max(rest, 1) }
        let wait = max(
            rest, Double(tat - now) / 1_000_000 - tolerance, Double(bulkTat - now) / 1_000_000 - tolerance)
        let isDue = budget.referenceDue <= now
        budget.tat = tat
        budget.bulkTat = bulkTat
        guard wait <= 0 else {
            budgets[source] = budget
            return .wait(.seconds(wait))
        }
        budget.tat += Self.micros(emission)
        budget.bulkTat += Self.micros(bulkEmission)
        if isTrying { budget.trial = lease.value }
        if isDue { budget.referenceDue = now + 60_000_000 }
        let wanted = budget.failures > 0 || budget.trips > 0
        budgets[source] = budget
        return .granted(referenceDue: isDue, reportsWanted: wanted)
    }

    func report(
        _ source: Int32, _ lease: LeaseID, _ outcome: RequestOutcome, _ took: Duration, _ jitter: Double, at now: Moment
    ) -> SourceHealth {
        guard var budget = budgets[source] else { return .well }
        let isTrial = budget.trial == lease.value
        let isTrip = outcome == .failure && (budget.failures >= 4 || isTrial)
        let spread = 0.5 + jitter / 2
        budget.failures = outcome == .failure && !isTrip ? budget.failures + 1 : 0
        budget.failingSince = outcome == .success ? nil : budget.failingSince ?? now
        if isTrip {
            budget.restUntil = now + Self.micros(min(30 * pow(2, Double(budget.trips)), 900) * spread)
        }
        if outcome == .success { budget.trips = 0 } else if isTrip { budget.trips = min(budget.trips + 1, 10) }
        if isTrial { budget.trial = nil }
        if outcome == .congestion {
            budget.congestions = budget.yieldedUntil > now ? min(budget.congestions + 1, 10) : 1
            budget.nextOpening = now + Self.micros(min(15 * pow(2, Double(budget.congestions)), 900) * spread)
            budget.yielded = min(budget.congestions, budget.limits.associations - 1)
            budget.yieldedUntil = now + 3_600_000_000
        }
        budgets[source] = budget
        return SourceHealth(
            failingFor: .microseconds(now - (budget.failingSince ?? now)),
            restsFor: .microseconds(max(budget.restUntil - now, budget.nextOpening - now, 0)))
    }

    func noteReference(_ source: Int32, _ took: Duration, at now: Moment) {
        guard var budget = budgets[source] else { return }
        budget.samples = Array(([took / .seconds(1)] + budget.samples).prefix(5))
        let median = budget.samples.sorted()[(budget.samples.count - 1) / 2]
        if let baseline = budget.baseline {
            if median > 2 * baseline + 0.05 {
                budget.brake = max(budget.brake / 2, 0.0625)
            } else if median < 1.25 * baseline + 0.05 {
                budget.brake = min(budget.brake * 2, 1)
            }
        }
        budget.baseline = budget.samples.count >= 3 ? budget.baseline ?? median : nil
        budgets[source] = budget
    }

    func learnSingleQueries(_ source: Int32, at now: Moment) {
        capabilities[source, default: [:]][Capabilities.Name.queriesPerAssociation] = "1"
    }
}
