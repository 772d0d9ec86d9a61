import DICOM
import PACSSimulator
import Testing

@testable import Reconcile

/// The simulator writes down what it injected without knowing these rules: what they find must be that, no more, no less.
struct SimulatedEnterpriseTests {
    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func theRulesFindExactlyWhatWasInjected(seed: UInt64, undated: Bool) {
        let truth = Enterprise(seed: seed, studies: 6_000, blankDates: true).truth
        let issuers = Dictionary(uniqueKeysWithValues: truth.sources.map { ($0.name, $0.issuer) })
        let studies = truth.studies.map { study in
            study.copies.filter { $0.reachable || undated }.map { copy in
                var record = StudyRecord()
                for (keyword, text) in copy.attributes {
                    guard let tag = AttributeDictionary.attribute(keyword: keyword)?.tag else { continue }
                    record[tag] = text
                }
                return Copy(source: copy.source, issuer: issuers[copy.source] ?? "", record: record)
            }
        }
        var reconciler = Reconciler()
        reconciler.today = DICOMDate(year: 2026, month: 7, day: 1) ?? .latest
        let candidates = studies.flatMap { $0 }
        let found =
            studies.flatMap(reconciler.discrepancies) + reconciler.probableCopies(among: candidates)
            + reconciler.reusedAccessions(among: candidates)
        let all = undated ? truth.discrepanciesWithUndated : truth.discrepancies
        let expected = Set(all.filter { $0.discrepancyClass != "missing-copy" }.map(line))
        let classes = Set((truth.discrepancies + truth.undatedDiscrepancies).map(\.discrepancyClass))
        #expect(classes == Set(DiscrepancyClass.allCases.map(\.rawValue)))
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
