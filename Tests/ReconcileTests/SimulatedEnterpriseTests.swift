import DICOM
import PACSSimulator
import Testing

@testable import Reconcile

/// The simulator writes down what it injected without knowing these rules: what they find must be that, no more, no less.
struct SimulatedEnterpriseTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theRulesFindExactlyWhatWasInjected(seed: UInt64) {
        let truth = Enterprise(seed: seed, studies: 6_000, blankDates: true).truth
        let issuers = Dictionary(uniqueKeysWithValues: truth.sources.map { ($0.name, $0.issuer) })
        let studies = truth.studies.map { study in
            study.copies.filter(\.reachable).map { copy in
                var record = StudyRecord()
                for (keyword, text) in copy.attributes {
                    guard let tag = AttributeDictionary.attribute(keyword: keyword)?.tag else { continue }
                    record[tag] = text
                }
                return Copy(source: copy.source, issuer: issuers[copy.source] ?? "", record: record)
            }
        }
        let found =
            studies.flatMap(Reconciler.discrepancies) + Reconciler.probableCopies(among: studies.flatMap { $0 })
        let expected = Set(truth.discrepancies.filter { $0.discrepancyClass != "missing-copy" }.map(line))
        #expect(Set(truth.discrepancies.map(\.discrepancyClass)).count == DiscrepancyClass.allCases.count)
        #expect(Set(found.map(line)).subtracting(expected).sorted() == [])
        #expect(expected.subtracting(found.map(line)).sorted() == [])
    }

    private func line(_ row: PACSSimulator.Truth.Discrepancy) -> String {
        "\(row.studyUID) \(row.otherUID ?? "-") \(row.discrepancyClass) \(row.severity) \(row.sources)"
    }

    private func line(_ row: Discrepancy) -> String {
        "\(row.studyUID) \(row.otherUID ?? "-") \(row.discrepancyClass.rawValue) \(row.severity.rawValue) \(row.sources)"
    }
}
