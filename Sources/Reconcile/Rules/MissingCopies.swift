import DICOM

/// A copy that should be there and is proven not to be: `expects` names the two sources, the ledger proves the date
/// complete at `target` after `held` last changed, and a UID query confirmed the absence (F161).
package struct MissingCopy: Sendable, Hashable {
    /// The copy at the source whose studies are expected at the other.
    package let held: Copy
    /// The source that lacks it.
    package let target: String
    /// When the date was proven complete at `target`, and when the UID query there found nothing: text.
    package let provenAt: String
    package let confirmedAt: String

    package init(held: Copy, target: String, provenAt: String, confirmedAt: String) {
        self.held = held
        self.target = target
        self.provenAt = provenAt
        self.confirmedAt = confirmedAt
    }
}

extension Reconciler {
    /// One row per study, with every source that lacks it. Proving is the caller's business: here the facts become rows.
    package static func missingCopies(_ facts: [MissingCopy]) -> [Discrepancy] {
        let tags: [Tag] = [
            .patientName, .patientID, .accessionNumber, .studyDate, .modalitiesInStudy, .numberOfStudyRelatedInstances,
        ]
        return Dictionary(grouping: facts, by: \.held.record.studyInstanceUID).map { uid, facts in
            let facts = facts.sorted { ($0.target, $0.held.source) < ($1.target, $1.held.source) }
            let sentences = facts.map { fact in
                "\(fact.held.source) holds the study and \(fact.target) does not: its date was proven complete there"
                    + " (\(fact.provenAt)), and a query for the UID found nothing (\(fact.confirmedAt))."
            }
            let holders = Dictionary(facts.map { ($0.held.source, $0.held) }) { first, _ in first }
            return Discrepancy(
                .missingCopy, .major, studyUID: uid, sources: Set(facts.map(\.target)).sorted(),
                values: holders.sorted { $0.key < $1.key }.map { FrozenCopy($0.value, tags) },
                explanation: sentences.joined(separator: " "))
        }.sorted { $0.studyUID < $1.studyUID }
    }
}
