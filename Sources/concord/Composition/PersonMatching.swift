import Foundation
import Reconcile
import StudyIndex

/// Finds the patients that are possibly one human, among all that the index knows, and stores them beside it.
struct PersonMatching: Sendable {
    let index: StudyIndex

    /// In one line, what was found.
    func run() async throws -> String {
        let patients = try await index.observedPatients()
        let found = PersonMatcher(patients)
        try await index.replacePersons(
            patients, links: try found.links.map(StoredPersonLink.init), persons: found.persons)
        let probable = found.links.count { $0.grade == .probable }
        let crowded =
            found.crowded == 0 ? "" : "; \(found.crowded) comparisons were left out: too many patients are named alike"
        return "\(found.persons.count) persons: \(probable) probable links between patients, "
            + "\(found.links.count - probable) for review\(crowded)"
    }
}

extension StoredPersonLink {
    fileprivate init(_ link: PersonLink) throws {
        let evidence = link.evidence.map {
            StoredEvidence(
                comparison: $0.comparison, agreement: "\($0.agreement)", bits: ($0.bits * 100).rounded() / 100)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        self.init(
            left: link.left, right: link.right, grade: link.grade.rawValue, weight: link.weight,
            caution: link.caution ?? "", evidence: String(decoding: try encoder.encode(evidence), as: UTF8.self))
    }
}

private struct StoredEvidence: Encodable {
    let comparison: String
    let agreement: String
    let bits: Double
}
