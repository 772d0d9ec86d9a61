import DICOM
import StudyIndex

/// How sources are asked for one answer: for how long, how many at a time, and what becomes of it when they fail.
package struct SpanRules: Sendable {
    /// How long the sources are waited for, from the beginning; a source that has not had its turn by then has not answered.
    package var deadline: Duration
    /// Of sources that are waited for longer, or shorter.
    package var deadlines: [String: Duration] = [:]
    package var concurrentSources = Int.max
    /// How often a question that failed is asked again.
    package var retries = 0
    package var failureStrategy = FailureStrategy.bestEffort
    /// Sources that take part; they are asked in this order. Empty: all, by name.
    package var sources: [String] = []
    package var onProgress: @Sendable (_ source: String, _ progress: SourceProgress) -> Void = { _, _ in }

    package init(deadline: Duration) { self.deadline = deadline }

    /// How far a source is with what was asked of it.
    package enum SourceProgress: Sendable, Hashable {
        case pending, answered
        case failed(reason: String)
    }

    func deadline(of source: String) -> Duration { deadlines[source] ?? deadline }

    func inOrder(_ names: [String]) -> [String] {
        let rank = Dictionary(sources.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
        return names.sorted { (rank[$0] ?? .max, $0) < (rank[$1] ?? .max, $1) }
    }

    /// Whether no further answer can save the query.
    func isLost(_ absences: [Absence]) -> Bool {
        switch failureStrategy {
        case .failFast: !absences.isEmpty
        case .bestEffort: false
        case .minimumThreshold(let minimum): sources.count - Set(absences.map(\.source)).count < minimum
        }
    }
}

/// What sources have answered.
package struct SpanAnswers: Sendable {
    /// Who was asked.
    var asked: Set<String> = []
    package var absences: [Absence] = []
    /// The oldest proof that an answer rests on, of what was asked, was answered a moment ago, or the index vouches for; nil:
    /// there is none.
    package var age: Duration?
    /// As each source sent them.
    var instances: [(source: String, instance: CatalogInstance)] = []
    /// Study Instance UIDs, by source.
    var studies: [String: Set<String>] = [:]

    package var isSpanned: Bool { !asked.isEmpty }
    /// Something was answered a moment ago.
    var isProof: Bool { asked.contains { name in !absences.contains { $0.source == name } } }

    mutating func take(_ answers: [Spanner.LiveAnswer], from source: String) {
        for answer in answers {
            if let reason = answer.absence, !absences.contains(where: { $0.source == source && $0.reason == reason }) {
                absences.append(Absence(source: source, reason: reason))
            }
            instances += answer.instances.map { (source, $0) }
            studies[source, default: []].formUnion(answer.studies)
        }
    }
}

/// A query that its configuration's failure strategy ends without an answer.
package struct SpanFailure: Error, Sendable, CustomStringConvertible {
    /// Who has failed it, and why; the first first.
    package let absences: [Absence]
    package let description: String

    /// nil: the answer stands.
    init?(_ gaps: SpanningCatalog.Gaps, _ rules: SpanRules) {
        let named = gaps.absences.map { "\($0.source) (\($0.reason))" }.joined(separator: ", ")
        switch rules.failureStrategy {
        case .bestEffort: return nil
        case .failFast:
            guard !gaps.absences.isEmpty else { return nil }
            description = "a source has failed, and the configuration's failure strategy is fail_fast: \(named)"
        case .minimumThreshold(let minimum):
            let missing = gaps.sources
            let successes = rules.sources.count { !missing.contains($0) }
            guard successes < minimum else { return nil }
            let unproven = gaps.unproven.map { "\($0) (not asked, and not proven by the index)" }
            description =
                "\(successes) of \(rules.sources.count) sources have answered, and the configuration needs \(minimum): "
                + ([named].filter { !$0.isEmpty } + unproven).joined(separator: ", ")
        }
        absences = gaps.absences
    }
}

extension SpanningCatalog.Gaps {
    /// What may be missing comes from these.
    package var sources: [String] { Set(absences.map(\.source) + unproven).sorted() }
}
