/// A model's conditions, ready to be put to vectors.
struct Rules {
    private let grounds: [Condition]
    private let contradictions: [Condition]

    init(_ comparator: Comparator) {
        let model = comparator.table.model
        grounds = model.grounds.map { Condition($0, comparator.slots) }
        contradictions = model.contradictions.map { Condition($0, comparator.slots) }
    }

    /// Why two records with this vector are not called probable, whatever it weighs; nil: they may be.
    func caution(_ vector: Comparator.Vector) -> String? {
        if let contradiction = contradiction(vector) { return contradiction }
        return grounds.isEmpty || grounds.contains { $0.isMet(by: vector) } ? nil : "too little in common"
    }

    func contradiction(_ vector: Comparator.Vector) -> String? {
        contradictions.first { $0.isMet(by: vector) }?.name
    }

    /// For each slot that it names the agreements that meet it, one bit each.
    private struct Condition {
        let name: String
        let slots: [(slot: Int, mask: UInt8)]

        init(_ condition: PersonModel.Condition, _ slots: [Comparator.Slot]) {
            name = condition.name
            self.slots = condition.slots.compactMap { wanted in
                slots.firstIndex { $0.name == wanted.name }.map { slot in
                    (slot, wanted.agreements.reduce(0) { $0 | 1 << $1.rawValue })
                }
            }
        }

        func isMet(by vector: Comparator.Vector) -> Bool {
            slots.allSatisfy { $0.mask >> Comparator.agreement(vector, $0.slot).rawValue & 1 == 1 }
        }
    }
}
