import DICOM

/// Records in numbers: for each record and field the number of its value.
struct IdentityTable {
    let model: PersonModel
    let count: Int
    /// The issuer of each record, as a number.
    let issuers: [Int32]
    /// Row by row, a number for each field; -1: not known.
    let values: [Int32]
    let lexicon: Lexicon
    /// For each field how many records have a value, by its number.
    let frequencies: [[Int32]]
    /// For each field how many records have one.
    let known: [Int]
    /// For each value of a name how it sounds, in one or two ways; -1: it has no code.
    let sounds: [Sounds]

    struct Sounds {
        var hard: Int32 = -1
        var soft: Int32 = -1

        func agree(with other: Sounds) -> Bool {
            hard >= 0 && (hard == other.hard || hard == other.soft)
                || soft >= 0 && (soft == other.hard || soft == other.soft)
        }
    }

    let isUnidentified: [Bool]

    /// - Parameter records: in an order that depends on nothing but themselves, for the outcome to do so.
    init(_ records: [PersonRecord], model: PersonModel) {
        let width = model.fields.count
        var lexicon = Lexicon()
        var issuerNumbers = Lexicon()
        var issuers: [Int32] = []
        var values = [Int32](repeating: -1, count: records.count * width)
        issuers.reserveCapacity(records.count)
        for (row, record) in records.enumerated() {
            issuers.append(issuerNumbers.number(of: record.issuer))
            for (field, value) in record.values.prefix(width).enumerated() {
                values[row * width + field] = lexicon.number(of: value)
            }
        }
        var frequencies = model.fields.map { _ in [Int32](repeating: 0, count: lexicon.count) }
        for field in 0..<width {
            for row in records.indices {
                let value = Int(values[row * width + field])
                if value >= 0 { frequencies[field][value] += 1 }
            }
        }
        self.model = model
        count = records.count
        self.issuers = issuers
        isUnidentified = records.map(\.isUnidentified)
        self.values = values
        self.frequencies = frequencies
        known = frequencies.map { $0.reduce(0) { $0 + Int($1) } }
        sounds = Self.sounds(lexicon, frequencies, model)
        self.lexicon = lexicon
    }

    func value(_ row: Int, _ field: Int) -> Int32 { values[row * model.fields.count + field] }

    /// Pairs that may be compared.
    var pairs: Double {
        let all = Double(count) * Double(max(0, count - 1)) / 2
        guard model.issuersAreFreeOfDuplicates else { return all }
        var sizes: [Int32: Double] = [:]
        for issuer in issuers { sizes[issuer, default: 0] += 1 }
        return all - sizes.values.reduce(0) { $0 + $1 * ($1 - 1) / 2 }
    }

    func mayBeOne(_ left: Int, _ right: Int) -> Bool {
        !model.issuersAreFreeOfDuplicates || issuers[left] != issuers[right]
    }

    private static func sounds(_ lexicon: Lexicon, _ frequencies: [[Int32]], _ model: PersonModel) -> [Sounds] {
        let names = model.fields.indices.filter { model.fields[$0].kind == .name }
        var codes = Lexicon()
        return (0..<lexicon.count).map { value in
            var sounds = Sounds()
            guard names.contains(where: { frequencies[$0][value] > 0 }) else { return sounds }
            let heard = SoundCode.codes(of: lexicon.text(Int32(value)))
            if let hard = heard.first { sounds.hard = codes.number(of: hard) }
            if heard.count > 1 { sounds.soft = codes.number(of: heard[1]) }
            return sounds
        }
    }
}
