/// Disagreements, and what only looks like them, that concern two studies.
extension EnterpriseBuilder {
    /// The same examination under a second Study Instance UID, at the same source or at one of the same issuer; or an
    /// examination that shares everything with another one but for what tells them apart.
    mutating func addTwin(_ kind: InjectionKind, of study: Int) -> Change? {
        let draft = drafts[study]
        guard drafts.count < count, draft.copies.count == 1, let original = draft.copies.first,
            sources[original.source].sends(.modalitiesInStudy), original.values[.accessionNumber] != "",
            isOrdinary(draft.day)
        else { return nil }
        let shift = kind == .nearLaterDay ? 3 : kind == .probableCopy && random.chance(0.3) ? 1 : 0
        let day = draft.day + shift
        let issuer = sources[original.source].issuer
        let places = sources.indices.filter { place in
            sources[place].issuer == issuer && sources[place].sends(.modalitiesInStudy) && !isDense(place, day)
                && !expectations.contains { $0.from == sources[place].name && day.da >= $0.since }
        }
        guard !places.isEmpty, isOrdinary(day) else { return nil }
        let place = random.pick(places)
        var values = original.values
        values[.studyDate] = day.da
        guard tellApart(kind, &values, original.source, place) else { return nil }
        let uid = studyUID(number: drafts.count, home: place, day: day)
        values[.studyInstanceUID] = uid
        localise(&values, patient: patients[draft.patient], at: place)
        var twin = Draft(
            uid: uid, patient: draft.patient, day: day, isOfOverfullDay: draft.isOfOverfullDay,
            copies: [Draft.Copy(source: place, person: draft.patient, script: original.script, values: values)])
        twin.isTaken = true
        if let row = kind.row {
            let expected = ExpectedDiscrepancy(
                discrepancyClass: row.discrepancyClass, severity: row.severity, otherUID: max(uid, draft.uid),
                named: .sources([original.source, place]))
            if uid < draft.uid { twin.expected = expected } else { drafts[study].expected = expected }
        } else {
            drafts[study].nearMissUID = uid
        }
        drafts.append(twin)
        count(place, day, by: 1)
        return (draft.copies, .sources([]))
    }

    /// False when these two sources could not show the difference.
    private mutating func tellApart(
        _ kind: InjectionKind, _ values: inout AttributeValues, _ source: Int, _ place: Int
    ) -> Bool {
        switch kind {
        case .nearOtherModality:
            values[.modalitiesInStudy] = values[.modalitiesInStudy] == "MG" ? "NM" : "MG"
        case .nearOtherCount:
            guard [source, place].allSatisfy({ sources[$0].sends(.numberOfStudyRelatedInstances) }),
                let images = values[.numberOfStudyRelatedInstances].flatMap({ Int($0) })
            else { return false }
            values[.numberOfStudyRelatedInstances] = String(images + max(2, images / 10))
        default: break
        }
        return true
    }

    /// Two patients' studies under one accession number: of one issuer, or of two, which number for themselves.
    mutating func reuseAccession(_ kind: InjectionKind, of study: Int) -> Change? {
        let draft = drafts[study]
        guard draft.copies.count == 1, let accession = draft.copies[0].values[.accessionNumber], !accession.isEmpty
        else {
            return nil
        }
        let issuer = sources[draft.copies[0].source].issuer
        let start = random.below(drafts.count)
        let others = Array(start..<drafts.count) + Array(0..<start)
        let partner = others.first { index in
            let other = drafts[index]
            guard index != study, !other.isTaken, other.copies.count == 1 else { return false }
            return patients[other.patient].birthDay != patients[draft.patient].birthDay
                && (sources[other.copies[0].source].issuer == issuer) == (kind == .reusedAccession)
        }
        guard let partner else { return nil }
        drafts[partner].copies[0].values[.accessionNumber] = accession
        drafts[partner].isTaken = true
        let uids = [draft.uid, drafts[partner].uid].sorted()
        if let row = kind.row {
            let expected = ExpectedDiscrepancy(
                discrepancyClass: row.discrepancyClass, severity: row.severity, otherUID: uids[1],
                named: .sources([draft.copies[0].source, drafts[partner].copies[0].source]))
            drafts[uids[0] == draft.uid ? study : partner].expected = expected
        } else {
            drafts[study].nearMissUID = drafts[partner].uid
        }
        return (draft.copies, .sources([]))
    }
}
