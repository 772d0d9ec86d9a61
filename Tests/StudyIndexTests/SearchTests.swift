import DICOM
import PostgresClient
import Testing

@testable import StudyIndex

@Suite struct SearchTests {
    private func uids(_ answer: StudyAnswer) -> [String] { answer.studies.map(\.record.studyInstanceUID) }

    /// Promise 8: PostgreSQL finds what the reference matcher finds, whatever is asked.
    @Test(arguments: [1, 2, 3] as [UInt64]) func itFindsWhatTheReferenceMatcherFinds(seed: UInt64) async throws {
        try await TestIndex.with { test in
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 120)
            for source in ["a", "b", "c"] {
                try await test.sweep(source, copies.filter { $0.source == source }.map(\.record))
            }
            for _ in 0..<250 {
                let query = exercise.query()
                let answer = try await test.index.search(query)
                let expected = SearchExercise.reference(query, copies)
                #expect(Set(uids(answer)) == Set(expected.keys), "\(SearchExercise.describe(query))")
                #expect(answer.total == answer.studies.count)
                for study in answer.studies {
                    // The patient group is that of one observation which matches.
                    let uid = study.record.studyInstanceUID
                    let patient = SearchExercise.patient(study.record)
                    #expect(expected[uid]?.contains { SearchExercise.patient($0) == patient } == true)
                }
            }
        }
    }

    @Test func likesOwnWildcardsAreLiteral() async throws {
        try await TestIndex.with { test in
            let ids = ["A%", "A_", "A\\", "AB", "A\\%", "a%", "A"]
            try await test.sweep("a", ids.enumerated().map { .sample("1.\($0)", [.patientID: $1]) })
            for (position, id) in ids.enumerated() {
                #expect(uids(try await test.search(["PatientID": id])) == ["1.\(position)"])
                #expect(uids(try await test.search(["PatientID": id + "*"])).contains("1.\(position)"))
            }
            #expect(uids(try await test.search(["PatientID": "A?"])) == ["1.0", "1.1", "1.2", "1.3"])
            #expect(uids(try await test.search(["PatientID": "*%"])) == ["1.0", "1.4", "1.5"])
        }
    }

    @Test func namesAreFoundByAnyGroupWithoutCaseAndAccents() async throws {
        try await TestIndex.with { test in
            try await test.sweep(
                "a",
                [
                    .sample("1.1", [.patientName: "YAMADA^TARO=山田^太郎=やまだ^たろう"]),
                    .sample("1.2", [.patientName: "Müller^Jörg"]),
                    .sample("1.3", [.patientName: "MULLER"]), .sample("1.4", [.patientName: ""]),
                ])
            #expect(uids(try await test.search(["PatientName": "山田*"])) == ["1.1"])
            #expect(uids(try await test.search(["PatientName": "ヤマダ^タロウ"])) == ["1.1"])
            #expect(uids(try await test.search(["PatientName": "yamada^taro"])) == ["1.1"])
            #expect(uids(try await test.search(["PatientName": "muller*"])) == ["1.2", "1.3"])
            #expect(uids(try await test.search(["PatientName": "MÜLLER"])) == ["1.3"])
        }
    }

    /// Promise 5.
    @Test func copiesThatNameDifferentPatientsGiveOneAnswerEach() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1")])
            try await test.sweep(
                "b",
                [
                    .sample(
                        "1.1",
                        [
                            .patientName: "SCHMIDT^KARL", .patientID: "P2", .patientBirthDate: "19700101",
                            .accessionNumber: "A2",
                        ])
                ])
            let both = try await test.search([:])
            #expect(both.total == 2)
            #expect(both.studies.map(\.record.patientID) == ["P1", "P2"])
            #expect(both.studies.map(\.holders) == [["PACSA"], ["PACSB"]])
            #expect(both.studies.map(\.record.accessionNumber) == ["A1", "A2"])
            let one = try await test.search(["PatientID": "P2"])
            #expect(one.studies.map { $0.record.patientName?.alphabetic } == ["SCHMIDT^KARL"])
            // No copy has this name together with that ID.
            #expect(try await test.search(["PatientID": "P2", "PatientName": "MUELLER*"]).studies.isEmpty)
        }
    }

    @Test func copiesThatSpellOnePatientDifferentlyGiveOneAnswerWithAllHolders() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1", [.studyDescription: ""])])
            try await test.sweep(
                "c", [.sample("1.1", [.patientName: "MUELLER^ANNE", .patientID: "X9", .studyDescription: "CT"])])
            let all = try await test.search([:])
            #expect(all.total == 1)
            #expect(all.studies.map(\.holders) == [["PACSA", "PACSC"]])
            #expect(all.studies.map(\.record[.studyDescription]) == ["CT"])
            let byOtherName = try await test.search(["PatientName": "MUELLER^ANNE"])
            #expect(byOtherName.studies.map(\.record.patientID) == ["X9"])
            #expect(byOtherName.studies.map(\.record.issuerOfPatientID) == ["OTHER"])
        }
    }

    @Test func whatASourceDoesNotReturnIsUndecidedUnlessAnotherCopyKnows() async throws {
        try await TestIndex.with { test in
            let silent: [DICOM.Tag: String?] = [.accessionNumber: nil]
            try await test.sweep("a", [.sample("1.1", silent), .sample("1.2", silent)])
            try await test.sweep("b", [.sample("1.2", [.accessionNumber: "A2"])])
            let first = try await test.search(["AccessionNumber": "A1"])
            #expect(uids(first) == ["1.1"] && first.undecidedSources == ["a"])
            let second = try await test.search(["AccessionNumber": "A2"])
            #expect(uids(second) == ["1.1", "1.2"] && second.undecidedSources == ["a"])
        }
    }

    /// F130, F134.
    @Test func pagesFollowOneTotalOrder() async throws {
        try await TestIndex.with { test in
            let records = (0..<30).map { number in
                StudyRecord.sample(
                    "1.\(number)",
                    [
                        .studyDate: number % 5 == 0 ? "" : "2020010\(number % 4 + 1)",
                        .studyTime: number % 3 == 0 ? "" : "1\(number % 2)0000",
                    ])
            }
            try await test.sweep("a", records)
            let whole = uids(try await test.search([:]))
            #expect(whole.count == 30)
            var paged: [String] = []
            for offset in stride(from: 0, to: 30, by: 7) {
                paged += uids(try await test.search([:], limit: 7, offset: offset))
            }
            #expect(paged == whole)
            #expect(try await test.search([:], limit: 7, offset: 30).studies.isEmpty)
            #expect(try await test.search([:], limit: 7).total == 30)
            #expect(try await test.search(["PatientID": "P1"], limit: 7).total == 30)
            let dates = try await test.search([:]).studies.map { $0.record[.studyDate] ?? "" }
            #expect(dates == dates.sorted(by: >))
        }
    }

    /// The shapes that users ask must not read the table when it is large.
    @Test(arguments: [
        ["PatientID": "P1"], ["PatientID": "P1*"], ["AccessionNumber": "A1"], ["PatientName": "MUELLER^A*"],
        ["PatientName": "MUELLER^ANNA"], ["StudyInstanceUID": "1.1\\1.2"], ["StudyDate": "20200301-20200315"],
        ["PatientID": "P1", "StudyDate": "20200101-"],
    ]) func selectiveSearchesUseAnIndex(keys: [String: String]) async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            var query = StudyQuery()
            for (keyword, text) in keys {
                query.keys.append(
                    try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text))
            }
            let statement = SearchStatement(query)
            #expect(statement.isSelective)
            let (sql, parameters) = statement.amongAll()
            let plan = try await test.pool.withConnection { connection in
                // A small table is read whole unless that is forbidden; then only a shape that no index serves is.
                try connection.execute(script: "SET enable_seqscan = off; SET plan_cache_mode = force_custom_plan")
                return try connection.query("EXPLAIN " + sql, parameters).compactMap { $0.string(0) }
            }
            #expect(!plan.contains { $0.contains("Seq Scan on observation") || $0.contains("Seq Scan on study") })
        }
    }
}

