/// Which pairs are compared: those that are together in a block of some pass.
struct Blocking {
    private let table: IdentityTable
    private var passes: [Blocks] = []
    /// How often a pass left a record out because no key told it apart from too many others.
    private(set) var crowded = 0

    /// One pass: its blocks one after the other, and for each record the block that it is in, from 1; 0: none.
    private struct Blocks {
        var members: [Int32] = []
        var ends: [Int] = []
        var blockOfRow: [Int32]
    }

    init(_ table: IdentityTable) {
        self.table = table
        for pass in table.model.passes {
            var blocks = Blocks(blockOfRow: [Int32](repeating: 0, count: table.count))
            let rows = (0..<Int32(table.count)).filter { table.key(pass.keys[0], Int($0)) != 0 }
            divide(rows[...], by: pass.keys[...], into: &blocks)
            passes.append(blocks)
        }
    }

    private mutating func divide(
        _ rows: ArraySlice<Int32>, by keys: ArraySlice<PersonModel.Key>, into blocks: inout Blocks
    ) {
        guard let key = keys.first else {
            crowded += rows.count
            return
        }
        let keyed = rows.map { (key: table.key(key, Int($0)), row: $0) }.sorted { ($0.key, $0.row) < ($1.key, $1.row) }
        var start = 0
        for end in keyed.indices where end + 1 == keyed.count || keyed[end + 1].key != keyed[start].key {
            defer { start = end + 1 }
            guard end > start else { continue }
            let block = keyed[start...end].map(\.row)
            if block.count > table.model.largestBlock {
                divide(block[...], by: keys.dropFirst(), into: &blocks)
            } else {
                blocks.members += block
                blocks.ends.append(blocks.members.count)
                for row in block { blocks.blockOfRow[Int(row)] = Int32(blocks.ends.count) }
            }
        }
    }

    /// Each pair once: in the first pass that has it. The lower row first.
    func eachPair(_ body: (Int, Int) -> Void) {
        for (number, pass) in passes.enumerated() {
            let earlier = passes[..<number].map(\.blockOfRow)
            var start = 0
            for end in pass.ends {
                for (position, left) in pass.members[start..<end].enumerated() {
                    for right in pass.members[(start + position + 1)..<end] {
                        let (one, other) = (Int(left), Int(right))
                        let isKnown = earlier.contains { $0[one] != 0 && $0[one] == $0[other] }
                        if !isKnown, table.mayBeOne(one, other) { body(min(one, other), max(one, other)) }
                    }
                }
                start = end
            }
        }
    }
}

extension IdentityTable {
    /// 0: the record has no such key.
    fileprivate func key(_ key: PersonModel.Key, _ row: Int) -> UInt64 {
        switch key {
        case .value(let field):
            let value = UInt64(value(row, field) + 1)
            guard value > 0, model.fields[field].kind == .identifier else { return value }
            return UInt64(issuers[row]) << 32 | value
        case .sound(let field):
            let value = value(row, field)
            guard value >= 0, sounds[Int(value)].hard >= 0 else { return UInt64(value + 1) }
            return 1 << 32 | UInt64(sounds[Int(value)].hard)
        case .year(let field): return number(row, field, digits: 0..<4)
        case .monthAndDay(let field): return number(row, field, digits: 4..<8)
        case .both(let first, let second):
            let (one, other) = (value(row, first), value(row, second))
            return one < 0 || other < 0 ? 0 : UInt64(min(one, other) + 1) << 32 | UInt64(max(one, other) + 1)
        case .initials(let first, let second):
            let (one, other) = (initial(row, first), initial(row, second))
            return min(one, other) << 8 | max(one, other)
        }
    }

    private func number(_ row: Int, _ field: Int, digits: Range<Int>) -> UInt64 {
        let value = value(row, field)
        guard value >= 0 else { return 0 }
        let text = lexicon[value]
        guard text.count == 8 else { return 0 }
        return text[(text.startIndex + digits.lowerBound)..<(text.startIndex + digits.upperBound)].reduce(0) {
            $0 << 8 | UInt64($1)
        }
    }

    private func initial(_ row: Int, _ field: Int) -> UInt64 {
        let value = value(row, field)
        return value < 0 ? 0 : UInt64(lexicon[value].first ?? 0)
    }
}
