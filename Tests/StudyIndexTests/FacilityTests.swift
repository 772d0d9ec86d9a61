import DICOM
import PostgresClient
import SearchSuite
import Testing

@testable import StudyIndex

@Suite struct FacilityTests {
    /// What rules ask for is among the values that `SearchExercise` makes, missing and damaged ones included.
    private static let rules: [String: [FacilityRule]] = [
        "a": [
            FacilityRule(facility: "North", accessionPrefix: "A"),
            FacilityRule(facility: "South", issuer: "HOSP", patientIDPrefix: "B"),
            FacilityRule(facility: "East", issuer: "HOSP"),
        ],
        "b": [FacilityRule(facility: "South", patientIDPrefix: "A")],
    ]
    /// Every third copy of a source bears the third of these, and so on.
    private static let institutions = [nil, "", "Main", " Main ", "Annex", "Annex\\Main", "M\u{FFFD}in", "Elsewhere"]
    private static let byInstitution: [String: [FacilityRule]] = [
        "a": [
            FacilityRule(facility: "North", accessionPrefix: "A", institution: "Main"),
            FacilityRule(facility: "East", institution: "Annex"), FacilityRule(facility: "South", issuer: "HOSP"),
        ],
        "b": [FacilityRule(facility: "South", institution: "Main")],
    ]
    /// One of two sources for each.
    private static let northAndSouth = [
        "a": [FacilityRule(facility: "North", patientIDPrefix: "P")],
        "b": [FacilityRule(facility: "South", patientIDPrefix: "P")],
    ]
    private static let issuers = ["a": "HOSP", "b": "HOSP", "c": "OTHER"]

    /// In the order of lists: the newest first.
    private static func isBefore(_ one: StudyRecord, _ other: StudyRecord) -> Bool {
        (other[.studyDate] ?? "", one.studyInstanceUID) < (one[.studyDate] ?? "", other.studyInstanceUID)
    }

    private func register(_ rules: [String: [FacilityRule]], _ test: TestIndex) async throws {
        let definitions = ["a", "b", "c"].enumerated().map { position, name in
            var definition = SourceDefinition(
                name: name, aeTitle: "PACS" + name.uppercased(), host: "localhost", port: 104,
                issuer: Self.issuers[name] ?? "", priority: position + 1,
                limits: SourceLimits(queriesPerSecond: 1_000, associations: 2))
            definition.facilities = rules[name] ?? []
            return definition
        }
        _ = try await test.index.register(definitions)
    }

    private static func facility(_ copy: SearchedCopy, _ rules: [String: [FacilityRule]]) -> String? {
        (rules[copy.source] ?? []).facility(of: copy.record, issuer: copy.issuer)
    }

