/// Disagreements that concern more than one attribute: whose study it is, and whether it is there at all.
extension EnterpriseBuilder {
    typealias Change = (copies: [Draft.Copy], named: ExpectedDiscrepancy.Named)

    /// One source has filed the study under another patient of the same writing system.
    mutating func replacePatient(_ draft: Draft) -> Change? {
        var copies = draft.copies
        let canTell = copies.allSatisfy {
            isComparable($0, .patientName) && sources[$0.source].sends(.patientBirthDate)
        }
        guard copies.count > 1, canTell else { return nil }
        let patient = patients[draft.patient]
        let victim = random.below(copies.count)
        let encoding = sources[copies[victim].source].encoding(for: patient.script)
        for _ in 0..<40 {
            let other = patients[random.below(patients.count)]
            guard other.script == patient.script, other.birthDay != patient.birthDay,
                other.name.family != patient.name.family, other.name.given != patient.name.given,
                encoding.representable(other.name.text) == other.name.text
            else { continue }
            for index in copies.indices { copies[index].values[.patientBirthDate] = patient.birthDay.da }
            let issuer = sources[copies[victim].source].issuer
            copies[victim].person = other.index
            copies[victim].values[.patientName] = other.name.text
            copies[victim].values[.patientID] = other.identifier(at: issuer)
            copies[victim].values[.patientBirthDate] = other.birthDay.da
            copies[victim].values[.patientSex] = other.sex
            return (copies, .comparable(.patientName))
        }
        return nil
    }

    /// The same ID under two issuers, both sent: within one issuer by an outdated issuer, across two by a copied ID.
    mutating func contradictIssuer(_ draft: Draft) -> Change? {
        var copies = draft.copies
        let senders = copies.indices.filter { sources[copies[$0].source].sends(.issuerOfPatientID) }
        guard senders.count == 2 else { return nil }
        let victim = senders[random.below(2)]
        let other = senders[0] == victim ? senders[1] : senders[0]
        let issuer = sources[copies[victim].source].issuer
        if issuer == sources[copies[other].source].issuer {
            copies[victim].values[.issuerOfPatientID] = "LEGACY-\(issuer.last.map(String.init) ?? "")"
        } else {
            // A third copy of the victim's issuer would then disagree about the ID itself.
            guard copies.count(where: { sources[$0.source].issuer == issuer }) == 1 else { return nil }
            copies[victim].values[.patientID] = copies[other].values[.patientID]
        }
        return (copies, .sources(senders.map { copies[$0].source }))
    }

    /// A target of an expectation does not hold the study. Its day must be one that the sweep can prove there, so it is
    /// far below every count that looks like a cap (F1).
    mutating func removeCopy(of draft: Draft) -> Change? {
        guard draft.day <= lastDay else { return nil }
        for expectation in expectations where draft.day.da >= expectation.since {
            let to = source(named: expectation.to)
            guard draft.copies.contains(where: { $0.source == source(named: expectation.from) }),
                density[to][draft.day.number, default: 0] < 60
            else { continue }
            count(to, draft.day, by: -1)
            return (draft.copies.filter { $0.source != to }, .sources([to]))
        }
        return nil
    }
}
