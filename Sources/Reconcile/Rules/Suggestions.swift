import DICOM

extension Suggestion {
    /// What more than half of the copies say; else what the source of the best priority says. Case and padding aside.
    static func mostBelieved(_ tag: Tag, among copies: [Copy]) -> Suggestion? {
        let known = copies.filter { $0.comparable(tag) != nil }.sorted {
            ($0.priority, $0.source) < ($1.priority, $1.source)
        }
        let groups = Dictionary(grouping: known) { TextComparison.key($0.comparable(tag) ?? "") }
        if let most = groups.values.max(by: { $0.count < $1.count }), most.count * 2 > known.count, known.count > 2,
            groups.count > 1
        {
            return said(tag, by: most[0], "\(most.count) of \(known.count) sources say so")
        }
        guard let first = known.first else { return nil }
        if groups.count == 1, known.count > 1 {
            let exact = Dictionary(grouping: known) { $0.record[tag] ?? "" }
            let most = exact.values.max {
                ($0.count, $1[0].priority, $1[0].source) < ($1.count, $0[0].priority, $0[0].source)
            }
            return said(
                tag, by: most?[0] ?? first,
                "the same value everywhere; most write it so, or the source of the best priority")
        }
        return said(
            tag, by: first,
            known.count == 1
                ? "\(first.source) is the only source that says something"
                : "no majority: \(first.source) has the best priority, which is a weak reason")
    }

    static func said(_ tag: Tag, by copy: Copy, _ reason: String) -> Suggestion? {
        guard let keyword = AttributeDictionary.attribute(tag)?.keyword, let text = copy.record[tag] else { return nil }
        return Suggestion(values: [keyword: text], reason: reason)
    }

    static func joined(_ suggestions: [Suggestion?]) -> Suggestion? {
        let known = suggestions.compactMap { $0 }
        guard !known.isEmpty else { return nil }
        var reasons: [String] = []
        for suggestion in known where !reasons.contains(suggestion.reason) { reasons.append(suggestion.reason) }
        return Suggestion(
            values: known.reduce(into: [:]) { $0.merge($1.values) { first, _ in first } },
            reason: reasons.joined(separator: "; "))
    }
}
