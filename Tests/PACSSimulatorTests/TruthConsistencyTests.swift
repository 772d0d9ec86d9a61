import Testing

@testable import PACSSimulator

/// The table of discrepancy classes once more, written down naively over the truth's own attributes: what the generator
/// injected must be all there is to find, and all of it must be visible in what the sources answer.
@Suite struct TruthConsistencyTests {
    @Test(arguments: [(1, 4000), (2, 1000), (3, 12_000)] as [(UInt64, Int)])
    func theAttributesContainExactlyTheListedDiscrepancies(seed: UInt64, count: Int) {
        expectConsistent(Enterprise(seed: seed, studies: count).truth)
    }

    @Test func blankDatesAddNoDiscrepancy() {
        expectConsistent(Enterprise(seed: 4, studies: 3000, blankDates: true).truth)
    }

    private func expectConsistent(_ truth: Truth) {
        let judge = NaiveJudge(truth)
        let found = Set(judge.rows)
        let listed = Set(truth.discrepancies)
        #expect(listed.count == truth.discrepancies.count)
        for row in found.subtracting(listed) { Issue.record("not listed: \(row)") }
        for row in listed.subtracting(found) { Issue.record("not visible: \(row)") }
    }
}

private struct NaiveJudge {
    private struct Seen {
        let source: String
        let issuer: String
        let values: [String: String]

        func value(_ keyword: String) -> String? {
            guard let value = values[keyword], !value.isEmpty else { return nil }
            return keyword == "PatientName" && value.contains("?") ? nil : value
        }
    }

    private let truth: Truth
    private let studies: [String: [Seen]]

    init(_ truth: Truth) {
        self.truth = truth
        let issuers = Dictionary(uniqueKeysWithValues: truth.sources.map { ($0.name, $0.issuer) })
        studies = Dictionary(
            uniqueKeysWithValues: truth.studies.map { study in
                let seen = study.copies.filter(\.reachable).map { copy in
                    let sent = copy.attributes["IssuerOfPatientID"] ?? ""
                    let issuer = sent.isEmpty ? issuers[copy.source] ?? "" : sent
                    return Seen(source: copy.source, issuer: issuer, values: copy.attributes)
                }
                return (study.studyUID, seen)
            })
    }

    var rows: [Truth.Discrepancy] {
        studies.flatMap { uid, copies in ofOneStudy(uid, copies) } + probableCopies + missingCopies
    }

    private func ofOneStudy(_ uid: String, _ copies: [Seen]) -> [Truth.Discrepancy] {
        var rows: [Truth.Discrepancy] = []
        func add(_ name: String, _ severity: String, _ sources: [String]) {
            rows.append(row(name, severity, uid, nil, sources))
        }
        func sources(_ keyword: String) -> [String] { copies.filter { $0.value(keyword) != nil }.map(\.source) }

        if pairs(copies).contains(where: areDifferentPatients) {
            add("different-patients", "critical", sources("PatientName"))
        } else {
            if let severity = severity(copies, "PatientName", plain: plainName) {
                add("patient-name-mismatch", severity, sources("PatientName"))
            }
            if days(copies, "PatientBirthDate").count > 1 {
                add("birth-date-mismatch", "major", sources("PatientBirthDate"))
            }
            if let severity = severity(copies, "PatientSex", plain: { $0.uppercased() }) {
                let isOther = severity == "major" && copies.contains { $0.value("PatientSex") == "O" }
                add("sex-mismatch", isOther ? "minor" : severity, sources("PatientSex"))
            }
            for (_, group) in Dictionary(grouping: copies, by: \.issuer) {
                guard let severity = severity(group, "PatientID", plain: { $0.uppercased() }) else { continue }
                add("patient-id-mismatch", severity, group.map(\.source))
            }
            let senders = copies.filter { $0.value("IssuerOfPatientID") != nil }
            if pairs(senders).contains(where: { one, other in
                one.value("PatientID") == other.value("PatientID") && one.issuer != other.issuer
            }) {
                add("issuer-mismatch", "minor", senders.map(\.source))
            }
        }
        if let severity = severity(copies, "AccessionNumber", plain: { $0.uppercased() }) {
            add("accession-mismatch", severity, sources("AccessionNumber"))
        }
        if Set(copies.compactMap { $0.value("StudyDate") }).count > 1 {
            let isReal = days(copies, "StudyDate").count > 1
            add("study-date-mismatch", isReal ? "minor" : "cosmetic", sources("StudyDate"))
        }
        let times = copies.filter { ($0.value("StudyTime") ?? "24").prefix(2) != "24" }
        if let severity = severity(times, "StudyTime", plain: { $0.filter { $0 != ":" } }) {
            add("study-time-mismatch", severity == "major" ? "minor" : severity, times.map(\.source))
        }
        for (name, keyword) in [
            ("series-count-mismatch", "NumberOfStudyRelatedSeries"),
            ("instance-count-mismatch", "NumberOfStudyRelatedInstances"),
        ] where Set(copies.compactMap { $0.value(keyword).flatMap(Int.init) }).subtracting([0]).count > 1 {
            add(name, "major", sources(keyword))
        }
        let empty = copies.filter { $0.value("NumberOfStudyRelatedInstances") == "0" }
        if !empty.isEmpty { add("zero-images", "minor", empty.map(\.source)) }
        let unparsable = copies.filter { copy in
            copy.value("StudyTime")?.hasPrefix("24") == true
                || copy.value("PatientBirthDate").map { Day($0) == nil } == true
                || copy.value("NumberOfStudyRelatedInstances").map { Int($0) == nil } == true
        }
        if !unparsable.isEmpty { add("unparsable-value", "minor", unparsable.map(\.source)) }
        return rows
    }

