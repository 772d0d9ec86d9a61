import DICOM
import DIMSE
import StudyIndex

/// Questions whose right answers are known, and what the given ones show.
struct Canaries {
    let asker: ProbeAsker
    let today: DICOMDate
    private(set) var findings: [StudyIndex.Capability] = []
    /// A day of which the source shows a few studies, and those; nil: none was found.
    private var sample: (day: DICOMDate, studies: [StudyRecord])?

    init(asker: ProbeAsker, today: DICOMDate) {
        self.asker = asker
        self.today = today
    }

    typealias Name = Capabilities.Name

    private mutating func learn(_ name: String, _ value: String, _ evidence: String) {
        findings.append(StudyIndex.Capability(name: name, value: value, evidence: evidence))
    }

    private mutating func learn(_ name: String, _ key: Capabilities.Key, _ evidence: String) {
        learn(name, key.rawValue, evidence)
    }

    // MARK: The association

    /// F35, F36.
    mutating func association() async throws {
        try await asker.open()
        let models = await asker.line.acceptedModels
        let names = [FindModel.studyRoot, .patientRoot, .patientStudyOnly, .repository].filter(models.contains).map(
            \.words)
        learn(Name.models, names.joined(separator: ", "), "accepted in the association")
    }

    // MARK: A sample to ask about

    /// Looks back from today, ever further, for a day with enough studies to show something; of those seen the day with
    /// the most below fifty is taken.
    mutating func findSample() async throws {
        var upper = today
        var days = 1
        for _ in 0..<Self.mostLooks
        where Self.worth(sample?.studies ?? []) < Self.studiesWanted && upper.year >= Self.firstYear {
            let lower = upper.adding(days: 1 - days)
            let answer = try await asker.ask(SliceRange(dates: DateRange(lower: lower, upper: upper)))
            let byDay = Dictionary(grouping: answer.records) { $0.studyDate }
            let candidates = byDay.compactMap { day, studies in day.map { (day: $0, studies: studies) } }
                .filter { $0.day >= lower && $0.day <= upper }
            // What was cut off may have cut a day in two: only a day that is asked by itself is a sample.
            if let best = candidates.max(by: { Self.worth($0.studies) < Self.worth($1.studies) }),
                Self.worth(best.studies) > Self.worth(sample?.studies ?? [])
            {
                let whole = try await asker.ask(SliceRange(dates: DateRange(day: best.day)))
                if whole.error == nil, !whole.records.isEmpty { sample = (best.day, StudyRecord.merged(whole.records)) }
            }
            if answer.error == nil {
                upper = lower.adding(days: -1)
                days *= 4
            } else {
                days = max(1, days / 4)
                if days == 1 { upper = lower.adding(days: -1) }
            }
        }
        if let sample {
            learn(Name.probed, "found", "\(sample.studies.count) studies of one day")
        } else {
            learn(Name.probed, "none", "no day with studies was found: most of what follows could not be asked")
        }
    }

    private static let studiesWanted = 5
    /// A source that refuses what is too much, and has had nothing new for months, takes so many.
    private static let mostLooks = 20
    private static let firstYear = 1900

    private static func worth(_ studies: [StudyRecord]) -> Int { studies.count <= 50 ? studies.count : 1 }

    // MARK: Dates

