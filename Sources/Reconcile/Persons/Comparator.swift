/// Compares records of a table, and packs what it finds of two into one number: four bits for each slot.
struct Comparator {
    /// What is said of two records: an `Agreement` for each slot, the first in the lowest bits.
    typealias Vector = UInt64

    /// One place in a vector.
    struct Slot {
        let name: String
        /// Whose frequencies tell how much it means that two have the same value. nil: the order of a pair's two values,
        /// `exact` where it is the same and `different` where they are exchanged.
        let field: Int?
    }

    let table: IdentityTable
    let slots: [Slot]
    private let width: Int

    init(_ table: IdentityTable) {
        self.table = table
        width = table.model.fields.count
        let fields = table.model.fields
        slots = table.model.comparisons.flatMap { comparison in
            switch comparison {
            case .single(let field): [Slot(name: fields[field].name, field: field)]
            case .pair(let name, let readings):
                [
                    Slot(name: fields[readings[0].first].name, field: readings[0].first),
                    Slot(name: fields[readings[0].second].name, field: readings[0].second),
                    Slot(name: name, field: nil),
                ]
            }
        }
    }

    static func agreement(_ vector: Vector, _ slot: Int) -> Agreement {
        Agreement(rawValue: UInt8(truncatingIfNeeded: vector >> UInt64(4 * slot)) & 0xF) ?? .missing
    }

    func compare(_ left: Int, _ right: Int) -> Vector {
        var vector: Vector = 0
        var shift: UInt64 = 0
        func add(_ agreement: Agreement) {
            vector |= UInt64(agreement.rawValue) << shift
            shift += 4
        }
        for comparison in table.model.comparisons {
            switch comparison {
            case .single(let field):
                add(agreement(left, field, right, field))
            case .pair(_, let readings):
                let pair = bestReading(left, right, readings)
                add(pair.first)
                add(pair.second)
                add(pair.order)
            }
        }
        return vector
    }

    // MARK: Pairs of fields

    private struct Pair {
        var first: Agreement
        var second: Agreement
        var isExchanged = false

        var isUnknown: Bool { first == .missing && second == .missing }
        var isAgreement: Bool { first <= .part || second <= .part }
        /// Less is better; what is missing is worse than any agreement, and better than none.
        var distance: Int { Self.distance(first) + Self.distance(second) }
        var order: Agreement { isAgreement ? isExchanged ? .different : .exact : .missing }

        private static func distance(_ agreement: Agreement) -> Int {
            agreement == .missing ? 7 : agreement == .different ? 9 : Int(agreement.rawValue)
        }
    }

    private func bestReading(_ left: Int, _ right: Int, _ readings: [PersonModel.Reading]) -> Pair {
        var best = pair(left, readings[0], right, readings[0])
        guard readings.count > 1, best.distance > 0 else { return best }
        for (index, reading) in readings.enumerated() where isKnown(left, reading) {
            for (otherIndex, other) in readings.enumerated() where index + otherIndex > 0 && isKnown(right, other) {
                let pair = pair(left, reading, right, other)
                // In other letters a name looks different without being so.
                if index != otherIndex, pair.first > .close || pair.second > .close { continue }
                if pair.distance < best.distance || best.isUnknown { best = pair }
                if best.distance == 0 { return best }
            }
        }
        return best
    }

    private func isKnown(_ row: Int, _ reading: PersonModel.Reading) -> Bool {
        table.values[row * width + reading.first] >= 0 || table.values[row * width + reading.second] >= 0
    }

    private func pair(
        _ left: Int, _ reading: PersonModel.Reading, _ right: Int, _ other: PersonModel.Reading
    ) -> Pair {
        let straight = Pair(
            first: agreement(left, reading.first, right, other.first),
            second: agreement(left, reading.second, right, other.second))
        if straight.first == .exact || straight.second == .exact { return straight }
        let exchanged = Pair(
            first: agreement(left, reading.first, right, other.second),
            second: agreement(left, reading.second, right, other.first), isExchanged: true)
        return exchanged.isAgreement && exchanged.distance < straight.distance ? exchanged : straight
    }

    // MARK: Values

    private func agreement(_ left: Int, _ field: Int, _ right: Int, _ other: Int) -> Agreement {
        let (one, another) = (table.values[left * width + field], table.values[right * width + other])
        if one < 0 || another < 0 { return .missing }
        let kind = table.model.fields[field].kind
        if kind == .identifier, table.issuers[left] != table.issuers[right] { return .missing }
        if one == another { return .exact }
        return difference(one, another, kind)
    }

    private func difference(_ one: Int32, _ another: Int32, _ kind: PersonModel.Kind) -> Agreement {
        let lexicon = table.lexicon
        let differing = lexicon.letters[Int(one)] ^ lexicon.letters[Int(another)]
        switch kind {
        case .name, .words:
            if kind == .name, table.sounds[Int(one)].agree(with: table.sounds[Int(another)]) {
                return lexicon.withBytes(one, another, Similarity.isOneEdit) ? .typo : .close
            }
            let onlyOne = (lexicon.letters[Int(one)] & differing).nonzeroBitCount
            let onlyAnother = differing.nonzeroBitCount - onlyOne
            return lexicon.withBytes(one, another) { left, right in
                if onlyOne <= 1, onlyAnother <= 1, min(left.count, right.count) >= 3, Similarity.isOneEdit(left, right)
                {
                    return .typo
                }
                if onlyOne == 0 || onlyAnother == 0, Similarity.isPart(left, right) { return .part }
                return Similarity.mayBeAlike(left.count, right.count, onlyOne, onlyAnother)
                    && Similarity.jaroWinkler(left, right) >= Similarity.alike ? .close : .different
            }
        case .date:
            // Day and month exchanged have the same digits.
            return lexicon.withBytes(one, another, Similarity.ofDates)
        case .code, .number, .identifier:
            guard differing.nonzeroBitCount <= 2 else { return .different }
            return lexicon.withBytes(one, another) { left, right in
                min(left.count, right.count) >= 3 && Similarity.isOneEdit(left, right) ? .typo : .different
            }
        case .ideographs:
            return lexicon.withBytes(one, another) { Similarity.isPart($0, $1) ? .part : .different }
        }
    }
}
