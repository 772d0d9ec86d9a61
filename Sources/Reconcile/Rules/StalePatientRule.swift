import DICOM

/// A source that got the objects before a marriage, a merge or a correction keeps the old values for ever (F165).
extension Study {
    private static let patientTags: [Tag] = [.patientName, .patientBirthDate, .patientSex, .patientID]

    /// What differs only because one source is behind: each two copies that really differ are the same person's values of
    /// two times.
    func staleTags(_ names: [(copy: Copy, name: PersonName)], _ nameDifference: Difference) -> Set<Tag> {
        var stale: Set<Tag> = []
        if nameDifference == .real,
            pairs(of: names).allSatisfy({ one, other in
                NameComparison.difference(one.name, other.name) != .real
                    || isOneOutdated(.patientName, one.copy, other.copy)
                    || isRenamed(one, other)
            })
        {
            stale.insert(.patientName)
        }
        for tag in Self.patientTags.dropFirst() where copies.contains(where: { $0.earlier[tag] != nil }) {
            let differing = pairs(of: copies).filter { differ(tag, $0, $1) }
            if !differing.isEmpty, differing.allSatisfy({ isOneOutdated(tag, $0, $1) }) { stale.insert(tag) }
        }
        return stale
    }

    func staleRow(_ stale: Set<Tag>, _ names: [(copy: Copy, name: PersonName)]) -> Discrepancy {
        let tags = Self.patientTags.filter(stale.contains)
        let named = Set(names.map(\.copy.source))
        let witnesses = copies.filter { copy in
            tags.contains { $0 == .patientName ? named.contains(copy.source) : copy.comparable($0) != nil }
        }
        let current = tags.map { tag -> Suggestion? in
            let leader = copies.first { copy in
                copies.contains { $0.source != copy.source && $0.isOutdated(tag, by: copy) }
            }
            return leader.flatMap {
                .said(tag, by: $0, "\($0.source) replaced what the other source still says")
            } ?? .mostBelieved(tag, among: copies)
        }
        let isSeen = tags.contains { tag in pairs(of: copies).contains { isOneOutdated(tag, $0, $1) } }
        return row(
            .stalePatient, .minor, witnesses, Self.patientTags,
            isSeen
                ? "One source still says of the patient what another has replaced meanwhile."
                : "The family names differ; given name, birth date and, within one issuer, Patient ID are the same: one "
                    + "source probably has the name before or after a marriage.",
            .joined(current))
    }

    private func differ(_ tag: Tag, _ one: Copy, _ other: Copy) -> Bool {
        switch tag {
        case .patientID: patientIDDifference(one, other) == .real
        case .patientBirthDate:
            birthDate(of: one).flatMap { date in birthDate(of: other).map { $0 != date } } ?? false
        default:
            one.comparable(tag).flatMap { text in
                other.comparable(tag).map { TextComparison.difference(text, $0) == .real }
            } ?? false
        }
    }

    private func isOneOutdated(_ tag: Tag, _ one: Copy, _ other: Copy) -> Bool {
        one.isOutdated(tag, by: other) || other.isOutdated(tag, by: one)
    }

    /// The family name alone is another one; everything else that is known says that this is one person.
    private func isRenamed(_ one: (copy: Copy, name: PersonName), _ other: (copy: Copy, name: PersonName)) -> Bool {
        guard NameComparison.differInFamilyOnly(one.name, other.name), !Placeholder.isName(one.name),
            !Placeholder.isName(other.name), let date = birthDate(of: one.copy), date == birthDate(of: other.copy),
            !Placeholder.isBirthDate(date)
        else { return false }
        let sexes = [one, other].compactMap { $0.copy.comparable(.patientSex).map(TextComparison.key) }
        return sexes.count < 2 || sexes[0] == sexes[1] || sexes.contains("o")
    }

    private func pairs<Element>(of elements: [Element]) -> [(Element, Element)] {
        elements.indices.flatMap { one in elements[(one + 1)...].map { (elements[one], $0) } }
    }
}

extension Copy {
    /// Whether it still says what the other has said before.
    func isOutdated(_ tag: Tag, by other: Copy) -> Bool {
        guard let earlier = other.earlier[tag], let text = comparable(tag), text != other.comparable(tag) else {
            return false
        }
        return earlier.contains { TextComparison.key($0) == TextComparison.key(text) }
    }
}
