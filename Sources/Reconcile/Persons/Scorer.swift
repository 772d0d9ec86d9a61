/// Says of two records of a table how likely they are of one human, and why.
struct Scorer {
    let comparator: Comparator
    let weights: Weights
    let rules: Rules
    private let rarity: Rarity

    init(_ comparator: Comparator, _ weights: Weights, _ rules: Rules) {
        self.comparator = comparator
        self.weights = weights
        self.rules = rules
        rarity = Rarity(comparator, weights)
    }

    /// log2 of the odds; `base` is what the vector alone weighs.
    func weight(_ left: Int, _ right: Int, _ vector: Comparator.Vector, base: Double) -> Double {
        base + rarity.total(left, right, vector)
    }

    func weight(_ left: Int, _ right: Int, _ vector: Comparator.Vector) -> Double {
        weight(left, right, vector, base: weights.weight(of: vector))
    }

    func evidence(_ left: Int, _ right: Int, _ vector: Comparator.Vector) -> [PersonEvidence] {
        comparator.slots.indices.compactMap { slot in
            let agreement = Comparator.agreement(vector, slot)
            guard agreement != .missing else { return nil }
            let bits = weights.bits[slot][Int(agreement.rawValue)] + rarity.bits(left, right, vector, slot)
            return PersonEvidence(comparison: comparator.slots[slot].name, agreement: agreement, bits: bits)
        }
    }

    /// Why two records are not called probable whatever they weigh, as far as they themselves go.
    func caution(_ left: Int, _ right: Int, _ vector: Comparator.Vector) -> String? {
        let table = comparator.table
        if table.isUnidentified[left] || table.isUnidentified[right] { return "unidentified" }
        return rules.caution(vector)
    }
}

/// What one comparison says of two records.
package struct PersonEvidence: Sendable, Hashable {
    package let comparison: String
    package let agreement: Agreement
    /// How many times likelier this is for one human than for two, as a power of two; negative: it speaks against.
    package let bits: Double
}
