/// Puts the disagreements in. Each is tried on studies in a seeded order until so many have taken it.
extension EnterpriseBuilder {
    mutating func injectDiscrepancies() {
        let order = random.shuffled(Array(drafts.indices))
        let wanted = injections(per: count)
        for kind in InjectionKind.allCases {
            var done = 0
            for study in order where done < wanted && !drafts[study].isTaken {
                if inject(kind, into: study) { done += 1 }
            }
            // Pairs make up the number of studies; where too few suited, ordinary studies do.
            while kind == .probableCopy, drafts.count < count { placeFiller() }
        }
    }

    /// False, and nothing changed, when the study does not suit.
    private mutating func inject(_ kind: InjectionKind, into study: Int) -> Bool {
        let draft = drafts[study]
        if kind.touchesClock, draft.copies.contains(where: { isDense($0.source, draft.day) }) { return false }
        let changed: (copies: [Draft.Copy], named: ExpectedDiscrepancy.Named)? =
            switch kind {
            case .probableCopy: addProbableCopy(of: study)
            case .missingCopy: removeCopy(of: draft)
            case .issuer: contradictIssuer(draft)
            case .differentPatients: replacePatient(draft)
            default: contradictValue(kind, draft)
            }
        guard let changed else { return false }
        drafts[study].copies = changed.copies
        drafts[study].isTaken = true
        // A pair's row is written where it is made: it belongs to the smaller of two UIDs.
        guard kind != .probableCopy else { return true }
        drafts[study].expected = ExpectedDiscrepancy(
            discrepancyClass: kind.row.discrepancyClass, severity: kind.row.severity, named: changed.named)
        return true
    }

    /// Another value of one attribute in one copy, and the true one in all others that can say it.
    private mutating func contradictValue(
        _ kind: InjectionKind, _ draft: Draft
    ) -> (copies: [Draft.Copy], named: ExpectedDiscrepancy.Named)? {
        guard let attribute = kind.attribute else { return nil }
        var copies = draft.copies
        let candidates = copies.indices.filter { index in
            let profile = sources[copies[index].source]
            guard profile.sends(attribute), kind != .studyDateFormat || profile.temper.parsesDates else { return false }
            let value = copies[index].values[attribute] ?? ""
            return profile.encoding(for: copies[index].script).representable(value) == value
        }
        let comparable = kind == .studyDateFormat ? copies.count : candidates.count
        guard !candidates.isEmpty, comparable >= (kind.needsOneCopy ? 1 : 2),
            let base = copies.lazy.compactMap({ $0.values[attribute] }).first(where: { !$0.isEmpty })
        else { return nil }
        if attribute == .patientID {
            // IDs are compared within one issuer only.
            guard Set(copies.map { sources[$0.source].issuer }).count == 1 else { return nil }
        }
        let victim = candidates[random.below(candidates.count)]
        guard let wrong = contradiction(kind, of: base, draft, at: copies[victim].source) else { return nil }
        for index in candidates { copies[index].values[attribute] = base }
        copies[victim].values[attribute] = wrong
        if kind == .zeroImages { copies[victim].values[.numberOfStudyRelatedSeries] = "0" }
        if kind == .studyDate { moveDensity(of: copies[victim].source, from: draft.day, to: wrong) }
        return (copies, kind.needsOneCopy ? .sources([copies[victim].source]) : .comparable(attribute))
    }

    /// The value that disagrees with `base`; nil when this study or source does not suit.
    private mutating func contradiction(
        _ kind: InjectionKind, of base: String, _ draft: Draft, at source: Int
    ) -> String? {
        let patient = patients[draft.patient]
        switch kind {
        case .patientID: return Patient.identifier(draft.patient + 700_000, at: sources[source].issuer)
        case .patientIDCase, .accessionCase, .sexCase:
            let other = base.lowercased()
            return other == base ? nil : other
        case .name:
            let other = NamePool.of(patient.script)
            let name = SimulatedName(family: random.pick(other.family), given: random.pick(other.female))
            let isDifferent = name.family != patient.name.family && name.given != patient.name.given
            let encoding = sources[source].encoding(for: patient.script)
            return isDifferent && encoding.representable(name.text) == name.text ? name.text : nil
        case .nameFormat:
            return patient.script.hasSimpleCase && random.chance(0.6) ? base.uppercased() : base + "^^"
        case .birthDate: return (patient.birthDay + random.within(1...4000)).da
        case .sex: return base == "M" ? "F" : base == "F" ? "M" : nil
        case .sexOther: return base == "O" ? nil : "O"
        case .accession: return base.dropLast(2) + digits((Int(base.suffix(2)) ?? 0) + 37, 2).suffix(2) + "X"
        case .studyDate: return shiftedDate(draft, at: source)
        case .studyDateFormat: return draft.day.dotted
        case .studyTime: return shiftedTime(base)
        case .studyTimeFormat:
            guard base.count >= 6 else { return nil }
            return "\(base.prefix(2)):\(base.dropFirst(2).prefix(2)):\(base.dropFirst(4))"
        case .seriesCount, .instanceCount: return Int(base).map { String($0 + random.within(1...9)) }
        case .zeroImages: return "0"
        case .unparsableTime: return random.chance(0.5) ? "240000" : "24:00:00"
        case .unparsableBirthDate: return "\(patient.birthDay.calendar.year)1345"
        case .unparsableCount: return "n/a"
        case .probableCopy, .missingCopy, .issuer, .differentPatients: return nil
        }
    }

    /// A few days off, where neither day is near an expectation's beginning or overfull.
    private mutating func shiftedDate(_ draft: Draft, at source: Int) -> String? {
        let other = draft.day + (random.chance(0.5) ? random.within(1...3) : -random.within(1...3))
        let isNearBeginning = expectations.contains { (draft.day.da < $0.since) != (other.da < $0.since) }
        let isOrdinary = (firstDay...lastDay).contains(draft.day) && (firstDay...lastDay).contains(other)
        return isOrdinary && !isNearBeginning && !isDense(source, other) ? other.da : nil
    }

    /// Between one minute and three hours off, the same day.
    private mutating func shiftedTime(_ base: String) -> String? {
        guard base.count >= 6, let clock = Int(base.prefix(6)) else { return nil }
        let second = clock / 10_000 * 3600 + clock / 100 % 100 * 60 + clock % 100
        let other = second < 43_200 ? second + random.within(60...10_800) : second - random.within(60...10_800)
        return digits(other / 3600, 2) + digits(other / 60 % 60, 2) + digits(other % 60, 2) + base.dropFirst(6)
    }

    private mutating func moveDensity(of source: Int, from day: Day, to da: String) {
        guard let other = Day(da) else { return }
        count(source, day, by: -1)
        count(source, other, by: 1)
    }
}