    private var probableCopies: [Truth.Discrepancy] {
        var groups: [[String]: [(uid: String, seen: Seen)]] = [:]
        for (uid, copies) in studies {
            for copy in copies {
                guard let id = copy.value("PatientID"), let accession = copy.value("AccessionNumber"),
                    let date = copy.value("StudyDate"), copy.value("ModalitiesInStudy") != nil
                else { continue }
                groups[[copy.issuer, id, accession, date], default: []].append((uid, copy))
            }
        }
        return groups.values.compactMap { group in
            let uids = Set(group.map(\.uid)).sorted()
            guard uids.count > 1 else { return nil }
            return row("probable-copy", "minor", uids[0], uids[1], group.map(\.seen.source))
        }
    }

    private var missingCopies: [Truth.Discrepancy] {
        truth.studies.flatMap { study in
            let uid = study.studyUID
            let copies = studies[uid] ?? []
            let all = Set(study.copies.map(\.source))
            return truth.expects.compactMap { expected -> Truth.Discrepancy? in
                let isExpected = copies.contains { copy in
                    copy.source == expected.from && (copy.value("StudyDate") ?? "") >= expected.since
                }
                guard isExpected, !all.contains(expected.to) else { return nil }
                return row("missing-copy", "major", uid, nil, [expected.to])
            }
        }
    }

    private func areDifferentPatients(_ one: Seen, _ other: Seen) -> Bool {
        guard let name = one.value("PatientName"), let otherName = other.value("PatientName"),
            plainName(name) != plainName(otherName)
        else { return false }
        let birth = one.value("PatientBirthDate").flatMap { Day($0) }
        let otherBirth = other.value("PatientBirthDate").flatMap { Day($0) }
        if let birth, let otherBirth, birth != otherBirth { return true }
        return one.issuer == other.issuer && one.value("PatientID") != other.value("PatientID")
    }

    /// nil: all alike; cosmetic: alike once plain.
    private func severity(_ copies: [Seen], _ keyword: String, plain: (String) -> String) -> String? {
        let values = Set(copies.compactMap { $0.value(keyword) })
        guard values.count > 1 else { return nil }
        return Set(values.map(plain)).count > 1 ? "major" : "cosmetic"
    }

    private func days(_ copies: [Seen], _ keyword: String) -> Set<Day> {
        Set(copies.compactMap { $0.value(keyword).flatMap { Day($0) } })
    }

    private func plainName(_ name: String) -> String {
        var name = name.uppercased()
        while name.hasSuffix("^") { name.removeLast() }
        return name
    }

    private func pairs(_ copies: [Seen]) -> [(Seen, Seen)] {
        copies.indices.flatMap { one in copies[(one + 1)...].map { (copies[one], $0) } }
    }

    private func row(
        _ name: String, _ severity: String, _ uid: String, _ other: String?, _ sources: [String]
    ) -> Truth.Discrepancy {
        Truth.Discrepancy(
            discrepancyClass: name, severity: severity, studyUID: uid, otherUID: other,
            sources: Set(sources).sorted())
    }
}
