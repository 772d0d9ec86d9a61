/// A study while it is being made: complete values for each copy, before the source drops what it does not return.
struct Draft: Sendable {
    struct Copy: Sendable {
        let source: Int
        /// Whom the copy's patient group names.
        var person: Int
        var script: Script
        var values: AttributeValues
        var isReachable = true
        /// What was misread, where the name was.
        var misreadName: String?
    }

    let uid: String
    let patient: Int
    let day: Day
    /// On a day that was made overfull at one source.
    let isOfOverfullDay: Bool
    var copies: [Copy]
    var expected: ExpectedDiscrepancy?
    /// What it looks like and is not, and the other study that this takes.
    var nearMiss: String?
    var nearMissUID: String?
    /// Taken by an injection or part of a pair: left alone from then on.
    var isTaken = false
}

/// What an injection promises; which sources are named is read from the finished copies.
struct ExpectedDiscrepancy: Sendable {
    enum Named: Sendable {
        /// Every source with a comparable value of this attribute.
        case comparable(Attribute)
        case sources([Int])
    }

    let discrepancyClass: String
    let severity: String
    var otherUID: String?
    let named: Named
}

/// Makes an enterprise in steps, each a file of its own: placement, losses, discrepancies.
struct EnterpriseBuilder: Sendable {
    let seed: UInt64
    let count: Int
    let sources = SourceProfile.all
    let expectations = [
        Expectation(from: "pacs-a", to: "pacs-d", since: "20250101"),
        Expectation(from: "pacs-e", to: "pacs-f", since: "20251001"),
    ]
    /// Fixed and not today's, so that the same seed gives the same bytes tomorrow.
    let firstDay = Day(2016, 1, 4)
    let lastDay = Day(2026, 6, 30)

    var random: SplitMix64
    var patients: [Patient] = []
    var drafts: [Draft] = []
    /// By source, then by day number: how many studies a question for that day matches there.
    var density: [[Int: Int]]

    init(seed: UInt64, count: Int) {
        self.seed = seed
        self.count = count
        random = SplitMix64(seed: seed)
        density = Array(repeating: [:], count: sources.count)
    }

    func source(named name: String) -> Int { sources.firstIndex { $0.name == name } ?? 0 }

    /// So many studies of that day at that source that a sweep has to split the day by time, which studies without a
    /// usable time do not survive (F38).
    func isDense(_ source: Int, _ day: Day) -> Bool {
        guard let cap = sources[source].temper.cap else { return false }
        return density[source][day.number, default: 0] * 5 >= cap.count * 4
    }

    mutating func count(_ source: Int, _ day: Day, by change: Int) {
        density[source][day.number, default: 0] += change
    }

    /// Drops what each source does not return and replaces what it cannot write.
    func finish() -> [SimulatedStudy] {
        drafts.map { draft in
            SimulatedStudy(
                uid: draft.uid, copies: draft.copies.map(answered),
                discrepancies: discrepancies(of: draft, draft.copies.filter(\.isReachable)),
                undatedDiscrepancies: draft.copies.allSatisfy(\.isReachable)
                    ? [] : discrepancies(of: draft, draft.copies),
                nearMiss: draft.nearMiss.map {
                    Truth.NearMiss(kind: $0, studyUID: draft.uid, otherUID: draft.nearMissUID)
                })
        }
    }

    private func answered(_ copy: Draft.Copy) -> StudyCopy {
        let profile = sources[copy.source]
        let encoding = profile.encoding(for: copy.script)
        var values = AttributeValues()
        for attribute in Attribute.allCases {
            if profile.sends(attribute) {
                values[attribute] = copy.values[attribute].map(encoding.representable)
            } else if profile.temper.returnsUnsupportedEmpty {
                values[attribute] = ""
            }
        }
        return StudyCopy(
            source: copy.source, person: copy.person, script: copy.script, values: values, isReachable: copy.isReachable
        )
    }
}
