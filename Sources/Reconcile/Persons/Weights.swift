import Foundation

/// What agreement and disagreement weigh, learned from the data (Fellegi and Sunter 1969; F182).
///
/// `u`, how often two humans agree by chance, comes from how frequent values are and from random pairs. `m`, how often two
/// records of one human agree, and how many pairs are of one human, come from an expectation maximisation over the pairs
/// that blocking yields; the others count as of two. Both begin at what is usual, which decides where the data are few.
struct Weights {
    /// For each slot, by `Agreement`: log2 of m/u; what is missing weighs nothing.
    private(set) var bits: [[Double]] = []
    /// log2 of the odds that two records, taken at random, are of one human.
    private(set) var prior = 0.0
    /// For each slot, by `Agreement`: its share of the pairs of one human, and of two.
    private var m: [[Double]]
    private(set) var u: [[Double]]

    /// - Parameter patterns: how many of the pairs that may be of one human have each vector.
    init(_ comparator: Comparator, patterns: [(vector: Comparator.Vector, count: Double)]) {
        let table = comparator.table
        let usual = comparator.slots.map { Usual.of($0, table.model) }
        let chance = Chance(comparator)
        m = usual.map(\.m)
        u = zip(chance.levels, usual).map { Self.shares($0, $1.u, Usual.weightOfChance) }
        // At first each record is taken to have one partner.
        weigh(matches: Double(table.count) / 2, of: table.pairs)
        for _ in 0..<Self.rounds {
            let before = prior
            let (matches, levels) = expectation(patterns)
            for slot in comparator.slots.indices {
                m[slot] = Self.shares(levels[slot], usual[slot].m, Usual.weightOfMatches)
                let byChance = zip(chance.levels[slot], levels[slot]).map { max(0, $0 - $1) }
                u[slot] = Self.shares(byChance, usual[slot].u, Usual.weightOfChance)
            }
            weigh(matches: matches, of: table.pairs)
            if abs(prior - before) < 1e-6 { break }
        }
    }

    private static let rounds = 100

    /// How many pairs are of one human, and on which level of each slot, as the weights are now.
    private func expectation(
        _ patterns: [(vector: Comparator.Vector, count: Double)]
    ) -> (matches: Double, levels: [[Double]]) {
        var levels = m.map { $0.map { _ in 0.0 } }
        var matches = 0.0
        for (vector, count) in patterns {
            let expected = count * Self.probability(weight(of: vector))
            matches += expected
            for slot in levels.indices {
                let level = Int(Comparator.agreement(vector, slot).rawValue)
                if level < Agreement.levels { levels[slot][level] += expected }
            }
        }
        return (matches, levels)
    }

    private mutating func weigh(matches: Double, of pairs: Double) {
        let share = (matches + Usual.matches) / (pairs + Usual.pairs)
        prior = log2(share / (1 - share))
        bits = zip(m, u).map { m, u in zip(m, u).map { log2($0 / $1) } + [0] }
    }

    /// Counts as shares of their sum, after `weight` usual ones were added.
    private static func shares(_ counts: [Double], _ usual: [Double], _ weight: Double) -> [Double] {
        let total = counts.reduce(weight, +)
        return zip(counts, usual).map { ($0 + weight * $1) / total }
    }

    /// log2 of the odds that two records with this vector are of one human.
    func weight(of vector: Comparator.Vector) -> Double {
        bits.indices.reduce(prior) { $0 + bits[$1][Int(Comparator.agreement(vector, $1).rawValue)] }
    }

    static func probability(_ weight: Double) -> Double { 1 / (1 + exp2(-weight)) }
}

/// What is usual for a kind of field, by `Agreement`.
private struct Usual {
    /// For how many pairs it counts, of one human and of two.
    static let weightOfMatches = 20.0
    static let weightOfChance = 1_000.0
    /// As if there were a thousand records more, of which every fourth has a partner.
    static let pairs = 499_500.0
    static let matches = 125.0

    let m: [Double]
    let u: [Double]

    static func of(_ slot: Comparator.Slot, _ model: PersonModel) -> Usual {
        guard let field = slot.field else { return order }
        return switch model.fields[field].kind {
        case .name, .words: Usual(m: [0.8, 0.08, 0.04, 0.02, 0.06], u: [0.004, 0.002, 0.004, 0.002, 0.988])
        case .ideographs: Usual(m: [0.9, 0.001, 0.001, 0.01, 0.088], u: [0.004, 0.001, 0.001, 0.002, 0.992])
        case .date: Usual(m: [0.93, 0.03, 0.01, 0.001, 0.029], u: [5e-5, 7e-4, 3e-3, 1e-6, 0.99625])
        case .code: Usual(m: [0.95, 0.01, 0.001, 0.001, 0.038], u: [0.5, 0.001, 1e-6, 1e-6, 0.499])
        case .number: Usual(m: [0.93, 0.03, 0.001, 0.001, 0.038], u: [1e-4, 1e-3, 1e-6, 1e-6, 0.9989])
        case .identifier: Usual(m: [0.95, 0.01, 0.001, 0.001, 0.038], u: [1e-6, 1e-5, 1e-6, 1e-6, 0.99999])
        }
    }

    private static let order = Usual(m: [0.96, 1e-6, 1e-6, 1e-6, 0.04], u: [0.6, 1e-6, 1e-6, 1e-6, 0.4])
}
