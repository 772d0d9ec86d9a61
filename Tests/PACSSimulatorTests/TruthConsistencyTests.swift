import Foundation
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

        func without(_ keyword: String) -> Seen {
            Seen(source: source, issuer: issuer, values: values.filter { $0.key != keyword })
        }

        static let texts = ["PatientName", "StudyDescription", "ReferringPhysicianName"]

        func value(_ keyword: String) -> String? {
            guard let value = values[keyword], !value.isEmpty else { return nil }
            return Self.texts.contains(keyword) && value.contains("?") ? nil : value
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
        studies.flatMap { uid, copies in ofOneStudy(uid, copies) } + probableCopies + reusedAccessions + missingCopies
    }

    private func ofOneStudy(_ uid: String, _ seen: [Seen]) -> [Truth.Discrepancy] {
        var rows: [Truth.Discrepancy] = []
        func add(_ name: String, _ severity: String, _ sources: [String]) {
            rows.append(row(name, severity, uid, nil, sources))
        }
        let misnamed = damagedSources(seen, "PatientName")
        let victims = Seen.texts.flatMap { damagedSources(seen, $0) }
        if !victims.isEmpty { add("character-set-difference", "cosmetic", victims) }
        let copies: [Seen] = seen.map { misnamed.contains($0.source) ? $0.without("PatientName") : $0 }
        func sources(_ keyword: String) -> [String] { copies.filter { $0.value(keyword) != nil }.map(\.source) }

        if pairs(copies).contains(where: areDifferentPatients) {
            add("different-patients", "critical", sources("PatientName"))
        } else {
            let named = copies.filter { $0.value("PatientName") != nil }.map(\.source)
            if isRenamed(copies) {
                add("stale-demographics", "minor", named)
            } else if let severity = severity(copies, "PatientName", plain: plainName) {
                add("patient-name-mismatch", severity, named)
            }
            if days(copies.filter { !isBornLater($0) }, "PatientBirthDate").count > 1 {
                add("birth-date-mismatch", "major", sources("PatientBirthDate"))
            }
            if let severity = severity(copies, "PatientSex", plain: { $0.uppercased() }) {
                let isOther = severity == "major" && copies.contains { $0.value("PatientSex") == "O" }
                add("sex-mismatch", isOther ? "minor" : severity, sources("PatientSex"))
            }
            for (_, group) in Dictionary(grouping: copies, by: \.issuer) {
                guard let severity = severity(group, "PatientID", plain: { $0.uppercased() }) else { continue }
                let plain = Set(group.compactMap { $0.value("PatientID").map(plainID) })
                if severity == "major", plain.count == 1 {
                    add("patient-id-rewritten", "minor", group.map(\.source))
                } else {
                    add("patient-id-mismatch", severity, group.map(\.source))
                }
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
        for (name, keyword) in [
            ("description-mismatch", "StudyDescription"), ("referring-physician-mismatch", "ReferringPhysicianName"),
        ] {
            guard let severity = severity(copies, keyword, plain: { $0.uppercased() }) else { continue }
            add(name, severity == "major" ? "minor" : severity, sources(keyword))
        }
        let dated = copies.filter { copy in
            copy.value("StudyDate").map { !["19000101", "20991231", "unknown"].contains($0) } ?? false
        }
        if Set(dated.compactMap { $0.value("StudyDate") }).count > 1 {
            let isReal = days(dated, "StudyDate").count > 1
            add("study-date-mismatch", isReal ? "minor" : "cosmetic", dated.map(\.source))
        }
        let odd = copies.filter { ["19000101", "20991231"].contains($0.value("StudyDate")) }
        if !odd.isEmpty { add("implausible-study-date", "minor", odd.map(\.source)) }
        let times = copies.filter { ($0.value("StudyTime") ?? "24").prefix(2) != "24" }
        if let severity = severity(times, "StudyTime", plain: plainTime) {
            add("study-time-mismatch", severity == "major" ? "minor" : severity, times.map(\.source))
        }
        let impossible = copies.filter { isBornLater($0) || isOverfull($0) }
        if !impossible.isEmpty { add("impossible-value", "minor", impossible.map(\.source)) }
        addCounts(copies.filter { !isOverfull($0) }, add)
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

    private func addCounts(_ copies: [Seen], _ add: (String, String, [String]) -> Void) {
        func counts(_ keyword: String) -> [(copy: Seen, count: Int)] {
            copies.compactMap { copy in copy.value(keyword).flatMap { Int($0) }.map { (copy, $0) } }.filter {
                $0.count > 0
            }
        }
        let images = counts("NumberOfStudyRelatedInstances")
        let most = images.map(\.count).max() ?? 0
        let whole = images.first { $0.count == most }.map { modalities($0.copy) } ?? []
        let fewer = images.filter { $0.count < most }.map { modalities($0.copy) }
        if !fewer.isEmpty, fewer.allSatisfy({ $0.isStrictSubset(of: whole) && !$0.isEmpty }) {
            add("subset-copy", "minor", images.map(\.copy.source))
            return
        }
        for (name, keyword) in [
            ("series-count-mismatch", "NumberOfStudyRelatedSeries"),
            ("instance-count-mismatch", "NumberOfStudyRelatedInstances"),
        ] {
            let counts = counts(keyword)
            if Set(counts.map(\.count)).count > 1 { add(name, "major", counts.map(\.copy.source)) }
        }
    }

    private func modalities(_ copy: Seen) -> Set<String> {
        Set((copy.value("ModalitiesInStudy") ?? "").split { $0 == "\\" || $0 == "/" }.map(String.init))
    }

    private func isBornLater(_ copy: Seen) -> Bool {
        guard let birth = copy.value("PatientBirthDate").flatMap({ Day($0) }),
            let day = copy.value("StudyDate").flatMap({ Day($0) }), day > Day(1900, 1, 1)
        else { return false }
        return birth > day
    }

    private func isOverfull(_ copy: Seen) -> Bool {
        guard let series = copy.value("NumberOfStudyRelatedSeries").flatMap({ Int($0) }),
            let images = copy.value("NumberOfStudyRelatedInstances").flatMap({ Int($0) }), images > 0
        else { return false }
        return series > images
    }

    /// Sources whose text is another one's with `?` for some characters, or its UTF-8 read as Latin-1.
    private func damagedSources(_ copies: [Seen], _ keyword: String) -> [String] {
        let texts = copies.compactMap { copy in copy.values[keyword].map { (source: copy.source, text: $0) } }
        let whole = texts.filter { !$0.text.contains("?") && !$0.text.isEmpty }.map { Array($0.text.unicodeScalars) }
        return texts.filter { _, text in
            let scalars = Array(text.unicodeScalars)
            return whole.contains { other in
                if text.contains("?"), other.count == scalars.count {
                    return zip(scalars, other).allSatisfy { $0 == "?" ? $1.value > 0x7F : $0 == $1 }
                }
                let bytes = String(String.UnicodeScalarView(other)).utf8.map(UInt32.init)
                return bytes.count > other.count && scalars.map(\.value) == bytes
            }
        }.map(\.source)
    }

    /// Names that differ differ in the family name alone.
    private func isRenamed(_ copies: [Seen]) -> Bool {
        let differing = pairs(copies.filter { $0.value("PatientName") != nil }).filter { one, other in
            plainName(one.value("PatientName") ?? "") != plainName(other.value("PatientName") ?? "")
        }
        return !differing.isEmpty
            && differing.allSatisfy { one, other in
                let ones = plainName(one.value("PatientName") ?? "").split(separator: "=")
                let others = plainName(other.value("PatientName") ?? "").split(separator: "=")
                // A name of one group is compared with the first.
                let parts = zip(ones, others).map { ($0.split(separator: "^"), $1.split(separator: "^")) }
                let birth = one.value("PatientBirthDate")
                guard birth != nil, birth == other.value("PatientBirthDate") else { return false }
                return parts.allSatisfy { $0.last == $1.last } && parts.contains { $0.first != $1.first }
            }
    }

    /// A source that drops fractions contradicts nothing.
    private func plainTime(_ time: String) -> String {
        time.split(separator: ".").first.map { $0.filter { $0 != ":" } } ?? ""
    }

    private func plainID(_ id: String) -> String {
        let parts = id.components(separatedBy: "$$$")
        return String(parts[0].drop { $0 == "0" })
    }

    private var reusedAccessions: [Truth.Discrepancy] {
        var groups: [[String]: [(uid: String, seen: Seen)]] = [:]
        for (uid, copies) in studies {
            for copy in copies {
                guard let accession = copy.value("AccessionNumber") else { continue }
                groups[[copy.issuer, accession], default: []].append((uid, copy))
            }
        }
        return groups.values.compactMap { group in
            let uids = Set(group.map(\.uid)).sorted()
            guard uids.count > 1, Set(group.compactMap { $0.seen.value("PatientID") }).count > 1 else { return nil }
            return row("accession-reused", "major", uids[0], uids[1], group.map(\.seen.source))
        }
    }

    private var probableCopies: [Truth.Discrepancy] {
        var groups: [[String]: [(uid: String, seen: Seen)]] = [:]
        for (uid, copies) in studies {
            for copy in copies {
                guard let id = copy.value("PatientID"), let accession = copy.value("AccessionNumber"),
                    copy.value("StudyDate") != nil, copy.value("ModalitiesInStudy") != nil
                else { continue }
                groups[[copy.issuer, id, accession], default: []].append((uid, copy))
            }
        }
        return groups.values.compactMap { group in
            let uids = Set(group.map(\.uid)).sorted()
            guard uids.count == 2, let one = group.first(where: { $0.uid == uids[0] })?.seen,
                let other = group.first(where: { $0.uid == uids[1] })?.seen,
                let day = one.value("StudyDate").flatMap({ Day($0) }),
                let another = other.value("StudyDate").flatMap({ Day($0) }), abs(day.number - another.number) <= 1,
                !modalities(one).isDisjoint(with: modalities(other))
            else { return nil }
            let images = [one, other].compactMap { $0.value("NumberOfStudyRelatedInstances").flatMap { Int($0) } }
            if images.count == 2, let most = images.max(), let least = images.min(), (most - least) * 20 > most {
                return nil
            }
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
        var values = Set(copies.compactMap { $0.value(keyword) })
        // The same name in fewer groups, the same time in whole seconds.
        for value in values {
            values = values.filter { $0 == value || !value.hasPrefix($0 + "=") && !value.hasPrefix($0 + ".") }
        }
        guard values.count > 1 else { return nil }
        return Set(values.map(plain)).count > 1 ? "major" : "cosmetic"
    }

    private func days(_ copies: [Seen], _ keyword: String) -> Set<Day> {
        Set(copies.compactMap { $0.value(keyword).flatMap { Day($0) } })
    }

    private func plainName(_ name: String) -> String {
        // A source that keeps one group keeps the first.
        var name = name.uppercased().split(separator: "=").first.map(String.init) ?? ""
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
