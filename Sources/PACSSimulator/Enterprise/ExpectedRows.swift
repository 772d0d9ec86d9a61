/// What a report must say of a study: what was injected, and what follows from how its sources write.
extension EnterpriseBuilder {
    func discrepancies(of draft: Draft, _ copies: [Draft.Copy]) -> [Truth.Discrepancy] {
        var rows: [Truth.Discrepancy] = []
        func add(_ name: String, _ severity: String, _ sources: [Int], _ otherUID: String? = nil) {
            guard !sources.isEmpty else { return }
            rows.append(
                Truth.Discrepancy(
                    discrepancyClass: name, severity: severity, studyUID: draft.uid, otherUID: otherUID,
                    sources: Set(sources).map { self.sources[$0].name }.sorted()))
        }
        if let expected = draft.expected {
            let named =
                switch expected.named {
                case .sources(let indexes): indexes
                case .comparable(let attribute): copies.filter { isComparable($0, attribute) }.map(\.source)
                }
            add(expected.discrepancyClass, expected.severity, named, expected.otherUID)
        }
        add("character-set-difference", "cosmetic", damaged(copies))
        let placeholders: Set = [Day(1900, 1, 1).da, Day(2099, 12, 31).da]
        add(
            "implausible-study-date", "minor",
            copies.filter { placeholders.contains($0.values[.studyDate] ?? "") }.map(\.source))
        add("no-study-date", "minor", copies.filter { $0.values[.studyDate] == "" }.map(\.source))
        add("unparsable-value", "minor", copies.filter { $0.values[.studyDate] == "unknown" }.map(\.source))
        return rows
    }

    /// Sources that cannot write, or have misread, a text that another one shows whole.
    private func damaged(_ copies: [Draft.Copy]) -> [Int] {
        [Attribute.patientName, .studyDescription, .referringPhysicianName].flatMap { attribute in
            let whole = copies.filter { isComparable($0, attribute) && !isMisread($0, attribute) }
            return copies.filter { copy in
                guard sources[copy.source].sends(attribute), let value = copy.values[attribute], !value.isEmpty else {
                    return false
                }
                let original = attribute == .patientName ? copy.misreadName ?? value : value
                let isDamaged = isMisread(copy, attribute) || !isComparable(copy, attribute)
                return isDamaged && whole.contains { $0.values[attribute] == original }
            }.map(\.source)
        }
    }

    private func isMisread(_ copy: Draft.Copy, _ attribute: Attribute) -> Bool {
        attribute == .patientName && copy.misreadName != nil
    }

    /// The source returns this value, and it can write every character of it.
    func isComparable(_ copy: Draft.Copy, _ attribute: Attribute) -> Bool {
        guard sources[copy.source].sends(attribute) else { return false }
        guard let value = copy.values[attribute], !value.isEmpty else { return false }
        return sources[copy.source].encoding(for: copy.script).representable(value) == value
    }
}