    /// An impossible range brings nothing; a range of one day is that day; two days are the sum of both.
    mutating func dates() async throws {
        guard let future = DateRange(da: "29990101-29991231") else { return }
        let impossible = try await asker.ask(SliceRange(dates: future))
        if impossible.rows > 0 {
            return learn(Name.dateRanges, .ignored, "\(impossible.rows) rows for studies of the year 2999")
        }
        if let error = impossible.error { return learn(Name.dateRanges, .refused, "\(error)") }
        guard let sample else { return }
        // Not written as one day, which most archives take as such.
        let range = try await asker.ask(SliceRange(dates: DateRange(day: sample.day))) {
            $0.set(.studyDate, "\(sample.day.da)-\(sample.day.da)")
        }
        let uids = Set(sample.studies.map(\.studyInstanceUID))
        guard range.uids == uids else {
            return learn(
                Name.dateRanges, .ignored,
                "a day as a range of one day: \(range.ending), the day itself \(uids.count) studies")
        }
        let next = try await asker.ask(SliceRange(dates: DateRange(day: sample.day.adding(days: 1))))
        let both = try await asker.ask(
            SliceRange(dates: DateRange(lower: sample.day, upper: sample.day.adding(days: 1))))
        // Where a cap may have cut the two days, the sum says nothing.
        let agrees = both.error != nil || both.uids == uids.union(next.uids)
        learn(
            Name.dateRanges, agrees ? .works : .ignored,
            "two days have \(both.uids.count) studies, their days \(uids.count) and \(next.uids.count)")
        try await openDates(sample.day)
    }

    private mutating func openDates(_ day: DICOMDate) async throws {
        guard let distant = DICOMDate(year: 1900, month: 1, day: 1) else { return }
        let before = try await asker.ask(SliceRange(dates: DateRange(lower: nil, upper: distant)))
        let wrong = before.records.count { $0.studyDate.map { $0 > distant } ?? false }
        if wrong > 0 {
            learn(Name.openDates, .ignored, "\(wrong) later studies for dates until 1900")
        } else {
            learn(Name.openDates, before.error == nil ? .works : .refused, before.ending)
        }
    }

    // MARK: Times

    /// The two halves of a day have its timed studies together, and not all of them each (F15, F18, F27).
    mutating func times() async throws {
        guard let sample, let noon = DICOMTime(hour: 12) else { return }
        let timed = sample.studies.filter { $0.studyTime != nil }
        guard !timed.isEmpty else {
            return learn(Name.timeRanges, .ignored, "no study of the day has a time")
        }
        var halves: [ProbeAnswer] = []
        for times in [TimeRange(lower: .midnight, upper: noon), TimeRange(lower: noon, upper: .endOfDay)] {
            let half = try await asker.ask(SliceRange(dates: DateRange(day: sample.day), times: times))
            if let error = half.error { return learn(Name.timeRanges, .refused, "\(error)") }
            halves.append(half)
        }
        let counts = halves.map { "\($0.uids.count)" }.joined(separator: " and ")
        let evidence = "the day's \(timed.count) timed studies in halves: \(counts)"
        let isDivided = halves[0].uids != halves[1].uids || halves[0].uids.count < timed.count
        let isWhole = Set(timed.map(\.studyInstanceUID)).isSubset(of: halves[0].uids.union(halves[1].uids))
        learn(Name.timeRanges, isDivided && isWhole ? .works : .ignored, evidence)
    }

    // MARK: UIDs

    /// A known UID is found, one that nobody has is not; lists as long as they find all of theirs (F48).
    mutating func uids() async throws {
        let unknown = try await asker.ask(SliceRange(uids: ["2.25.339999999999999999999999999999999999"]))
        guard unknown.rows == 0 else {
            return learn(Name.uidQuery, .ignored, "\(unknown.rows) rows for a UID that nobody has")
        }
        guard let sample, let first = sample.studies.first?.studyInstanceUID else { return }
        let known = try await asker.ask(SliceRange(uids: [first]))
        guard known.uids == [first] else {
            return learn(Name.uidQuery, .refused, "a study that it has shown, by its UID: \(known.ending)")
        }
        learn(Name.uidQuery, .works, "a study that it has shown is found by its UID")
        var longest = 1
        for length in [2, 20, 200] where length <= sample.studies.count {
            let asked = sample.studies.prefix(length).map(\.studyInstanceUID)
            let list = try await asker.ask(SliceRange(uids: asked))
            guard list.error == nil, list.uids == Set(asked) else {
                return learn(
                    Name.longestUIDList, "\(longest)", "of a list of \(length) UIDs it found \(list.uids.count)")
            }
            longest = length
        }
        learn(Name.longestUIDList, "\(longest)", "the longest list that could be tried")
    }