    private func assigned(_ test: TestIndex) async throws -> [String: String] {
        let rows = try await test.sql(
            """
            SELECT s.name || ' ' || o.study_uid, coalesce(f.name, '') FROM observation o
            JOIN source s ON s.id = o.source_id LEFT JOIN facility f ON f.id = o.facility_id
            """)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.string(0) ?? "", $0.string(1) ?? "") })
    }

    private func expected(
        _ copies: [SearchedCopy], _ rules: [String: [FacilityRule]]
    ) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: copies.map {
                ("\($0.source) \($0.record.studyInstanceUID)", Self.facility($0, rules) ?? "")
            })
    }

    private func index(_ copies: [SearchedCopy], _ test: TestIndex) async throws {
        for source in ["a", "b", "c"] {
            try await test.sweep(source, copies.filter { $0.source == source }.map(\.record))
        }
    }

    @Test(arguments: [1, 2] as [UInt64]) func theIndexAssignsWhatTheReferenceAssigns(seed: UInt64) async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 300)
            try await index(copies, test)
            let wanted = expected(copies, Self.rules)
            #expect(Set(wanted.values) == ["", "North", "South", "East"])
            #expect(try await assigned(test) == wanted)
        }
    }

    @Test func itAssignsByInstitutionWhatTheReferenceAssigns() async throws {
        try await TestIndex.with { test in
            try await register(Self.byInstitution, test)
            var exercise = SearchExercise(seed: 3)
            var copies = exercise.copies(studies: 300)
            for position in copies.indices {
                copies[position].record.institutionName = Self.institutions[position % Self.institutions.count]
            }
            try await index(copies, test)
            let wanted = expected(copies, Self.byInstitution)
            #expect(Set(wanted.values) == ["", "North", "South", "East"])
            #expect(try await assigned(test) == wanted)
            // Rules that come later are asked of what was stored.
            let later = ["b": Self.byInstitution["a"] ?? [], "c": Self.byInstitution["b"] ?? []]
            try await register(later, test)
            #expect(try await assigned(test) == expected(copies, later))
        }
    }

    /// What is told of a study stays as it was, so that nothing is written of it but to whom the copy belongs.
    @Test func aStudyMovesWithItsInstitution() async throws {
        try await TestIndex.with { test in
            try await register(Self.byInstitution, test)
            func sweep(_ institution: String?) async throws -> (counts: MergeCounts, facility: String?) {
                var record = StudyRecord.sample("1.1")
                record.institutionName = institution
                let counts = try await test.sweep("b", [record])
                return (counts, try await assigned(test)["b 1.1"])
            }
            #expect(try await sweep(nil).facility == "")
            let hash = try await test.sql("SELECT content_hash FROM observation")[0].bytes(0)
            let asked = try await sweep("Main")
            #expect(asked.facility == "South" && asked.counts.changed == 1)
            let again = try await sweep("Main ")
            #expect(again.facility == "South" && again.counts.unchanged == 1)
            #expect(try await sweep("Annex").facility == "")
            #expect(try await test.sql("SELECT content_hash FROM observation")[0].bytes(0) == hash)
            #expect(try await test.count("SELECT count(*) FROM observation_history") == 0)
            #expect(try await test.count("SELECT count(*) FROM change") == 3)
        }
    }

    @Test func ofSeveralInstitutionsItCannotBeTold() {
        let rules = [
            FacilityRule(facility: "North", institution: "Main"), FacilityRule(facility: "South", issuer: "HOSP"),
        ]
        func facility(_ institution: String?) -> String? {
            var record = StudyRecord.sample("1")
            record.institutionName = institution
            return rules.facility(of: record, issuer: "HOSP")
        }
        #expect(facility(" Main") == "North")
        #expect(facility("Annex") == "South" && facility("main") == "South" && facility("") == "South")
        #expect(facility(nil) == nil && facility("Annex\\Main") == nil && facility("M\u{FFFD}in") == nil)
        #expect(facility("Annex\\Clinic") == "South")
    }

    @Test func aCopyThatAnEarlierRuleMightClaimIsNotGivenToALaterOne() {
        let rules = [
            FacilityRule(facility: "North", accessionPrefix: "N"), FacilityRule(facility: "South", issuer: "HOSP"),
        ]
        #expect(rules.facility(of: .sample("1", [.accessionNumber: "N1"]), issuer: "HOSP") == "North")
        #expect(rules.facility(of: .sample("1", [.accessionNumber: ""]), issuer: "HOSP") == "South")
        #expect(rules.facility(of: .sample("1", [.accessionNumber: nil as String?]), issuer: "HOSP") == nil)
        let damaged = StudyRecord(texts: StudyRecord.sample("1").texts, lossy: [.accessionNumber])
        #expect(rules.facility(of: damaged, issuer: "HOSP") == nil)
        #expect(rules.facility(of: .sample("1", [.accessionNumber: "X"]), issuer: "OTHER") == nil)
    }

    @Test func changedRulesAssignAnewAndSayWhatHasChanged() async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            var exercise = SearchExercise(seed: 5)
            let copies = exercise.copies(studies: 200)
            try await index(copies, test)
            let before = try await assigned(test)
            let changes = try await test.count("SELECT count(*) FROM change")
            // The same rules again change nothing.
            try await register(Self.rules, test)
            #expect(try await test.count("SELECT count(*) FROM change") == changes)
            let others = ["a": [FacilityRule(facility: "West", issuer: "HOSP")], "c": Self.rules["a"] ?? []]
            try await register(others, test)
            let after = try await assigned(test)
            #expect(after == expected(copies, others))
            let moved = before.filter { after[$0.key] != $0.value }.count
            #expect(moved > 0)
            #expect(try await test.count("SELECT count(*) FROM change") == changes + moved)
            #expect(try await test.count("SELECT count(*) FROM source WHERE NOT facilities_assigned") == 0)
        }
    }

    /// A process that was killed while it assigned leaves the rest to the next.
    @Test func whatWasNotAssignedIsWhenSourcesAreRegisteredNext() async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            try await test.sweep("b", [.sample("1.1", [.patientID: "A1"])])
            try await test.sql("UPDATE observation SET facility_id = NULL")
            try await test.sql("UPDATE source SET facilities_assigned = false WHERE name = 'b'")
            try await register(Self.rules, test)
            #expect(try await assigned(test) == ["b 1.1": "South"])
        }
    }

    // MARK: Restricted searches

    /// Promises 5 and 8: what a caller may not see decides nothing and is not told; by the statement's own condition, too.
    @Test(arguments: [(1, true), (2, true), (3, false)] as [(UInt64, Bool)])
    func aRestrictedSearchFindsWhatTheReferenceFindsAmongVisibleCopies(seed: UInt64, hasWall: Bool) async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            if !hasWall { try await test.sql("ALTER TABLE observation DISABLE ROW LEVEL SECURITY") }
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 150)
            try await index(copies, test)
            for names in [["South"], ["North", "East"]] as [Set<String>] {
                let visible = copies.filter { Self.facility($0, Self.rules).map(names.contains) ?? false }
                let disagreements = try await exercise.disagreements(
                    of: test.index, with: visible, within: .facilities(names), queries: 80)
                #expect(disagreements == [])
            }
        }
    }

    /// Where every copy may be seen, what they make of a study is the consolidated row.
    @Test func aCallerOfAllFacilitiesSeesWhatAnUnrestrictedOneDoes() async throws {
        try await TestIndex.with { test in
            try await register(
                ["a": [FacilityRule(facility: "North", issuer: "HOSP"), FacilityRule(facility: "South", issuer: "X%")]]
                    .merging(["b": [FacilityRule(facility: "South", issuer: "HOSP")]]) { $1 }, test)
            var exercise = SearchExercise(seed: 11)
            // Issuers decide here: copies whose issuer is not known are seen by nobody restricted, and left out.
            let copies = exercise.copies(studies: 200).filter { copy in
                copy.source != "c" && !copy.record.lossy.contains(.issuerOfPatientID)
                    && ["", "HOSP"].contains(copy.record.issuerOfPatientID)
            }
            try await index(copies, test)
            var query = StudyQuery()
            query.limit = 5_000
            let all = try await test.index.search(query, within: .unrestricted)
            let restricted = try await test.index.search(query, within: .facilities(["North", "South"]))
            #expect(all.studies.count > 100)
            #expect(restricted.studies == all.studies)
            #expect(restricted.total == all.total)
            for study in all.studies.prefix(20) {
                let uid = study.record.studyInstanceUID
                let whole = try await test.index.study(uid, within: .unrestricted)
                let seen = try await test.index.study(uid, within: .facilities(["North", "South"]))
                #expect(!seen.provenance.isEmpty)
                for (keyword, source) in seen.provenance { #expect(whole.provenance[keyword] == source) }
                #expect(seen.copies.map(\.record) == whole.copies.map(\.record))
            }
        }
    }

    /// Other copies decide neither the values nor the order of what is seen.
    @Test func pagesOfARestrictedListFollowTheOrderOfWhatIsSeen() async throws {
        try await TestIndex.with { test in
            try await register(Self.northAndSouth, test)
            let count = SearchStatement.newest + 300
            func day(_ number: Int) -> String { "20\(10 + number % 10)0\(number % 9 + 1)1\(number % 7)" }
            let south = (0..<count).map { StudyRecord.sample("1.\($0)", [.studyDate: day($0)]) }
            // The better source shows them on other days.
            let north = (0..<count).filter { $0 % 3 == 0 }.map {
                StudyRecord.sample("1.\($0)", [.studyDate: "19990101", .studyDescription: "HIDDEN"])
            }
            try await test.sweep("a", north)
            try await test.sweep("b", south)
            var query = StudyQuery()
            query.limit = 250
            let expected = south.sorted(by: Self.isBefore)
            for offset in [0, 250, 1_900, 2_250] {
                query.offset = offset
                let page = try await test.index.search(query, within: .facilities(["South"])).studies
                #expect(
                    page.map(\.record.studyInstanceUID)
                        == expected.dropFirst(offset).prefix(250).map(\.studyInstanceUID))
                #expect(!page.contains { $0.record[.studyDescription] == "HIDDEN" })
            }
        }
    }

    /// Of a day of which only a part is among the newest, a page is not made of that part.
    @Test func aPageDoesNotEndInADayThatIsNotKnownWhole() async throws {
        try await TestIndex.with { test in
            try await register(["b": [FacilityRule(facility: "South", patientIDPrefix: "P")]], test)
            let newer = (0..<SearchStatement.newest).map {
                StudyRecord.sample("1.1.\($0)", [.studyDate: "20200401", .studyDescription: "CT"])
            }
            // The latest of the day have the last UIDs.
            let older = (100..<400).map {
                StudyRecord.sample(
                    "1.2.\($0)",
                    [.studyDate: "20200301", .studyTime: "10\($0 / 60 + 10)\($0 % 60 < 10 ? "0" : "")\($0 % 60)"])
            }
            try await test.sweep("b", newer + older)
            var query = StudyQuery()
            let description = try #require(AttributeDictionary.attribute(.studyDescription))
            query.keys = [QueryKey(attribute: description, match: .single("CT ABDOMEN"))]
            query.limit = 50
            let page = try await test.index.search(query, within: .facilities(["South"])).studies
            #expect(page.map(\.record.studyInstanceUID) == (350..<400).reversed().map { "1.2.\($0)" })
        }
    }

    /// F134, for a restricted caller too: also where the window is cut within a day, and among studies without a date.
    @Test func aRestrictedPageBeginsWhereTheOneBeforeItEnded() async throws {
        try await TestIndex.with { test in
            try await register(Self.northAndSouth, test)
            let count = SearchStatement.newest + 300
            func day(_ number: Int) -> String { number % 9 == 0 ? "" : "2020030\(number % 3 + 1)" }
            let south = (0..<count).map { StudyRecord.sample("1.\($0)", [.studyDate: day($0)]) }
            let north = (0..<count).filter { $0 % 4 == 0 }.map {
                StudyRecord.sample("1.\($0)", [.studyDate: $0 % 8 == 0 ? "20300101" : "19990101"])
            }
            try await test.sweep("a", north)
            try await test.sweep("b", south)
            let expected = south.sorted(by: Self.isBefore).map(\.studyInstanceUID)
            var query = StudyQuery()
            query.limit = 175
            var uids: [String] = []
            while true {
                let page = try await test.index.search(query, within: .facilities(["South"]))
                guard let end = page.end else { break }
                uids += page.studies.map(\.record.studyInstanceUID)
                query.offset = uids.count
                query.after = end
            }
            #expect(uids == expected)
        }
    }

    /// Of the sources that take part in a search only copies that may be seen do.
    @Test func aScopeDoesNotWidenWhatIsSeen() async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            try await test.sweep("a", [.sample("1.1", [.patientID: "A1"]), .sample("1.3", [.patientID: "A3"])])
            try await test.sweep("b", [.sample("1.1", [.patientID: "A1"]), .sample("1.2", [.patientID: "X2"])])
            try await test.index.keep(
                [SeriesRecord(texts: ["1.1.1", "1.1", "CT"])], of: test.source("a"), study: "1.1", asked: .zero)
            let scope = SourceScope(sources: [.init(name: "a"), .init(name: "b")])
            for (visibility, expected) in [
                (Visibility.unrestricted, ["1.1 a", "1.1 b", "1.2 b", "1.3 a"]), (.facilities(["South"]), ["1.1 b"]),
                (.facilities([]), []),
            ] {
                let found = try await test.index.search(StudyQuery(), in: scope, within: visibility)
                let copies = found.studies.flatMap(\.copies).map { "\($0.record.studyInstanceUID) \($0.source)" }
                #expect(copies.sorted() == expected)
                #expect(found.total == Set(expected.map { $0.prefix(3) }).count)
                let series = try await test.index.seriesCopies(of: ["1.1"], at: ["a", "b"], within: visibility)
                #expect(series.map(\.source) == (expected.contains("1.1 a") ? ["a"] : []))
            }
        }
    }

    @Test func nothingOfAnotherFacilityIsTold() async throws {
        try await TestIndex.with { test in
            try await register(Self.northAndSouth, test)
            try await test.sweep("a", [.sample("1.1", [.studyDescription: "N"]), .sample("1.2")])
            try await test.sweep("b", [.sample("1.1", [.studyDescription: "S", .accessionNumber: ""])])
            func frozen(_ source: String, _ uid: String) -> String {
                #"{"values":[{"source":"\#(source)","study_uid":"\#(uid)","attributes":{}}],"explanation":""}"#
            }
            let state = try await test.index.reconciliationState()
            var pass = ReconciliationPass(began: state, basis: "", isWhole: true)
            pass.found = [
                StoredDiscrepancy(
                    discrepancyClass: "x", severity: "minor", studyUID: "1.1", otherUID: nil, sources: ["a"],
                    frozen: frozen("a", "1.1")),
                StoredDiscrepancy(
                    discrepancyClass: "y", severity: "minor", studyUID: "1.1", otherUID: nil, sources: ["b"],
                    frozen: frozen("b", "1.1")),
                StoredDiscrepancy(
                    discrepancyClass: "z", severity: "minor", studyUID: "1.2", otherUID: nil, sources: ["b"],
                    frozen: #"{"values":[]}"#),
            ]
            #expect(try await test.index.end(pass, classes: (["x", "y", "z"], [])))
            let south = Visibility.facilities(["South"])
            let found = try await test.index.search(StudyQuery(), within: south)
            #expect(found.total == 1)
            #expect(found.studies.map { $0.record[.studyDescription] } == ["S"])
            #expect(found.studies.map(\.record.accessionNumber) == [""])
            #expect(found.studies.map(\.holders) == [["PACSB"]])
            let (copies, provenance) = try await test.index.study("1.1", within: south)
            #expect(copies.map(\.source) == ["b"])
            #expect(Set(provenance.values) == ["b"])
            #expect(try await test.index.history(of: "1.1", within: south).map(\.source) == ["b"])
            #expect(try await test.index.study("1.2", within: south).copies.isEmpty)
            let discrepancies = try await test.index.discrepancies(.init(), limit: 10, offset: 0, within: south)
            #expect(discrepancies.page.map(\.discrepancyClass) == ["y"])
            #expect(discrepancies.total == 1)
            #expect(try await test.index.discrepancies(.init(), limit: 10, offset: 0, within: .unrestricted).total == 3)
            #expect(try await test.index.sources(within: south) == ["b"])
            #expect(try await test.index.search(StudyQuery(), within: .facilities(["Nowhere"])).studies.isEmpty)
            #expect(try await test.index.search(StudyQuery(), within: .facilities([])).studies.isEmpty)
        }
    }

    // MARK: The second wall

    /// What a session of a caller of South alone begins with.
    private func asSouth(_ test: TestIndex) async throws -> String {
        let settings = try await test.index.seen(within: .facilities(["South", "Nowhere"])).settings
        return settings.sorted { $0.key < $1.key }.map { "SET \($0.key) = '\($0.value)'" }.joined(separator: "; ")
    }

    @Test func rowLevelSecurityShowsNothingElseWhateverIsAsked() async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            var exercise = SearchExercise(seed: 3)
            let copies = exercise.copies(studies: 100)
            try await index(copies, test)
            try await test.sql(
                """
                INSERT INTO series_observation (series_uid, study_uid, source_id, content_hash, first_seen, changed_at)
                SELECT study_uid || '.9', study_uid, source_id, '', now(), now() FROM observation
                """)
            let south = copies.filter { Self.facility($0, Self.rules) == "South" }.count
            #expect(south > 0)
            let asSouth = try await asSouth(test)
            let seen = try await test.pool.withConnection { connection in
                try connection.execute(script: asSouth)
                return [
                    try connection.query("SELECT * FROM observation").count,
                    try connection.query("SELECT * FROM series_observation").count,
                ]
            }
            #expect(seen == [south, south])
            // Nothing set is nothing seen; the consolidated study, keys and the trail are out of reach.
            try await test.pool.withConnection { connection in
                try connection.execute(script: "SET role = 'concord_scoped'; SET concord.facilities = ''")
                #expect(try connection.query("SELECT * FROM observation").isEmpty)
                for table in ["study", "api_key", "audit", "change"] {
                    let error = #expect(throws: PostgresError.self) {
                        try connection.query("SELECT * FROM \(table)")
                    }
                    #expect(error?.sqlState == "42501")
                }
                #expect(throws: PostgresError.self) { try connection.query("DELETE FROM observation") }
            }
        }
    }

    /// A statement that has lost its own condition still shows nothing else.
    @Test func theWallStandsWhereTheConditionIsForgotten() async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            try await test.sweep("b", [.sample("1.1", [.patientID: "A1"]), .sample("1.2", [.patientID: "X"])])
            let settings = try await test.index.seen(within: .facilities(["South"])).settings
            let uids = try await test.pool.withConnection(settings: settings) { connection in
                try connection.query(SQL.observationsOf, [.textArray(["1.1", "1.2"]), .null]).map { $0.string(3) }
            }
            #expect(uids == ["1.1"])
        }
    }

    /// Policies come before what could leak a row: only leakproof conditions reach an index (`leakproof.sql`).
    @Test(
        arguments: [
            (["PatientID": "P1"], ["observation_patient"]), (["PatientID": "P1*"], ["observation_patient"]),
            (["AccessionNumber": "A1"], ["observation_accession"]),
            (["PatientName": "MUELLER^A*"], ["observation_name"]),
            (["PatientName": "MUELLER^ANNA"], ["observation_name"]),
            (["StudyInstanceUID": "1.1\\1.2"], ["observation_pkey"]),
            (["StudyInstanceUID": "1.1"], ["observation_pkey"]),
            (["StudyDate": "20200301-20200302"], ["observation_day", "observation_facility"]),
            (["PatientID": "P1", "StudyDate": "20200101-"], ["observation_patient"]), ([:], ["observation_facility"]),
        ] as [([String: String], [String])])
    func restrictedSearchesUseTheIndexThatIsMeantForThem(keys: [String: String], indexes: [String]) async throws {
        try await TestIndex.with { test in
            try await register(Self.rules, test)
            try await test.sweep("b", [.sample("1.1", [.patientID: "A1"]), .sample("1.2")])
            // So many that an index is worth it.
            try await test.sql(
                """
                INSERT INTO observation (study_uid, source_id, patient_id, accession_number, study_date, study_day,
                                         study_clock, name_id, issuer, facility_id, content_hash, first_seen, changed_at)
                SELECT '1.9.' || n, (SELECT id FROM source WHERE name = 'b'), 'Q' || n, 'B' || n, '20200101',
                       date '2010-01-01' + n % 5000, 0, -n, 'HOSP', (SELECT id FROM facility WHERE name = 'South'), '',
                       now(), now()
                FROM generate_series(1, 20000) n
                """)
            try await test.sql("ANALYZE observation")
            var query = StudyQuery()
            for (keyword, text) in keys {
                query.keys.append(
                    try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text))
            }
            let asSouth = try await asSouth(test)
            let seen = try await test.index.seen(within: .facilities(["South"]))
            let statement = try await test.pool.withConnection { [query] in
                try StudyIndex.statement(query, within: seen, $0)
            }
            let (sql, parameters) = keys.isEmpty ? statement.amongNewest() : statement.amongAll()
            let plan = try await test.pool.withConnection { connection in
                try connection.execute(script: asSouth + "; SET plan_cache_mode = force_custom_plan")
                return try connection.query("EXPLAIN " + sql, parameters).compactMap { $0.string(0) }
            }
            let text = plan.joined(separator: "\n")
            #expect(!text.contains("Seq Scan on observation"), "\(text)")
            #expect(indexes.contains { text.contains($0) }, "\(text)")
            // A facility's index finds a facility: whoever asks for one patient is not to read all of it.
            if !indexes.contains("observation_facility") {
                #expect(!text.contains("observation_facility"), "\(text)")
            }
        }
    }
}
