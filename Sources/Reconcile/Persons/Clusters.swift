/// Joins records by their links, the heaviest first. A cluster holds together as a whole: two are joined only where their
/// records are of one human on the average of all pairs across, and no pair contradicts it. So no chain of links joins
/// those who resemble each other only by way of a third.
struct Clusters {
    /// For each candidate, in their order.
    private(set) var grades: [(grade: PersonLink.Grade, caution: String?)] = []
    /// Rows that are together, two and more.
    var members: [[Int]] { joined.values.filter { $0.count > 1 } }

    private let scorer: Scorer
    private var parents: [Int]
    private var joined: [Int: [Int]] = [:]

    /// Pairs that are looked at before two clusters are joined: more records than this allows are no human's.
    private static let mostPairs = 10_000

    init(_ candidates: [Candidate], _ scorer: Scorer, least: Double) {
        self.scorer = scorer
        parents = Array(0..<scorer.comparator.table.count)
        for candidate in candidates {
            var caution = scorer.caution(candidate.left, candidate.right, candidate.vector)
            let isHeavy = candidate.weight >= least
            if isHeavy, caution == nil { caution = join(root(candidate.left), root(candidate.right)) }
            grades.append((isHeavy && caution == nil ? .probable : .review, caution))
        }
    }

    private mutating func root(_ row: Int) -> Int {
        var row = row
        while parents[row] != row {
            parents[row] = parents[parents[row]]
            row = parents[row]
        }
        return row
    }

    /// What speaks against joining two clusters; nil: they are joined, or were.
    private mutating func join(_ one: Int, _ other: Int) -> String? {
        guard one != other else { return nil }
        let (left, right) = (joined[one] ?? [one], joined[other] ?? [other])
        if let objection = objection(left, right) { return objection }
        parents[max(one, other)] = min(one, other)
        joined[max(one, other)] = nil
        joined[min(one, other)] = left + right
        return nil
    }

    private func objection(_ left: [Int], _ right: [Int]) -> String? {
        guard left.count > 1 || right.count > 1 else { return nil }
        guard left.count * right.count <= Self.mostPairs else { return "too many records" }
        var sum = 0.0
        for one in left {
            for other in right {
                guard scorer.comparator.table.mayBeOne(one, other) else {
                    return "another record of the issuer is nearer"
                }
                let vector = scorer.comparator.compare(min(one, other), max(one, other))
                if scorer.rules.contradiction(vector) != nil { return "others of the person contradict" }
                sum += scorer.weight(min(one, other), max(one, other), vector)
            }
        }
        return sum < 0 ? "others of the person differ" : nil
    }
}