/// Random studies and queries full of what breaks search, from a seed; and what the reference matcher makes of them.
struct SearchExercise {
    struct Copy {
        let source: String
        let record: StudyRecord
    }

    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    private static let texts = [
        "A", "A%", "A_B", "A\\B", "a", "A*", "AB", "B?", "", "A B", "Ä", "%", "_", "\\", "ABC", "'",
    ]
    private static let names = [
        "MUELLER^ANNA", "Müller^Anna", "MULLER", "YAMADA^TARO=山田^太郎=やまだ^たろう", "=山田^花子", "", "O'NEIL^J_K", "A%^B",
        "a\\b",
    ]
    private static let dates = ["20200101", "20200102", "2020.01.03", "20211231", "", "20201345", "00010101"]
    private static let times = ["10", "1011", "101112.5", "", "240000", "235959.999999", "00:00"]
    private static let modalities = ["CT", "CT\\MR", "ct/us", "", "MR", "X_"]
    private static let numbers = ["0", "4", "+4", "004", "", "x", "12"]

    private mutating func one(_ values: [String]) -> String { values.randomElement(using: &random) ?? "" }

    mutating func copies(studies: Int) -> [Copy] {
        (0..<studies).flatMap { number -> [Copy] in
            ["a", "b", "c"].filter { _ in Bool.random(using: &random) }.map {
                Copy(source: $0, record: record("1.2.\(number)"))
            }
        }
    }

