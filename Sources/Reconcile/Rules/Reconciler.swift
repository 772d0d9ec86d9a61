import DICOM

/// Decides what is a discrepancy. Pure: the same copies give the same rows, whatever their order.
package struct Reconciler: Sendable {
    /// Nothing that was done is dated later; the default lets every date pass.
    package var today = DICOMDate.latest
    /// Seconds since 1970; nil: nothing is still arriving.
    package var now: Int?
    /// For how long numbers of series and images must have stood still before a difference counts (F170).
    package var quarantine = Duration.seconds(86_400)
    /// Modalities of objects that sources make for themselves; a copy that lacks only these lacks nothing (F167).
    package var localModalities: Set<String> = ["KO", "PR", "SR"]
    /// How sources rewrite Patient IDs, by source (F164).
    package var rewrites: [String: PatientIDRewrite] = [:]

    package init() {}

    /// What was found in one study, and what it is too early to say.
    package struct Verdict: Sendable, Hashable {
        /// Most severe first; one row per class at most.
        package var rows: [Discrepancy] = []
        /// Classes of which nothing is said before `lookAgain`: images may still be arriving.
        package var withheld: Set<DiscrepancyClass> = []
        /// When the study has to be looked at again although nothing has changed, in seconds since 1970; nil: never.
        package var lookAgain: Int?
    }

    /// From all copies of one study.
    package func verdict(on copies: [Copy]) -> Verdict {
        guard !copies.isEmpty else { return Verdict() }
        let study = Study(copies, self)
        var verdict = Verdict(rows: study.valueRows(), lookAgain: study.endOfFuture())
        if copies.count > 1 {
            verdict.rows += study.patientRows() + study.orderRows() + study.characterSetRows()
            study.addCounts(to: &verdict)
        }
        guard verdict.rows.count > 1 else { return verdict }
        verdict.rows.sort {
            ($0.severity, $0.discrepancyClass.rawValue) < ($1.severity, $1.discrepancyClass.rawValue)
        }
        return verdict
    }

    package func discrepancies(of copies: [Copy]) -> [Discrepancy] { verdict(on: copies).rows }
}

/// The copies of one Study Instance UID under examination; each family of rules extends it in a file of its own.
struct Study {
    let copies: [Copy]
    let rules: Reconciler

    init(_ copies: [Copy], _ rules: Reconciler) {
        self.copies = copies.count > 1 ? copies.sorted { $0.source < $1.source } : copies
        self.rules = rules
    }

    func row(
        _ discrepancyClass: DiscrepancyClass, _ severity: Severity, _ witnesses: [Copy], _ tags: [Tag],
        _ explanation: String, _ suggestion: Suggestion? = nil
    ) -> Discrepancy {
        Discrepancy(
            discrepancyClass, severity, studyUID: copies[0].record.studyInstanceUID,
            sources: Reconciler.names(of: witnesses), values: copies.map { FrozenCopy($0, tags) },
            explanation: explanation, suggestion: suggestion)
    }

    /// A row where texts differ really or only in case and padding; nil where they do not.
    func textRow(
        _ discrepancyClass: DiscrepancyClass, _ severity: Severity, _ tag: Tag, real: String, cosmetic: String
    ) -> Discrepancy? {
        let known = copies.compactMap { copy in copy.comparable(tag).map { (copy: copy, text: $0) } }
        guard known.dropFirst().contains(where: { $0.text != known[0].text }) else { return nil }
        // What a character set has left of another copy's text bears no witness (N3).
        let witnesses = known.filter { one in !known.contains { Loss.isDamaged(one.text, $0.text, tag) } }
        let suggestion = { Suggestion.mostBelieved(tag, among: witnesses.map(\.copy)) }
        switch TextComparison.largest(witnesses.map(\.text), TextComparison.difference) {
        case .none: return nil
        case .cosmetic:
            return row(discrepancyClass, .cosmetic, witnesses.map(\.copy), [tag], cosmetic, suggestion())
        case .real: return row(discrepancyClass, severity, witnesses.map(\.copy), [tag], real, suggestion())
        }
    }
}

extension Reconciler {
    /// The sources of some copies, each once, sorted.
    static func names(of copies: [Copy]) -> [String] {
        copies.count == 1 ? [copies[0].source] : Set(copies.map(\.source)).sorted()
    }
}