    // MARK: Patients

    /// F52: prefixes of patient IDs filter; names are compared with or without case.
    mutating func patients() async throws {
        guard let sample else { return }
        if let patient = sample.studies.map(\.patientID).first(where: {
            $0.count > 1 && !$0.contains { "*?\\".contains($0) }
        }) {
            let prefix = String(patient.prefix(max(1, patient.count - 1)))
            let found = try await asker.ask(SliceRange(dates: DateRange(day: sample.day), patientPrefix: prefix))
            let others = found.records.count { !$0.patientID.hasPrefix(prefix) && !$0.patientID.isEmpty }
            let isFound = found.records.contains { $0.patientID == patient }
            if let error = found.error {
                learn(Name.patientPrefixes, .refused, "\(error)")
            } else {
                learn(
                    Name.patientPrefixes, others == 0 && isFound ? .works : others > 0 ? .ignored : .refused,
                    "of \(found.rows) rows \(others) have another beginning; the patient \(isFound ? "is" : "is not") found"
                )
            }
        }
        try await names(sample.studies, sample.day)
    }

    private mutating func names(_ studies: [StudyRecord], _ day: DICOMDate) async throws {
        let names = studies.compactMap { $0[.patientName] }
        guard
            let name = names.first(where: { $0.utf8.allSatisfy { $0 < 0x80 } && $0.uppercased() != $0.lowercased() })
        else { return }
        let turned = name == name.uppercased() ? name.lowercased() : name.uppercased()
        let found = try await asker.ask(SliceRange(dates: DateRange(day: day))) { $0.set(.patientName, turned) }
        if let error = found.error { return learn(Name.nameCase, "refused", "\(error)") }
        let isFiltered = found.rows < studies.count || studies.allSatisfy { $0[.patientName] == name }
        learn(
            Name.nameCase, !isFiltered ? "ignored" : found.rows > 0 ? "insensitive" : "sensitive",
            "a name in the other case: \(found.ending)")
    }

    // MARK: Modalities and returned attributes

    /// F38, F39.
    mutating func modalities() async throws {
        guard let sample else { return }
        guard let modality = sample.studies.flatMap(\.modalities).first else {
            return learn(Name.modalities, .ignored, "no study has ModalitiesInStudy")
        }
        let found = try await asker.ask(SliceRange(dates: DateRange(day: sample.day), modality: modality))
        if let error = found.error { return learn(Name.modalities, .refused, "\(error)") }
        let others = found.records.count { !$0.modalities.contains(modality) }
        // A day of one modality alone shows nothing; another one does.
        let absent = try await asker.ask(SliceRange(dates: DateRange(day: sample.day), modality: "EPS"))
        let isFiltering = others == 0 && absent.rows == 0 && found.rows > 0
        learn(
            Name.modalities, isFiltering ? .works : .ignored,
            "\(found.rows) rows for \(modality), \(others) of another; \(absent.rows) for EPS")
    }

    /// F45, F42: what comes back, empty or filled; F7.
    mutating func returnedKeys() {
        guard let sample else { return }
        var missing = AttributeDictionary.observation.filter { attribute in
            attribute.tag != .timezoneOffsetFromUTC && sample.studies.allSatisfy { $0[attribute.tag] == nil }
        }.map(\.keyword)
        // Without it no study belongs to the facilities that depend on it.
        if asker.line.source.asksForInstitutions, sample.studies.allSatisfy({ $0.institutionName == nil }) {
            missing.append("InstitutionName")
        }
        learn(
            Name.missingKeys, missing.isEmpty ? "none" : "\(missing.count)",
            missing.isEmpty ? "of \(sample.studies.count) studies" : missing.joined(separator: ", "))
    }

    // MARK: Record keys

