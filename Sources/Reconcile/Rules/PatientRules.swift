import DICOM

/// Who was examined: name, birth date, sex, Patient ID and its issuer.
extension Study {
    /// When the copies belong to different people, each value that differs is part of that one row; so it is when one of
    /// them has an outdated state of one person.
    func patientRows() -> [Discrepancy] {
        let names = NameComparison.witnesses(copies, .patientName)
        let difference = TextComparison.largest(names.map(\.name), NameComparison.difference)
        if difference == .real, let row = differentPatients(names) { return [row] }
        let stale = staleTags(names, difference)
        var rows: [Discrepancy?] = []
        if !stale.isEmpty { rows.append(staleRow(stale, names)) }
        if !stale.contains(.patientName) { rows.append(nameRow(names, difference)) }
        if !stale.contains(.patientBirthDate) { rows.append(birthDateRow()) }
        if !stale.contains(.patientSex) { rows.append(sexRow()) }
        if !stale.contains(.patientID) { rows.append(patientIDRow()) }
        rows.append(issuerRow())
        return rows.compactMap { $0 }
    }

    private func differentPatients(_ names: [(copy: Copy, name: PersonName)]) -> Discrepancy? {
        let real = names.filter { !Placeholder.isName($0.name) }
        for (index, one) in real.enumerated() {
            for other in real[(index + 1)...] where NameComparison.difference(one.name, other.name) == .real {
                guard contradictsPerson(one.copy, other.copy) else { continue }
                return row(
                    .differentPatients, .critical, names.map(\.copy),
                    [.patientName, .patientBirthDate, .patientSex, .patientID, .issuerOfPatientID],
                    "One Study Instance UID, but the copies name different people: the names differ, and so does the "
                        + "birth date or the Patient ID under one issuer.")
            }
        }
        return nil
    }

    /// More than the name says that these are two people: after a marriage the name alone differs (F165).
    private func contradictsPerson(_ one: Copy, _ other: Copy) -> Bool {
        if let date = birthDate(of: one), let another = birthDate(of: other), date != another,
            !Placeholder.isBirthDate(date), !Placeholder.isBirthDate(another),
            !one.isOutdated(.patientBirthDate, by: other), !other.isOutdated(.patientBirthDate, by: one)
        {
            return true
        }
        guard patientIDDifference(one, other) == .real, let id = one.comparable(.patientID),
            let another = other.comparable(.patientID), !Placeholder.isPatientID(id), !Placeholder.isPatientID(another)
        else { return false }
        return !one.isOutdated(.patientID, by: other) && !other.isOutdated(.patientID, by: one)
    }

    private func nameRow(_ names: [(copy: Copy, name: PersonName)], _ difference: Difference) -> Discrepancy? {
        guard difference != .none else { return nil }
        let copies = names.map(\.copy)
        return row(
            .patientName, difference == .real ? .major : .cosmetic, copies, [.patientName],
            difference == .real
                ? "The names differ." : "The names differ only in case, accents, spaces or empty components.",
            .mostBelieved(.patientName, among: copies))
    }

    private func birthDateRow() -> Discrepancy? {
        let witnesses = copies.filter { birthDate(of: $0) != nil }
        guard Set(witnesses.compactMap(birthDate)).count > 1 else { return nil }
        let known = witnesses.filter { birthDate(of: $0).map(Placeholder.isBirthDate) == false }
        return row(
            .birthDate, .major, witnesses, [.patientBirthDate], "The birth dates differ.",
            .mostBelieved(.patientBirthDate, among: known))
    }

    /// nil: not known, or impossible, which contradicts nothing.
    func birthDate(of copy: Copy) -> DICOMDate? {
        copy.comparable(.patientBirthDate).flatMap { DICOMDate($0) }.flatMap { isPossible($0, copy) ? $0 : nil }
    }

    private func sexRow() -> Discrepancy? {
        let witnesses = copies.compactMap { copy in copy.comparable(.patientSex).map { (copy: copy, text: $0) } }
        let difference = TextComparison.largest(witnesses.map(\.text), TextComparison.difference)
        guard difference != .none else { return nil }
        // O says little more than "neither was entered": only two others contradict each other.
        let telling = witnesses.filter { TextComparison.key($0.text) != "o" }.map(\.copy)
        let suggestion = Suggestion.mostBelieved(.patientSex, among: telling)
        if difference == .cosmetic {
            return row(
                .sex, .cosmetic, witnesses.map(\.copy), [.patientSex], "The sexes differ only in case or padding.",
                suggestion)
        }
        let isMajor = Set(telling.compactMap { $0.comparable(.patientSex).map(TextComparison.key) }).count > 1
        return row(
            .sex, isMajor ? .major : .minor, witnesses.map(\.copy), [.patientSex],
            isMajor ? "The sexes differ." : "The sexes differ, one of them being O (other).", suggestion)
    }
}
