/// The studies of one source, found by date, UID, patient or accession without looking at all of them.
struct StudyTable: Sendable {
    let copies: [StudyCopy]
    private let temper: Temper
    /// Positions of the copies whose date this source can read, in order of date.
    private let byDay: [(day: Int, position: Int)]
    private let byUID: [String: [Int]]
    private let byPatient: [String: [Int]]
    private let byAccession: [String: [Int]]

    init(_ copies: [StudyCopy], temper: Temper) {
        self.copies = copies
        self.temper = temper
        byDay = copies.indices.compactMap { position in
            DayValue.number(copies[position].values[.studyDate] ?? "", temper).map { ($0, position) }
        }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        func index(_ attribute: Attribute) -> [String: [Int]] {
            Dictionary(grouping: copies.indices) { copies[$0].values[attribute] ?? "" }
        }
        byUID = index(.studyInstanceUID)
        byPatient = index(.patientID)
        byAccession = index(.accessionNumber)
    }

    /// The positions of the copies that match all keys; keys of attributes that this source does not support are
    /// ignored, as PS3.4 §C.2.2.1.3 has it (F19).
    func matches(_ keys: [Attribute: String]) -> [Int] {
        var tests: [(attribute: Attribute, matching: Matching)] = []
        for attribute in Attribute.allCases where !temper.unsupported.contains(attribute) {
            guard let text = keys[attribute], let matching = Matching(attribute, text, temper: temper) else { continue }
            tests.append((attribute, matching))
        }
        return candidates(tests).filter { position in
            tests.allSatisfy { matches(copies[position], $0.attribute, $0.matching) }
        }
    }

    /// The smallest set that an index offers.
    private func candidates(_ tests: [(attribute: Attribute, matching: Matching)]) -> [Int] {
        var dates: [Int]?
        for (attribute, matching) in tests {
            switch (attribute, matching) {
            case (.studyInstanceUID, .anyOf(let uids)): return uids.sorted().flatMap { byUID[$0] ?? [] }
            case (.patientID, .pattern(let pattern)):
                if let exact = pattern.exact { return byPatient[exact] ?? [] }
            case (.accessionNumber, .pattern(let pattern)):
                if let exact = pattern.exact { return byAccession[exact] ?? [] }
            case (.studyDate, .days(let range)): dates = positions(in: range)
            case (.studyDate, .nothing): return []
            default: continue
            }
        }
        return dates ?? Array(copies.indices)
    }

    private func positions(in range: ClosedRange<Int>) -> [Int] {
        let start = firstPosition { $0 >= range.lowerBound }
        let end = firstPosition { $0 > range.upperBound }
        return start < end ? byDay[start..<end].map(\.position) : []
    }

    /// Bisection: the first entry whose day satisfies a condition that holds from there on.
    private func firstPosition(_ condition: (Int) -> Bool) -> Int {
        var low = 0
        var high = byDay.count
        while low < high {
            let middle = (low + high) / 2
            if condition(byDay[middle].day) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func matches(_ copy: StudyCopy, _ attribute: Attribute, _ matching: Matching) -> Bool {
        let value = copy.values[attribute] ?? ""
        switch matching {
        case .nothing: return false
        case .days(let range): return DayValue.number(value, temper).map(range.contains) ?? false
        case .clock(let from, let to):
            return !value.isEmpty && from?.isAtOrBefore(value) != false && to?.isAtOrAfter(value) != false
        case .anyOf(let uids): return uids.contains(value)
        case .anyModality(let wanted):
            return value.split { $0 == "\\" || $0 == "/" }.contains { wanted.contains(String($0)) }
        case .pattern(let pattern):
            guard attribute.vr == "PN", !pattern.matches(value) else { return pattern.matches(value) }
            return value.split(separator: "=").contains { pattern.matches(String($0)) }
        }
    }
}
