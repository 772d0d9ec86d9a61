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
            while kind == InjectionKind.pairs.last, drafts.count < count { placeFiller() }
        }
    }

    /// False, and nothing changed, when the study does not suit.
    private mutating func inject(_ kind: InjectionKind, into study: Int) -> Bool {
        let draft = drafts[study]
        if kind.touchesClock, draft.copies.contains(where: { isDense($0.source, draft.day) }) { return false }
        let changed: (copies: [Draft.Copy], named: ExpectedDiscrepancy.Named)? =
            switch kind {
            case .probableCopy, .nearOtherModality, .nearOtherCount, .nearLaterDay: addTwin(kind, of: study)
            case .reusedAccession, .nearAccessionElsewhere: reuseAccession(kind, of: study)
            case .subset: removeModality(of: draft)
            case .nearNewborn, .nearOneImage: makeExtreme(kind, draft)
            case .missingCopy: removeCopy(of: draft)
            case .issuer: contradictIssuer(draft)
            case .differentPatients: replacePatient(draft)
            default: contradictValue(kind, draft)
            }
        guard let changed else { return false }
        drafts[study].copies = changed.copies
        drafts[study].isTaken = true
        if kind.isNearMiss { drafts[study].nearMiss = kind.rawValue }
        // A pair's row is written where it is made: it belongs to the smaller of two UIDs.
        guard kind != .probableCopy, kind != .reusedAccession, let row = kind.row else { return true }
        drafts[study].expected = ExpectedDiscrepancy(
            discrepancyClass: row.discrepancyClass, severity: row.severity, named: changed.named)
        return true
    }

    /// Another value of one attribute in one copy, and the true one in all others that can say it.
    private mutating func contradictValue(
        _ kind: InjectionKind, _ draft: Draft
    ) -> (copies: [Draft.Copy], named: ExpectedDiscrepancy.Named)? {
        guard let attribute = kind.attribute,
            let base = draft.copies.lazy.compactMap({ $0.values[attribute] }).first(where: { !$0.isEmpty })
        else { return nil }
        var copies = draft.copies
        let candidates = copies.indices.filter { index in
            let profile = sources[copies[index].source]
            guard profile.sends(attribute), kind != .studyDateFormat || profile.temper.parsesDates else { return false }
            return profile.encoding(for: copies[index].script).representable(base) == base
        }
        let comparable = kind == .studyDateFormat ? copies.count : candidates.count
        guard !candidates.isEmpty, comparable >= (kind.needsOneCopy ? 1 : 2) else { return nil }
        if attribute == .patientID {
            // IDs are compared within one issuer only.
            guard Set(copies.map { sources[$0.source].issuer }).count == 1 else { return nil }
        }
        let victim = candidates[random.below(candidates.count)]
        guard let wrong = contradiction(kind, of: base, draft, at: copies[victim].source) else { return nil }
        for index in candidates { copies[index].values[attribute] = base }
        copies[victim].values[attribute] = wrong
        if kind == .misreadName { copies[victim].misreadName = base }
        if kind == .marriage {
            let birth = patients[draft.patient].birthDay.da
            for index in copies.indices { copies[index].values[.patientBirthDate] = birth }
        }
        if kind == .zeroImages { copies[victim].values[.numberOfStudyRelatedSeries] = "0" }
        if kind == .studyDate || kind == .implausibleDate {
            moveDensity(of: copies[victim].source, from: draft.day, to: wrong)
        }
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
        case .rewrittenPatientID: return random.chance(0.5) ? base + "$$$\(random.within(1...3))" : "00" + base
        case .marriage:
            let family = random.pick(NamePool.of(patient.script).family)
            guard family.alphabetic.lowercased() != patient.name.family else { return nil }
            let other = patient.name.renamed(family)
            return sources[source].encoding(for: patient.script).representable(other) == other ? other : nil
        case .misreadName: return misread(base, patient.script, at: source)
        case .nearOneGroup:
            let first = base.split(separator: "=").first.map(String.init) ?? base
            return first == base ? nil : first
        // Earlier: born later than examined would be another finding.
        case .birthDate: return (patient.birthDay + -random.within(1...4000)).da
        case .sex: return base == "M" ? "F" : base == "F" ? "M" : nil
        case .sexOther: return base == "O" ? nil : "O"
        case .accession: return base.dropLast(2) + digits((Int(base.suffix(2)) ?? 0) + 37, 2).suffix(2) + "X"
        case .description:
            let all = Examination.all.flatMap { $0.descriptions(in: patient.script) }
            let other = random.pick(all)
            let encoding = sources[source].encoding(for: patient.script)
            return other.lowercased() != base.lowercased() && encoding.representable(other) == other ? other : nil
        case .descriptionCase:
            let other = base.uppercased()
            let encoding = sources[source].encoding(for: patient.script)
            return patient.script.hasSimpleCase && other != base && encoding.representable(other) == other ? other : nil
        case .referring:
            let pool = NamePool.of(patient.script)
            let other = SimulatedName(family: random.pick(pool.family), given: random.pick(pool.male))
            let old = base.lowercased().split(separator: "=").first?.split(separator: "^").map(String.init) ?? []
            let isDifferent = other.family != old.first && other.given != old.last
            let encoding = sources[source].encoding(for: patient.script)
            return isDifferent && encoding.representable(other.text) == other.text ? other.text : nil
        case .studyDate: return shiftedDate(draft, at: source)
        case .implausibleDate:
            let other = random.chance(0.5) ? Day(1900, 1, 1) : Day(2099, 12, 31)
            return isOrdinary(draft.day) && !isNearBeginning(draft.day, other) ? other.da : nil
        case .studyDateFormat: return isOrdinary(draft.day) ? draft.day.dotted : nil
        case .nearTimeFraction: return base.count == 6 ? base + ".5" : nil
        case .studyTime: return shiftedTime(base)
        case .studyTimeFormat:
            guard base.count >= 6 else { return nil }
            return "\(base.prefix(2)):\(base.dropFirst(2).prefix(2)):\(base.dropFirst(4))"
        case .seriesCount:
            // No more of them than images, which would be another finding.
            guard let series = Int(base), images(draft) >= series + 9 else { return nil }
            return String(series + random.within(1...9))
        case .instanceCount: return Int(base).map { String($0 + random.within(1...9)) }
        case .moreSeriesThanImages: return images(draft) > 0 ? String(images(draft) + random.within(1...5)) : nil
        case .bornLater: return isOrdinary(draft.day) ? (draft.day + random.within(1...400)).da : nil
        case .nearModalityOrder:
            let parts = base.split { $0 == "\\" || $0 == "/" }
            return parts.count > 1 ? parts.reversed().joined(separator: "\\") : nil
        case .zeroImages: return "0"
        case .unparsableTime: return random.chance(0.5) ? "240000" : "24:00:00"
        case .unparsableBirthDate: return "\(patient.birthDay.calendar.year)1345"
        case .unparsableCount: return "n/a"
        case .probableCopy, .nearOtherModality, .nearOtherCount, .nearLaterDay, .missingCopy, .reusedAccession,
            .nearAccessionElsewhere, .subset, .issuer, .differentPatients, .nearNewborn, .nearOneImage:
            return nil
        }
    }

    /// A few days off, where neither day is near an expectation's beginning or overfull.
    private mutating func shiftedDate(_ draft: Draft, at source: Int) -> String? {
        let other = draft.day + (random.chance(0.5) ? random.within(1...3) : -random.within(1...3))
        let isUsable = isOrdinary(draft.day) && isOrdinary(other) && !isNearBeginning(draft.day, other)
        return isUsable && !isDense(source, other) ? other.da : nil
    }

    /// Of the archive's ten years, and no placeholder.
    func isOrdinary(_ day: Day) -> Bool { (firstDay...lastDay).contains(day) }

    /// Some expectation holds on one of the two days only.
    func isNearBeginning(_ day: Day, _ other: Day) -> Bool {
        expectations.contains { (day.da < $0.since) != (other.da < $0.since) }
    }

    /// The smallest number of images that a copy claims; 0: none says.
    private func images(_ draft: Draft) -> Int {
        draft.copies.compactMap { $0.values[.numberOfStudyRelatedInstances].flatMap { Int($0) } }.min() ?? 0
    }

    /// UTF-8 that a source took for Latin-1 and now writes as UTF-8 again: declared as Latin-1, readers would undo the error. nil
    /// where that would be the same, or leave characters that no name has.
    private func misread(_ base: String, _ script: Script, at source: Int) -> String? {
        guard sources[source].encoding(for: script) == .utf8 else { return nil }
        let bytes = Array(base.utf8)
        guard bytes.contains(where: { $0 >= 0x80 }), bytes.allSatisfy({ $0 < 0x80 || $0 >= 0xA0 }) else { return nil }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
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