    private mutating func record(_ uid: String) -> StudyRecord {
        let values: [(DICOM.Tag, [String])] = [
            (.patientID, Self.texts), (.issuerOfPatientID, ["", "HOSP", "X%"]), (.patientName, Self.names),
            (.patientBirthDate, Self.dates), (.patientSex, ["F", "M", ""]), (.studyDate, Self.dates),
            (.studyTime, Self.times),
            (.accessionNumber, Self.texts), (.studyID, Self.texts), (.studyDescription, Self.texts),
            (.referringPhysicianName, Self.names), (.modalitiesInStudy, Self.modalities),
            (.numberOfStudyRelatedSeries, Self.numbers), (.numberOfStudyRelatedInstances, Self.numbers),
        ]
        var changes: [DICOM.Tag: String?] = [:]
        var lossy: [DICOM.Tag] = []
        for (tag, texts) in values {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: changes[tag] = .some(nil)
            case 1:
                changes[tag] = one(texts) + "\u{FFFD}"
                lossy.append(tag)
            default: changes[tag] = one(texts)
            }
        }
        return StudyRecord(texts: StudyRecord.sample(uid, changes).texts, lossy: lossy)
    }

    mutating func query() -> StudyQuery {
        var query = StudyQuery()
        query.limit = 10_000
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let keyword = one([
                "PatientID", "PatientName", "AccessionNumber", "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyID",
                "PatientSex",
                "StudyInstanceUID", "PatientBirthDate", "IssuerOfPatientID", "NumberOfStudyRelatedSeries",
                "ReferringPhysicianName",
                "StudyDescription", "NumberOfStudyRelatedInstances", "SeriesDescription",
            ])
            guard let attribute = AttributeDictionary.attribute(keyword: keyword),
                let key = try? QueryKey(attribute, parsing: value(for: keyword))
            else { continue }
            query.keys.append(key)
        }
        return query
    }

    private mutating func value(for keyword: String) -> String {
        switch keyword {
        case "StudyInstanceUID":
            (0..<4).map { _ in "1.2.\(Int.random(in: 0..<130, using: &random))" }.joined(separator: "\\")
        case "PatientName", "ReferringPhysicianName": pattern(one(Self.names + ["山田", "muller^anna", "ヤマダ"]))
        case "StudyDate", "PatientBirthDate":
            one(["20200101", "20200101-20200102", "-20200102", "20200103-", "20190101-20221231"])
        case "StudyTime": one(["10", "1000-1100", "-1200", "235959-", "101112.5"])
        case "ModalitiesInStudy": one(["CT", "CT\\US", "M*", "*", "X_", "?T"])
        case "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances": one(["0", "4", "12", "7"])
        case "PatientSex": one(["F", "M", "O"])
        default: pattern(one(Self.texts + ["HOSP", "OTHER"]))
        }
    }

    /// The text, or the text with a wildcard somewhere.
    private mutating func pattern(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let place = Int.random(in: 0...scalars.count, using: &random)
            if Bool.random(using: &random) || place == scalars.count {
                scalars.insert("*", at: place)
            } else {
                scalars[place] = "?"
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    // MARK: Reference

    /// The studies that an answer must name, each with its observations that match.
    static func reference(_ query: StudyQuery, _ copies: [Copy]) -> [String: [StudyRecord]] {
        var found: [String: [StudyRecord]] = [:]
        for (uid, copies) in Dictionary(grouping: copies, by: \.record.studyInstanceUID) {
            let records = copies.map(effective)
            let matching = records.filter { record in
                query.keys.allSatisfy { key in
                    switch key.matches(record) {
                    case .yes: true
                    case .no: false
                    case .unknown: !records.contains { key.matches($0) == .no }
                    }
                }
            }
            if !matching.isEmpty { found[uid] = matching }
        }
        return found
    }

    /// With the source's issuer where it sent none.
    private static func effective(_ copy: Copy) -> StudyRecord {
        var record = copy.record
        if record.issuerOfPatientID.isEmpty { record[.issuerOfPatientID] = copy.source == "c" ? "OTHER" : "HOSP" }
        return record
    }

    static func patient(_ record: StudyRecord) -> [String?] {
        [DICOM.Tag.patientID, .issuerOfPatientID, .patientName, .patientBirthDate, .patientSex].map { record[$0] }
    }

    static func describe(_ query: StudyQuery) -> String {
        query.keys.map { "\($0.attribute.keyword) \($0.match)" }.joined(separator: ", ")
    }
}
