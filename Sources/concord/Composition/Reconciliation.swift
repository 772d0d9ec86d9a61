import DICOM
import Foundation
import Reconcile
import StudyIndex

/// Applies the rules to what has changed since the last pass, or to everything, and stores what they find.
struct Reconciliation: Sendable {
    let index: StudyIndex
    let configuration: Configuration
    let ids: [String: Int32]

    struct Outcome: Sendable {
        var isWhole: Bool
        /// Studies that were looked at.
        var studies = 0
        /// What was found in them, by class.
        var found: [DiscrepancyClass: Int] = [:]
    }

    /// - Parameter everything: also where nothing has changed; so it is done, too, when rules, sources or expectations are
    ///   others than in the pass before. The result is the same.
    @discardableResult
    func run(everything: Bool = false) async throws -> Outcome {
        while true {
            if let outcome = try await attempt(everything) { return outcome }
            try Task.checkCancellation()
        }
    }

    /// nil: another pass has ended meanwhile, and knows more.
    private func attempt(_ everything: Bool) async throws -> Outcome? {
        let began = try await index.reconciliationState()
        let isWhole = everything || began.horizon == nil || began.basis != basis
        let reconciler = reconciler(began)
        var pass = ReconciliationPass(began: began, basis: basis, isWhole: isWhole)
        var outcome = Outcome(isWhole: isWhole)
        var found: [Discrepancy] = []
        if isWhole {
            var last = ""
            while true {
                let studies = try await index.copies(after: last)
                guard let end = studies.last?.first?.record.studyInstanceUID else { break }
                found += try await examine(studies, reconciler, &pass)
                outcome.studies += studies.count
                last = end
            }
            found += try await examinePairs(of: try await index.sharedAccessions(), reconciler, &pass)
        } else if let horizon = began.horizon {
            let uids = try await index.studiesToReconcile(since: horizon, now: began.now)
            for part in uids.parts(of: Self.portion) {
                found += try await examine(try await index.copies(of: part), reconciler, &pass)
                pass.studies?.formUnion(part)
                pass.pairedStudies?.formUnion(part)
                let accessions = try await index.accessions(of: part)
                found += try await examinePairs(of: accessions, reconciler, &pass)
            }
            outcome.studies = uids.count
            found = Self.once(found)
        }
        found += Reconciler.missingCopies(try await missingCopies())
        pass.found = found.map(StoredDiscrepancy.init)
        let classes = (
            DiscrepancyClass.ofStudies.map(\.rawValue), DiscrepancyClass.ofPairs.map(\.rawValue)
        )
        guard try await index.end(pass, classes: classes) else { return nil }
        outcome.found = Dictionary(grouping: found, by: \.discrepancyClass).mapValues(\.count)
        return outcome
    }

    /// Studies or accession numbers that are read at once.
    private static let portion = 2_000

    // MARK: One study

    private func examine(
        _ studies: [[StoredObservation]], _ reconciler: Reconciler, _ pass: inout ReconciliationPass
    ) async throws -> [Discrepancy] {
        var found: [Discrepancy] = []
        var doubtful: [[Copy]] = []
        for observations in studies {
            let copies = observations.map(Copy.init)
            let verdict = reconciler.verdict(on: copies)
            if verdict.needsEvidence {
                doubtful.append(copies)
            } else {
                found += take(verdict, on: copies, &pass)
            }
        }
        for part in doubtful.parts(of: Self.portion) {
            let uids = part.compactMap { $0.first?.record.studyInstanceUID }
            let earlier = try await index.earlierPatients(of: uids)
            let series = try await index.countedSeries(of: uids)
            for (uid, copies) in zip(uids, part) {
                let informed = copies.map { copy in
                    var copy = copy
                    copy.earlier = earlier[uid]?[copy.source] ?? [:]
                    copy.series = series[uid]?[copy.source]?.map {
                        CopySeries(uid: $0.uid, modality: $0.modality, instances: $0.instances)
                    }
                    return copy
                }
                found += take(reconciler.verdict(on: informed), on: informed, &pass)
            }
        }
        return found
    }

    private func take(
        _ verdict: Reconciler.Verdict, on copies: [Copy], _ pass: inout ReconciliationPass
    ) -> [Discrepancy] {
        guard let uid = copies.first?.record.studyInstanceUID else { return [] }
        if let again = verdict.lookAgain { pass.due[uid] = again }
        pass.withheld += verdict.withheld.map { ($0.rawValue, uid) }
        return verdict.rows
    }

