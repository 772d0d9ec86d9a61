import Foundation

/// That two records share a rare name means more than that they share a common one (F181).
struct Rarity {
    private let table: IdentityTable
    /// For each slot the chance that two people agree exactly in it; nil where frequencies say nothing.
    private let chances: [Double?]
    private let fields: [Int?]

    init(_ comparator: Comparator, _ weights: Weights) {
        table = comparator.table
        fields = comparator.slots.map(\.field)
        chances = comparator.slots.indices.map { slot in
            guard let field = comparator.slots[slot].field else { return nil }
            switch comparator.table.model.fields[field].kind {
            case .name, .words, .ideographs, .date: return weights.u[slot][Int(Agreement.exact.rawValue)]
            case .code, .number, .identifier: return nil
            }
        }
    }

    func total(_ left: Int, _ right: Int, _ vector: Comparator.Vector) -> Double {
        chances.indices.reduce(0) { $0 + bits(left, right, vector, $1) }
    }

    /// What is to be added to a slot's weight; half of it where the two values differ by a slip.
    func bits(_ left: Int, _ right: Int, _ vector: Comparator.Vector, _ slot: Int) -> Double {
        guard let chance = chances[slot], let field = fields[slot] else { return 0 }
        let agreement = Comparator.agreement(vector, slot)
        guard agreement == .exact || agreement == .typo else { return 0 }
        let (one, other) = (table.value(left, field), table.value(right, field))
        guard one >= 0, other >= 0 else { return 0 }
        // One of those who have it is the other of the two.
        let others = max(table.frequencies[field][Int(one)], table.frequencies[field][Int(other)]) - 1
        let share = (Double(others) + Self.usual * chance) / (Double(table.known[field]) + Self.usual)
        let bits = log2(chance / share)
        return agreement == .exact ? bits : bits / 2
    }

    /// So many records of usual frequency are added to those that were counted.
    private static let usual = 100.0
}
