import DICOM
import DIMSE
import StudyIndex

/// Finds out what a source really supports, by questions whose right answers are known (F20). Some thirty of them, paid
/// from the source's budget like any other.
package struct Probe: Sendable {
    let source: SweepSource
    let pool: AssociationPool
    let today: DICOMDate

    package init(source: SweepSource, pool: AssociationPool, today: DICOMDate) {
        self.source = source
        self.pool = pool
        self.today = today
    }

    /// Learns everything anew, stores it, and returns it. Throws `LiveSource.Refusal` where the source cannot be asked.
    package func run(progress: (String) -> Void = { _ in }) async throws -> [StudyIndex.Capability] {
        let line = await pool.line(to: source, purpose: .probe)
        do {
            let asker = ProbeAsker(line: line, pool: pool)
            let findings = try await findings(asker, progress)
            await pool.giveBack(line)
            try await pool.index.learn(findings, of: source.id)
            return findings
        } catch {
            await pool.giveBack(line)
            throw error
        }
    }

    private func findings(_ asker: ProbeAsker, _ progress: (String) -> Void) async throws -> [StudyIndex.Capability] {
        var canaries = Canaries(asker: asker, today: today)
        progress("the association")
        try await canaries.association()
        progress("a day with studies")
        try await canaries.findSample()
        progress("dates")
        try await canaries.dates()
        progress("times")
        try await canaries.times()
        progress("UIDs")
        try await canaries.uids()
        progress("patients and names")
        try await canaries.patients()
        progress("modalities and returned attributes")
        try await canaries.modalities()
        canaries.returnedKeys()
        progress("record keys")
        try await canaries.recordKeys()
        progress("series")
        try await canaries.series()
        progress("character sets and speed")
        try await canaries.characterSets()
        try await canaries.speed()
        return canaries.findings
    }
}

/// One question and what came of it.
struct ProbeAnswer: Sendable {
    var records: [StudyRecord] = []
    var series: [SeriesRecord] = []
    /// Of the rows that have one, in their order.
    var keys: [RecordKey] = []
    /// Pending responses.
    var rows = 0
    /// Of those, with FF01: optional keys are not supported (F7).
    var withUnsupportedKeys = 0
    /// Values of (0008,0005); "" where a match declares none.
    var characterSets: Set<String> = []
    var took = Duration.zero
    /// nil: it ended in Success.
    var error: DIMSEError?

    var uids: Set<String> { Set(records.map(\.studyInstanceUID)) }
    /// How it ended, for a table.
    var ending: String { error.map { "\($0)" } ?? "\(rows) rows" }
}

/// Asks for a probe: waits for places and permits, and takes failures as answers.
struct ProbeAsker: Sendable {
    let line: Line
    let pool: AssociationPool

    /// Matches beyond these are not looked at: a probe is no sweep.
    static let mostRows = 20_000

    /// `after`: as a Repository Query.
    func ask(
        _ range: SliceRange, level: QueryLevel = .study, after key: RecordKey? = nil,
        _ adjust: (inout DataSet) -> Void = { _ in }
    ) async throws -> ProbeAnswer {
        let question = Question(level: level, range: range, after: key)
        var identifier = question.identifier(institution: line.source.asksForInstitutions)
        adjust(&identifier)
        return try await ask(identifier, level: level, model: question.model)
    }

    private func ask(_ identifier: DataSet, level: QueryLevel, model: FindModel?) async throws -> ProbeAnswer {
        while true {
            let gathered = GatheredAnswer()
            let outcome = try await line.find(identifier, priority: .low, model: model) {
                try gathered.add($0, level: level)
            }
            var answer = gathered.answer
            switch outcome {
            case .answered(let took):
                answer.took = took
                return answer
            case .failed(let error, _, let took, _):
                guard error.code != .connectFailed, error.code != .associationRejected else {
                    throw LiveSource.Refusal.failed(error)
                }
                answer.error = error
                answer.took = took
                return answer
            case .notNow(let wait, let reason, _):
                guard reason == .places || reason == .gap else { throw LiveSource.Refusal.notNow(reason) }
                try await pool.clock.sleep(for: wait)
            case .ready, .closed: throw LiveSource.Refusal.failed(.given)
            }
        }
    }

    func open() async throws {
        while true {
            switch try await line.open() {
            case .ready, .answered: return
            case .failed(let error, _, _, _): throw LiveSource.Refusal.failed(error)
            case .notNow(let wait, let reason, _):
                guard reason == .places || reason == .gap else { throw LiveSource.Refusal.notNow(reason) }
                try await pool.clock.sleep(for: wait)
            case .closed: throw LiveSource.Refusal.failed(.given)
            }
        }
    }
}
