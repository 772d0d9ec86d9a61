/// A synthetic enterprise: its studies, which of eight sources hold a copy of each, and what each says of it. A pure
/// function of its arguments: one seed gives the same studies, bytes and truth everywhere.
package struct Enterprise: Sendable {
    package let seed: UInt64
    package let sources: [SourceProfile]
    package let studies: [SimulatedStudy]
    package let expectations: [Expectation]

    /// - Parameters:
    ///   - studies: how many Study Instance UIDs there are; each class of discrepancy is present from 1,000 on.
    ///   - blankDates: also leaves StudyDate blank or malformed in some copies, which no sweep by date then reaches.
    package init(seed: UInt64, studies count: Int, blankDates: Bool = false) {
        var builder = EnterpriseBuilder(seed: seed, count: max(0, count))
        builder.placeStudies()
        builder.loseValues()
        builder.injectDiscrepancies()
        if blankDates { builder.blankDates() }
        builder.avoidRoundDays()
        self.seed = seed
        sources = builder.sources
        expectations = builder.expectations
        studies = builder.finish()
    }

    /// No sweep asks for it: a source would read it as an adjustment of all dates and times (F28).
    private static let neverAsked = Attribute.timezoneOffsetFromUTC.keyword

    package var truth: Truth {
        Truth(
            seed: seed,
            sources: sources.map { Truth.Source(name: $0.name, issuer: $0.issuer) },
            studies: studies.map { study in
                Truth.Study(
                    studyUID: study.uid,
                    copies: study.copies.map {
                        Truth.Copy(
                            source: sources[$0.source].name, person: $0.person, reachable: $0.isReachable,
                            series: SimulatedSeries.all(of: $0).count,
                            attributes: $0.values.byKeyword.filter { $0.key != Self.neverAsked })
                    })
            },
            duplicates: studies.compactMap { study in
                let holders = study.copies.filter(\.isReachable).map { sources[$0.source].name }.sorted()
                return holders.count > 1 ? Truth.Duplicate(studyUID: study.uid, sources: holders) : nil
            },
            discrepancies: sorted(studies.flatMap(\.discrepancies)),
            undatedDiscrepancies: sorted(studies.flatMap(\.undatedDiscrepancies)),
            nearMisses: studies.compactMap(\.nearMiss), expects: expectations)
    }

    private func sorted(_ rows: [Truth.Discrepancy]) -> [Truth.Discrepancy] {
        rows.sorted { ($0.studyUID, $0.discrepancyClass) < ($1.studyUID, $1.discrepancyClass) }
    }
}

/// One Study Instance UID, with all its copies.
package struct SimulatedStudy: Sendable {
    package let uid: String
    package let copies: [StudyCopy]
    /// What follows from the copies that a date range finds.
    package let discrepancies: [Truth.Discrepancy]
    /// What follows from all copies, where some are not found by date; empty for other studies.
    package let undatedDiscrepancies: [Truth.Discrepancy]
    package let nearMiss: Truth.NearMiss?
}

/// What one source answers of one study.
package struct StudyCopy: Sendable {
    /// Index into `Enterprise.sources`.
    package let source: Int
    /// The human that its patient group names, whatever the errors in it.
    package let person: Int
    package let script: Script
    package let values: AttributeValues
    package let isReachable: Bool
}
