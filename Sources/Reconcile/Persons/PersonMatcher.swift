import Foundation

/// Two records that are possibly of one human.
package struct PersonLink: Sendable, Hashable {
    package enum Grade: String, Sendable, Hashable {
        case probable
        /// For a person to decide.
        case review
    }

    /// Positions in what the matcher was given, the lower first.
    package let left: Int
    package let right: Int
    package var grade: Grade
    /// log2 of the odds that they are.
    package let weight: Double
    /// Why it is no better than `review` whatever it weighs.
    package var caution: String?
    package let evidence: [PersonEvidence]

    package var probability: Double { Weights.probability(weight) }
}

/// Finds records that are possibly of one human. Nothing is merged or rewritten by it (F187), and the outcome does not
/// depend on the order of the records.
package struct PersonMatcher: Sendable {
    package struct Thresholds: Sendable {
        /// log2 of the odds from which on a link is probable; 10: one error in a thousand is expected at the threshold.
        package var probable = 10.0
        /// And from which on it is worth a look.
        package var review = 0.0

        package init() {}
    }

    /// The heaviest first.
    package private(set) var links: [PersonLink] = []
    /// Positions of records that probable links join, two and more; each sorted, and in the order of their first.
    package private(set) var persons: [[Int]] = []
    /// Pairs that were compared, each once.
    package private(set) var pairs = 0
    /// How often a record was left out of a pass of comparisons because too many others share its keys.
    package private(set) var crowded = 0

    package init(_ records: [PersonRecord], model: PersonModel, thresholds: Thresholds = Thresholds()) {
        let order = Self.order(records)
        let table = IdentityTable(order.map { records[$0] }, model: model)
        let comparator = Comparator(table)
        let blocking = Blocking(table)
        crowded = blocking.crowded
        var counts: [Comparator.Vector: Double] = [:]
        blocking.eachPair { left, right in
            counts[comparator.compare(left, right), default: 0] += 1
            pairs += 1
        }
        let patterns = counts.sorted { $0.key < $1.key }.map { (vector: $0.key, count: $0.value) }
        let rules = Rules(comparator)
        let weights = Weights(comparator, patterns: patterns.filter { rules.caution($0.vector) == nil })
        let scorer = Scorer(comparator, weights, rules)
        let found = Self.candidates(blocking, scorer, patterns.map(\.vector), least: thresholds.review)
        let clusters = Clusters(found, scorer, least: thresholds.probable)
        links = zip(found, clusters.grades).map { found, graded in
            let (left, right) = (order[found.left], order[found.right])
            return PersonLink(
                left: min(left, right), right: max(left, right), grade: graded.grade, weight: found.weight,
                caution: graded.caution, evidence: scorer.evidence(found.left, found.right, found.vector))
        }
        persons = clusters.members.map { $0.map { order[$0] }.sorted() }.sorted { $0[0] < $1[0] }
    }

    private static func order(_ records: [PersonRecord]) -> [Int] {
        let fingerprints = records.map(\.fingerprint)
        return records.indices.sorted { (fingerprints[$0], $0) < (fingerprints[$1], $1) }
    }

    /// Each vector is weighed once; only the rarity of the values is left to be found for each pair.
    private static func candidates(
        _ blocking: Blocking, _ scorer: Scorer, _ vectors: [Comparator.Vector], least: Double
    ) -> [Candidate] {
        let bases = Dictionary(uniqueKeysWithValues: vectors.map { ($0, scorer.weights.weight(of: $0)) })
        var found: [Candidate] = []
        blocking.eachPair { left, right in
            let vector = scorer.comparator.compare(left, right)
            guard let base = bases[vector], base > least - mostRarity else { return }
            let weight = scorer.weight(left, right, vector, base: base)
            if weight >= least { found.append(Candidate(left: left, right: right, weight: weight, vector: vector)) }
        }
        return found.sorted { ($1.weight, $0.left, $0.right) < ($0.weight, $1.left, $1.right) }
    }

    /// What rarity hardly ever adds.
    private static let mostRarity = 30.0
}

/// A pair of rows of the table that weighs enough.
struct Candidate {
    let left: Int
    let right: Int
    let weight: Double
    let vector: Comparator.Vector
}