    // MARK: Pairs

    private func examinePairs(
        of accessions: [String], _ reconciler: Reconciler, _ pass: inout ReconciliationPass
    ) async throws -> [Discrepancy] {
        var found: [Discrepancy] = []
        for part in accessions.parts(of: Self.portion) {
            let studies = try await index.studies(of: part)
            pass.pairedStudies?.formUnion(studies.all)
            let candidates = try await index.copies(of: studies.paired.sorted()).joined().map(Copy.init)
            found += reconciler.probableCopies(among: candidates) + reconciler.reusedAccessions(among: candidates)
        }
        return Self.once(found)
    }

    /// Two studies may share several accession numbers, and be found by each.
    private static func once(_ rows: [Discrepancy]) -> [Discrepancy] {
        var seen: Set<[String]> = []
        return rows.filter { seen.insert([$0.discrepancyClass.rawValue, $0.studyUID, $0.otherUID ?? ""]).inserted }
    }

    // MARK: Missing copies

    private func missingCopies() async throws -> [MissingCopy] {
        var missing: [MissingCopy] = []
        for expectation in configuration.expects {
            guard let from = ids[expectation.from], let to = ids[expectation.to] else { continue }
            let absences = try await index.confirmedMissing(from: from, to: to, since: expectation.since)
            for part in absences.parts(of: Self.portion) {
                let studies = try await index.copies(of: part.map(\.studyUID))
                let held = Dictionary(
                    studies.compactMap { copies in
                        copies.first { $0.source == expectation.from }.map { ($0.record.studyInstanceUID, $0) }
                    }
                ) { first, _ in first }
                missing += part.compactMap { absence in
                    held[absence.studyUID].map {
                        MissingCopy(
                            held: Copy($0), target: expectation.to, provenAt: absence.provenAt,
                            confirmedAt: absence.confirmedAt)
                    }
                }
            }
        }
        return missing
    }

    // MARK: Rules

    private func reconciler(_ state: StudyIndex.ReconciliationState) -> Reconciler {
        var reconciler = Reconciler()
        reconciler.today = state.today
        reconciler.now = state.now
        reconciler.quarantine = configuration.reconcile.quarantine
        reconciler.localModalities = configuration.reconcile.localModalities
        for source in configuration.sources { reconciler.rewrites[source.name] = source.patientIDRewrite }
        return reconciler
    }

    /// All that decides what is found, besides the observations.
    private var basis: String {
        let sources = configuration.sources.sorted { $0.name < $1.name }.map { source in
            let rewrite = source.patientIDRewrite ?? PatientIDRewrite()
            return [source.name, source.issuer, "\(source.priority)", rewrite.prefix, rewrite.suffix].joined(
                separator: "|")
        }
        let expects = configuration.expects.map { "\($0.from)>\($0.to)>\($0.since.da)" }.sorted()
        let modalities = configuration.reconcile.localModalities.sorted().joined(separator: ",")
        let settings = ["rules 1", "\(configuration.reconcile.quarantine.components.seconds)", modalities]
        return (settings + sources + expects).joined(separator: "\n")
    }
}

extension Reconciler.Verdict {
    /// Something of it depends on what sources said before, or on series.
    fileprivate var needsEvidence: Bool {
        rows.contains { Self.depending.contains($0.discrepancyClass) } || !withheld.isEmpty
    }

    private static let depending: Set<DiscrepancyClass> = [
        .differentPatients, .patientName, .birthDate, .sex, .patientID, .stalePatient, .seriesCount, .instanceCount,
        .subsetCopy,
    ]
}

extension Copy {
    init(_ observation: StoredObservation) {
        self.init(
            source: observation.source, priority: observation.priority, issuer: observation.issuer,
            record: observation.record, firstSeen: observation.firstSeen, changed: observation.changed)
        countedAt = observation.countedAt
    }
}

extension StoredDiscrepancy {
    init(_ discrepancy: Discrepancy) {
        self.init(
            discrepancyClass: discrepancy.discrepancyClass.rawValue, severity: discrepancy.severity.rawValue,
            studyUID: discrepancy.studyUID, otherUID: discrepancy.otherUID, sources: discrepancy.sources,
            frozen: discrepancy.json)
    }
}

extension Array {
    /// The elements in their order, so many at once.
    fileprivate func parts(of count: Int) -> [Array] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min(self.count, $0 + count)]) }
    }
}