    /// F9: a Repository Query of a day has its studies, and after the first of them come the others in the same order.
    mutating func recordKeys() async throws {
        guard let sample, await asker.line.acceptedModels.contains(.repository) else { return }
        let all = try await records(of: sample.day, after: .start)
        let rows = all.records.count
        guard all.error == nil, all.uids == Set(sample.studies.map(\.studyInstanceUID)), all.keys.count == rows,
            let first = all.keys.first
        else {
            return learn(
                Name.recordKeys, all.error == nil ? .ignored : .refused,
                "a day's \(sample.studies.count) studies: \(all.ending), \(all.keys.count) with a key")
        }
        let rest = try await records(of: sample.day, after: first)
        let others = all.records.dropFirst().map(\.studyInstanceUID)
        learn(
            Name.recordKeys, rest.records.map(\.studyInstanceUID) == others ? .works : .ignored,
            "a day's \(rows) rows, and after the key of the first: \(rest.ending)")
    }

    /// Page by page, as far as is enough for a sample.
    private func records(of day: DICOMDate, after start: RecordKey) async throws -> ProbeAnswer {
        var all = ProbeAnswer()
        var after = start
        for _ in 0..<Self.mostLooks {
            let page = try await asker.ask(SliceRange(dates: DateRange(day: day)), after: after)
            all.records += page.records
            all.keys += page.keys
            all.rows += page.rows
            all.error = page.error
            guard page.error?.status == 0xB001, let last = page.keys.last else { break }
            after = last
        }
        return all
    }

    // MARK: Series

    /// The series of a study, and of a day without naming its studies (F33, F34).
    mutating func series() async throws {
        guard let sample, let study = sample.studies.first?.studyInstanceUID else { return }
        let hierarchical = try await asker.ask(SliceRange(uids: [study]), level: .series)
        learn(
            Name.series, hierarchical.error == nil && hierarchical.rows > 0 ? .works : .refused,
            "series of one study: \(hierarchical.ending)")
        let granted = await asker.line.grantsRelationalQuestions ? "granted" : "not granted"
        let relational = try await asker.ask(SliceRange(dates: DateRange(day: sample.day)), level: .series)
        let studies = Set(relational.series.map(\.studyInstanceUID))
        let known = Set(sample.studies.map(\.studyInstanceUID))
        let works = relational.error == nil && studies == known
        learn(
            Name.relationalSeries,
            works ? .works : relational.error == nil && relational.rows > 0 ? .ignored : .refused,
            "\(granted) in the association; series of a day without naming its studies: \(relational.ending), of \(studies.count) studies"
        )
    }

    // MARK: Text and speed

    /// F59, F60.
    mutating func characterSets() async throws {
        guard let sample, let study = sample.studies.first?.studyInstanceUID else { return }
        var declared: Set<String> = []
        for asked in ["ISO_IR 100", "ISO_IR 192", ""] {
            let answer = try await asker.ask(SliceRange(uids: [study])) {
                if asked.isEmpty { $0.remove(.specificCharacterSet) } else { $0.set(.specificCharacterSet, asked) }
            }
            declared.formUnion(answer.characterSets)
        }
        let names = declared.map { $0.isEmpty ? "none" : $0 }.sorted().joined(separator: ", ")
        learn(Name.characterSet, declared.contains("") ? "not always declared" : "declared", names)
    }

    mutating func speed() async throws {
        guard let sample, let study = sample.studies.first?.studyInstanceUID else { return }
        var times: [Duration] = []
        for _ in 0..<3 {
            let answer = try await asker.ask(SliceRange(uids: [study]))
            if answer.error == nil { times.append(answer.took) }
        }
        guard let median = times.sorted().dropFirst(times.count / 2).first else { return }
        learn(Name.latency, "\(Int(median / .milliseconds(1))) ms", "median of three questions for one study")
    }
}

extension FindModel {
    fileprivate var words: String {
        switch self {
        case .studyRoot: "Study Root"
        case .patientRoot: "Patient Root"
        case .patientStudyOnly: "Patient/Study Only"
        case .repository: "Repository Query"
        }
    }
}
