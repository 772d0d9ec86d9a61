import DICOM

/// Names are compared group by group (alphabetic, ideographic, phonetic), only where both have the group: what a source
/// left out or emptied is a loss, and no evidence.
enum NameComparison {
    /// The copies whose name can bear witness: known, without replaced characters, and not merely what a source's
    /// character set left of another copy's name (N3).
    static func witnesses(_ copies: [Copy], _ tag: Tag) -> [(copy: Copy, name: PersonName)] {
        let known = copies.compactMap { copy -> (copy: Copy, name: PersonName)? in
            guard let text = copy.comparable(tag), !text.unicodeScalars.contains(where: Loss.isReplacement)
            else { return nil }
            let name = PersonName(text)
            return name.isEmpty ? nil : (copy, name)
        }
        guard known.count > 1, !known.dropFirst().allSatisfy({ $0.name == known[0].name }) else { return known }
        return known.filter { candidate in
            !known.contains {
                isRemnant(candidate.name, of: $0.name) || Loss.isMisread(candidate.name.encoded, of: $0.name.encoded)
            }
        }
    }

    static func difference(_ left: PersonName, _ right: PersonName) -> Difference {
        if left == right { return .none }
        let difference = zip(left.groups, right.groups).map(groupDifference).max() ?? .none
        guard difference == .real else { return difference }
        return differenceOfLoneGroup(left, right) ?? differenceOfLoneGroup(right, left) ?? difference
    }

    /// One given name, two family names, in every group that both have.
    static func differInFamilyOnly(_ left: PersonName, _ right: PersonName) -> Bool {
        let groups = zip(left.groups, right.groups).filter { !key($0).isEmpty && !key($1).isEmpty }
        var familiesDiffer = false
        for (one, other) in groups {
            let (ones, others) = (PersonName.components(of: one), PersonName.components(of: other))
            guard ones.count > 1, others.count > 1, !ones[1].isEmpty,
                TextComparison.key(ones[1]) == TextComparison.key(others[1])
            else { return false }
            familiesDiffer = familiesDiffer || TextComparison.key(ones[0]) != TextComparison.key(others[0])
        }
        return familiesDiffer
    }

    /// A source that keeps one group may keep the ideographic one and call it the first: the nearest group counts.
    private static func differenceOfLoneGroup(_ lone: PersonName, _ full: PersonName) -> Difference? {
        let groups = lone.groups.filter { !key($0).isEmpty }
        let others = full.groups.filter { !key($0).isEmpty }
        guard groups.count == 1, others.count > 1 else { return nil }
        return others.map { groupDifference(groups[0], $0) }.min()
    }

    private static func groupDifference(_ left: String, _ right: String) -> Difference {
        if left == right { return .none }
        let (leftKey, rightKey) = (key(left), key(right))
        if leftKey.isEmpty || rightKey.isEmpty { return .none }
        if leftKey == rightKey { return .cosmetic }
        return Loss.explains(left, right) ? .none : .real
    }

    /// A group without case, accents, spaces and the empty components at its end (F72).
    private static func key(_ group: String) -> String {
        TextComparison.key(PersonName(alphabetic: group).canonical)
    }

    /// Some group of `name` is what was left of `original`'s, and differs from it in more than case.
    static func isRemnant(_ name: PersonName, of original: PersonName) -> Bool {
        // One group may be a part of the other by chance, as 俊 is of 敏俊: then the rest tells.
        guard difference(name, original) != .real else { return false }
        return zip(name.groups, original.groups).contains { group, other in
            guard group != other else { return false }
            let (groupKey, otherKey) = (key(group), key(other))
            guard !groupKey.isEmpty, !otherKey.isEmpty, groupKey != otherKey else { return false }
            return Loss.isLossyForm(group, of: other)
        }
    }
}
