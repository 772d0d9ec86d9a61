import DICOM

/// Decides what is a discrepancy. Pure: the same copies give the same rows, whatever their order.
package enum Reconciler {
    /// The rows of one study, from all its copies, most severe first; one row per class at most.
    package static func discrepancies(of copies: [Copy]) -> [Discrepancy] {
        guard !copies.isEmpty else { return [] }
        let study = Study(copies)
        var rows = study.valueRows()
        if copies.count > 1 { rows += study.patientRows() + study.orderRows() + study.countRows() }
        guard rows.count > 1 else { return rows }
        return rows.sorted { ($0.severity, $0.discrepancyClass.rawValue) < ($1.severity, $1.discrepancyClass.rawValue) }
    }
}

/// The copies of one Study Instance UID under examination; each family of rules extends it in a file of its own.
struct Study {
    let copies: [Copy]

    init(_ copies: [Copy]) {
        self.copies = copies.count > 1 ? copies.sorted { $0.source < $1.source } : copies
    }

    func row(
        _ discrepancyClass: DiscrepancyClass, _ severity: Severity, _ witnesses: [Copy], _ tags: [Tag],
        _ explanation: String
    ) -> Discrepancy {
        Discrepancy(
            discrepancyClass, severity, studyUID: copies[0].record.studyInstanceUID,
            sources: Reconciler.names(of: witnesses), values: copies.map { FrozenCopy($0, tags) },
            explanation: explanation)
    }

    /// A row where texts differ really or only in case and padding; nil where they do not.
    func textRow(
        _ discrepancyClass: DiscrepancyClass, _ tag: Tag, among copies: [Copy], real: String, cosmetic: String
    ) -> Discrepancy? {
        let witnesses = copies.compactMap { copy in copy.comparable(tag).map { (copy: copy, text: $0) } }
        switch TextComparison.largest(witnesses.map(\.text), TextComparison.difference) {
        case .none: return nil
        case .cosmetic: return row(discrepancyClass, .cosmetic, witnesses.map(\.copy), [tag], cosmetic)
        case .real: return row(discrepancyClass, .major, witnesses.map(\.copy), [tag], real)
        }
    }
}

extension Reconciler {
    /// The sources of some copies, each once, sorted.
    static func names(of copies: [Copy]) -> [String] {
        copies.count == 1 ? [copies[0].source] : Set(copies.map(\.source)).sorted()
    }
}
