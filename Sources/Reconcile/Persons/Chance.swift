/// How many of all pairs agree how far, whoever they are of.
struct Chance {
    /// For each slot, by `Agreement`: pairs among those that may be compared. Equal values are counted, the rest is
    /// estimated from random pairs.
    private(set) var levels: [[Double]]

    init(_ comparator: Comparator) {
        let table = comparator.table
        levels = comparator.slots.map { _ in [Double](repeating: 0, count: Agreement.levels) }
        let all = table.pairs
        guard all > 0 else { return }
        let sampled = Self.eachRandomPair(of: table) { left, right in
            let vector = comparator.compare(left, right)
            for slot in comparator.slots.indices {
                let level = Int(Comparator.agreement(vector, slot).rawValue)
                if level < Agreement.levels { levels[slot][level] += 1 }
            }
        }
        let scale = all / Double(max(1, sampled))
        for (slot, place) in comparator.slots.enumerated() {
            for level in levels[slot].indices { levels[slot][level] *= scale }
            if let field = place.field {
                levels[slot][Int(Agreement.exact.rawValue)] = Self.equalPairs(table, field)
            }
        }
    }

    /// So many random pairs for each record, within these limits.
    private static func sampleSize(_ count: Int) -> Int { min(400_000, max(20_000, 20 * count)) }

    /// Calls `body` with random pairs that may be compared, or with all where those are fewer; returns how many they were.
    private static func eachRandomPair(of table: IdentityTable, _ body: (Int, Int) -> Void) -> Int {
        var called = 0
        let pairs = sampleSize(table.count)
        if table.count * (table.count - 1) / 2 <= pairs {
            for left in 0..<table.count {
                for right in (left + 1)..<max(left + 1, table.count) where table.mayBeOne(left, right) {
                    body(left, right)
                    called += 1
                }
            }
            return called
        }
        var state: UInt64 = 1
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 32).multipliedFullWidth(by: UInt64(table.count) << 32).high)
        }
        for _ in 0..<pairs {
            let (left, right) = (next(), next())
            guard left != right, table.mayBeOne(left, right) else { continue }
            body(left, right)
            called += 1
        }
        return called
    }

    /// Pairs with the same value: counted by value, and by value and issuer where issuers matter.
    private static func equalPairs(_ table: IdentityTable, _ field: Int) -> Double {
        func pairs(_ count: Int) -> Double { Double(count) * Double(count - 1) / 2 }
        let isScoped = table.model.fields[field].kind == .identifier
        let all = isScoped ? 0 : table.frequencies[field].reduce(0) { $0 + pairs(Int($1)) }
        guard isScoped || table.model.issuersAreFreeOfDuplicates else { return all }
        var keys: [UInt64] = []
        for row in 0..<table.count {
            let value = table.value(row, field)
            if value >= 0 { keys.append(UInt64(value) << 32 | UInt64(table.issuers[row])) }
        }
        keys.sort()
        var (within, start) = (0.0, 0)
        for end in keys.indices where end + 1 == keys.count || keys[end + 1] != keys[start] {
            within += pairs(end - start + 1)
            start = end + 1
        }
        return table.model.issuersAreFreeOfDuplicates ? all - within : within
    }
}
