/// One human, who has another Patient ID at each issuer.
struct Patient: Sendable {
    let index: Int
    let script: Script
    let name: SimulatedName
    let birthDay: Day
    let sex: String

    init(index: Int, script: Script, lastDay: Day, random: inout SplitMix64) {
        let pool = NamePool.of(script)
        let isFemale = random.chance(0.52)
        self.index = index
        self.script = script
        name = SimulatedName(
            family: random.pick(pool.family), given: random.pick(isFemale ? pool.female : pool.male))
        birthDay = lastDay + -random.within(400...34_000)
        sex = random.chance(0.01) ? "O" : isFemale ? "F" : "M"
    }

    func identifier(at issuer: String) -> String { Self.identifier(index, at: issuer) }

    /// Every issuer has its own form. HOSP-C and HOSP-G both number from a million, so that one number means different
    /// patients there; the factors keep one patient's two numbers apart.
    static func identifier(_ index: Int, at issuer: String) -> String {
        switch issuer {
        case "HOSP-A": "A" + digits(1_000_000 + index * 3, 8)
        case "HOSP-C": String(1_000_000 + index * 11 + 3)
        case "REGION-E": "RE-" + digits(index * 7 + 11, 7)
        case "HOSP-G": String(1_000_000 + index * 13 + 5)
        default: "H" + digits(index * 5 + 2, 7)
        }
    }
}
