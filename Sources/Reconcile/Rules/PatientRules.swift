import DICOM

/// Who was examined: name, birth date, sex, Patient ID and its issuer.
extension Study {
    /// When the copies belong to different people, each value that differs is part of that one row.
    func patientRows() -> [Discrepancy] {
        let names = NameComparison.witnesses(copies)
        let difference = TextComparison.largest(names.map(\.name), NameComparison.difference)
        if difference == .real, let row = differentPatients(names) { return [row] }
        return [nameRow(names, difference), birthDateRow(), sexRow(), patientIDRow(), issuerRow()].compactMap { $0 }
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
        if let date = one.knownBirthDate, let another = other.knownBirthDate, date != another,
            !Placeholder.isBirthDate(date), !Placeholder.isBirthDate(another)
        {
            return true
        }
        guard one.sharesIssuer(with: other), let id = one.comparable(.patientID),
            let another = other.comparable(.patientID), !Placeholder.isPatientID(id), !Placeholder.isPatientID(another)
        else { return false }
        return TextComparison.difference(id, another) == .real
    }

    private func nameRow(_ names: [(copy: Copy, name: PersonName)], _ difference: Difference) -> Discrepancy? {
        switch difference {
        case .none: nil
        case .cosmetic:
            row(
                .patientName, .cosmetic, names.map(\.copy), [.patientName],
                "The names differ only in case, accents, spaces or empty components.")
        case .real: row(.patientName, .major, names.map(\.copy), [.patientName], "The names differ.")
        }
    }

    private func birthDateRow() -> Discrepancy? {
        let witnesses = copies.filter { $0.knownBirthDate != nil }
        guard Set(witnesses.compactMap(\.knownBirthDate)).count > 1 else { return nil }
        return row(.birthDate, .major, witnesses, [.patientBirthDate], "The birth dates differ.")
    }

    private func sexRow() -> Discrepancy? {
        let witnesses = copies.compactMap { copy in copy.comparable(.patientSex).map { (copy: copy, text: $0) } }
        let difference = TextComparison.largest(witnesses.map(\.text), TextComparison.difference)
        switch difference {
        case .none: return nil
        case .cosmetic:
            return row(
                .sex, .cosmetic, witnesses.map(\.copy), [.patientSex], "The sexes differ only in case or padding.")
        case .real:
            // O says little more than "neither was entered": only two others contradict each other.
            let others = Set(witnesses.map { TextComparison.key($0.text) }).subtracting(["o"])
            return row(
                .sex, others.count > 1 ? .major : .minor, witnesses.map(\.copy), [.patientSex],
                others.count > 1 ? "The sexes differ." : "The sexes differ, one of them being O (other).")
        }
    }

    /// IDs of different issuers are different numbers of one person, and no contradiction.
    private func patientIDRow() -> Discrepancy? {
        let witnesses = copies.filter { copy in
            copy.comparable(.patientID) != nil
                && copies.contains {
                    $0.source != copy.source && $0.comparable(.patientID) != nil && $0.sharesIssuer(with: copy)
                }
        }
        let difference = TextComparison.largest(witnesses) { one, other in
            guard one.sharesIssuer(with: other), let id = one.comparable(.patientID),
                let another = other.comparable(.patientID)
            else { return .none }
            return TextComparison.difference(id, another)
        }
        let tags = [Tag.patientID, .issuerOfPatientID]
        switch difference {
        case .none: return nil
        case .cosmetic:
            return row(
                .patientID, .cosmetic, witnesses, tags, "The Patient IDs of one issuer differ only in case or spaces.")
        case .real: return row(.patientID, .major, witnesses, tags, "The Patient IDs of one issuer differ.")
        }
    }

    private func issuerRow() -> Discrepancy? {
        let senders = copies.filter { $0.comparable(.issuerOfPatientID) != nil }
        let difference = TextComparison.largest(senders) { one, other in
            guard !one.sharesIssuer(with: other), let id = one.comparable(.patientID),
                let another = other.comparable(.patientID), !Placeholder.isPatientID(id),
                TextComparison.key(id) == TextComparison.key(another)
            else { return .none }
            return .real
        }
        guard difference == .real else { return nil }
        return row(
            .issuer, .minor, senders, [.patientID, .issuerOfPatientID],
            "The same Patient ID is sent under different issuers.")
    }
}

extension Copy {
    var knownBirthDate: DICOMDate? { comparable(.patientBirthDate).flatMap { DICOMDate($0) } }
}
