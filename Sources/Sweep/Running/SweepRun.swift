import DICOM
import DIMSE
import Logging
import StudyIndex

/// One source should hold what another does, for studies from a date on.
package struct Expectation: Sendable {
    package var from: Int32
    package var to: Int32
    package var since: DICOMDate

    package init(from: Int32, to: Int32, since: DICOMDate) {
        self.from = from
        self.to = to
        self.since = since
    }
}

/// One sweep: planned into the ledger, worked off by workers of this process and of any other, confirmed, and summed up.
///
/// Killed at any moment, the same sweep started again finds its run in the ledger and goes on with what is left.
package struct SweepRun: Sendable {
    package var job: String
    package var sources: [SweepSource]
    package var scope: Scope
    /// Workers per source at most; a source's own `associations` may allow fewer. Default 4.
    package var workers = 4
    /// How long the run may ask; nil, the default: to the end.
    package var time: Duration?
    /// How long a source may go on failing before it is given up for this run; default 2 min.
    package var patience = Duration.seconds(120)
    package var expects: [Expectation] = []
    package var pool: AssociationPool
    package var today: DICOMDate
    package var logger: Logger

    package init(
        job: String, sources: [SweepSource], scope: Scope, pool: AssociationPool, today: DICOMDate, logger: Logger
    ) {
        self.job = job
        self.sources = sources
        self.scope = scope
        self.pool = pool
        self.today = today
        self.logger = logger
    }

    var index: StudyIndex { pool.index }

    /// What a run has come to.
    package struct Result: Sendable {
        package var run: RunID
        /// Sources at which so many studies seem to be gone that a person has to look before it is believed.
        package var heldDeletes: [(source: String, studies: Int)]
    }

    /// Runs to the end. A source that fails never stops the others; only the database's absence, or cancellation, ends the
    /// run early.
    package func run(report: @escaping @Sendable (SweepEvent) -> Void) async throws -> Result {
        // Begun twice it is the same run: its key says so.
        let opened = try await pool.persistently { _ in try await open() }
        for left in try await pool.persistently({ try await $0.runSummary(run: opened.id) }) {
            report(
                .started(
                    runID: opened.id.value, source: left.source, slices: left.unfinished, resumed: opened.isResumed))
        }
        let crew = SweepCrew(
            sources: sources, workers: workers, patience: patience, pool: pool, logger: logger, report: report)
        try await crew.work(opened.id)
        let held = try await confirm(opened.id, crew)
        try await pool.persistently { index in
            try await notePatientPasses(opened.id)
            try await index.learnAccepted(opened.id)
            try await index.closeRun(opened.id)
            try await index.refreshStatistics()
        }
        return Result(run: opened.id, heldDeletes: held)
    }

    // MARK: Plan

    private func open() async throws -> (id: RunID, isResumed: Bool) {
        let names = sources.map(\.name).sorted().joined(separator: ",")
        let key = "\(job)|\(scope.key)|\(names)"
        if let unfinished = try await index.unfinishedRun(key: key) { return (unfinished, true) }
        return try await index.openRun(job: job, slices: try await slices(), resumeKey: key, time: time)
    }

    private func slices() async throws -> [NewSlice] {
        var slices: [NewSlice] = []
        let covered = Dictionary(
            grouping: try await index.coveredDays().filter { $0.level == .study }, by: \.source)
        for source in sources {
            slices += try await self.slices(of: source, covered: covered[source.name] ?? [])
        }
        return slices
    }

    func slices(of source: SweepSource, covered: [CoveredDays]) async throws -> [NewSlice] {
        switch scope {
        case .dates(let dates):
            let known = try await index.dayCounts(source: source.id, dates)
            return source.planner.roots(of: dates, today: today, covered: covered, known: known).map {
                NewSlice(sourceID: source.id, range: SliceRange(dates: $0.range), isSized: $0.isSized)
            }
        case .oldestFirst(let dates):
            let known = try await index.dayCounts(source: source.id, dates)
            return source.planner.oldestFirst(dates, covered: covered, known: known).map {
                NewSlice(sourceID: source.id, range: SliceRange(dates: $0))
            }
        case .patientPrefixes:
            return [NewSlice(sourceID: source.id, range: SliceRange(patientPrefix: ""))]
        case .patients(let patients): return Self.slices(of: patients, at: source)
        case .knownPatients:
            var patients: [String] = []
            while true {
                let page = try await index.knownPatients(source: source.id, after: patients.last ?? "", limit: 10_000)
                guard !page.isEmpty else { return Self.slices(of: patients, at: source) }
                patients += page
            }
        case .series(let limit): return try await seriesSlices(of: source, limit: limit)
        }
    }

    /// By date where the source answers that (F34), else study by study.
    private func seriesSlices(of source: SweepSource, limit: Int) async throws -> [NewSlice] {
        guard source.capabilities.relationalSeries == .works else {
            return Self.seriesSlices(try await index.studiesWantingSeries(source: source.id, limit: limit), at: source)
        }
        let wanted = try await index.seriesWanted(source: source.id)
        let undated = try await index.studiesWantingSeries(source: source.id, limit: limit, onlyUndated: true)
        let studyByStudy = Self.seriesSlices(undated, at: source)
        guard let first = wanted.keys.min(), let last = wanted.keys.max() else { return studyByStudy }
        return source.planner.packed(DateRange(lower: first, upper: last), known: wanted)
            .filter { $0.rows > 0 }
            .map { NewSlice(sourceID: source.id, level: .series, range: SliceRange(dates: $0.days)) } + studyByStudy
    }

    private static func seriesSlices(_ studies: [String], at source: SweepSource) -> [NewSlice] {
        stride(from: 0, to: studies.count, by: studiesOfOneSlice).map { start in
            let uids = Array(studies[start..<min(studies.count, start + studiesOfOneSlice)])
            return NewSlice(sourceID: source.id, level: .series, range: SliceRange(uids: uids))
        }
    }

    /// Each is a C-FIND of its own (F33); together they are claimed and committed once.
    private static let studiesOfOneSlice = 10

    private static func slices(of patients: [String], at source: SweepSource) -> [NewSlice] {
        // A wildcard cannot be asked for as the character that it is (F53).
        patients.filter { !$0.isEmpty && !$0.contains { "*?\\".contains($0) } }
            .map { NewSlice(sourceID: source.id, range: SliceRange(patientID: $0)) }
    }

    // MARK: What only a question by UID can tell

    /// Asks by UID for what two nights have missed, and for copies that should be there (F161): a source whose dates
    /// differ would otherwise be accused falsely. Returns what it did not dare to ask.
    private func confirm(_ run: RunID, _ crew: SweepCrew) async throws -> [(source: String, studies: Int)] {
        guard case .series = scope else { return try await confirmStudies(run, crew) }
        return []
    }

    private func confirmStudies(_ run: RunID, _ crew: SweepCrew) async throws -> [(source: String, studies: Int)] {
        let (slices, held) = try await pool.persistently { _ in try await doubts() }
        guard !slices.isEmpty else { return held }
        try await pool.persistently { try await $0.add(slices, to: run) }
        try await crew.workFurther(run)
        try await pool.persistently { index in
            for source in sources { try await index.acceptDeletes(at: source.id, false) }
        }
        return held
    }

    /// One UID a question: archives exist that find nothing for a list of three (N5).
    private func doubts() async throws -> (slices: [NewSlice], held: [(source: String, studies: Int)]) {
        var slices: [NewSlice] = []
        var held: [(source: String, studies: Int)] = []
        for source in sources {
            let vanishing = try await index.vanishing(at: source.id)
            if vanishing.isMassive, !vanishing.isAccepted {
                held.append((source.name, vanishing.uids.count))
            } else {
                slices += vanishing.uids.map { NewSlice(sourceID: source.id, range: SliceRange(uids: [$0])) }
            }
        }
        for expectation in expects where sources.contains(where: { $0.id == expectation.to }) {
            let missing = try await index.missingCopyCandidates(
                from: expectation.from, to: expectation.to, since: expectation.since)
            slices += missing.map { NewSlice(sourceID: expectation.to, range: SliceRange(uids: [$0])) }
        }
        return (slices, held)
    }

    private func notePatientPasses(_ run: RunID) async throws {
        let kind: StudyIndex.PatientPassKind
        switch scope {
        case .patientPrefixes: kind = .prefixes
        case .knownPatients: kind = .patients
        default: return
        }
        let summaries = try await index.runSummary(run: run)
        for source in sources {
            guard let summary = summaries.first(where: { $0.source == source.name }), summary.holes.isEmpty,
                summary.unfinished + summary.skipped == 0
            else { continue }
            try await index.notePatientPass(run, source: source.id, kind: kind)
        }
    }
}

extension StudyIndex.Vanishing {
    /// So many at once are more probably a fault than a fact: more than half a percent of a source, and more than twenty.
    var isMassive: Bool { uids.count > max(20, held / 200) }
}
