import DICOM
import PostgresClient
import SearchSuite
import TestCluster
import Testing

@testable import StudyIndex

@Suite struct MergeTests {
    @Test func newStudiesAreThereAndCounted() async throws {
        try await TestIndex.with { test in
            let counts = try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            #expect(counts.new == 2)
            #expect(try await test.count("SELECT count(*) FROM observation") == 2)
            #expect(
                try await test.count("SELECT count(*) FROM study WHERE source_ids = ARRAY[\(test.source("a"))]") == 2)
            #expect(try await test.count("SELECT count(*) FROM change") == 2)
        }
    }

    /// Promise 4.
    @Test func anUnchangedSliceWritesNoRow() async throws {
        try await TestIndex.with { test in
            let records = (1...50).map { StudyRecord.sample("1.\($0)") }
            try await test.sweep("a", records)
            let versions = """
                SELECT md5(string_agg(v, ',' ORDER BY v)) FROM (
                    SELECT 'o' || study_uid || xmin || ctid FROM observation
                    UNION ALL SELECT 's' || study_uid || xmin || ctid FROM study
                    UNION ALL SELECT 'n' || key || xmin || ctid FROM person_name
                    UNION ALL SELECT 'c' || study_uid || xmin || ctid FROM change) t (v)
                """
            let before = try await test.sql(versions)[0].string(0)
            let counts = try await test.sweep("a", records.reversed())
            #expect(counts.unchanged == 50)
            #expect(counts.new + counts.changed + counts.missing == 0)
            #expect(try await test.sql(versions)[0].string(0) == before)
        }
    }

    @Test func onlyTheChangedStudyIsWritten() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            let counts = try await test.sweep("a", [.sample("1.1"), .sample("1.2", [.studyDescription: "MR HEAD"])])
            #expect(counts.changed == 1 && counts.unchanged == 1)
            #expect(
                try await test.sql("SELECT study_description FROM study WHERE study_uid = '1.2'")[0].string(0)
                    == "MR HEAD")
            #expect(try await test.count("SELECT count(*) FROM observation WHERE changed_at > first_seen") == 1)
        }
    }

    /// What indexes of names cost is paid once for each name.
    @Test func aNameIsEnteredOnceForAllWhoHaveIt() async throws {
        try await TestIndex.with { test in
            try await test.sweep(
                "a",
                [
                    .sample("1.1", [.patientName: "HOUSE^G"]), .sample("1.2", [.patientName: "House^G^^"]),
                    .sample("1.3", [.patientName: nil, .referringPhysicianName: ""]),
                ])
            let names = "SELECT string_agg(key || ' ' || xmin, ',' ORDER BY key) FROM person_name"
            let before = try await test.sql(names)[0].string(0)
            #expect(try await test.count("SELECT count(*) FROM person_name") == 2)
            #expect(
                try await test.count("SELECT count(*) FROM observation WHERE name_id = physician_name_id") == 2)
            #expect(
                try await test.count(
                    "SELECT count(*) FROM observation WHERE name_id IS NULL AND physician_name_id IS NOT NULL") == 1)
            try await test.sweep("b", [.sample("1.4", [.patientName: "HOUSE^G"])])
            #expect(try await test.sql(names)[0].string(0) == before)
        }
    }

    @Test func concurrentMergesOfTheSameNewNamesAgree() async throws {
        try await TestIndex.with { test in
            let index = test.index
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (position, source) in ["a", "b", "c"].enumerated() {
                    let slice = try await test.claimed(source)
                    let records = (0..<200).map { number in
                        StudyRecord.sample(
                            "1.\(position).\(number)",
                            [.patientName: "N\(number * (position + 1) % 201)", .referringPhysicianName: "N\(number)"])
                    }
                    group.addTask {
                        _ = try await index.finish(
                            slice, outcome: .complete(.of(records.count)), records: records)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await test.count("SELECT count(*) FROM observation") == 600)
            #expect(
                try await test.count(
                    """
                    SELECT count(*) FROM observation o JOIN person_name n ON n.id = o.name_id AND n.key = o.name_key
                    """) == 600)
        }
    }

    /// Somebody else's server may not let us install what the schema needs.
    @Test func aMissingExtensionIsSaidWithWhatToDo() async throws {
        let connectionString = try await TestCluster.shared.database()
        let owner = PostgresPool(connectionString: connectionString, size: 1)
        try await owner.withConnection {
            try $0.execute(
                script: """
                    DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN; GRANT CREATE ON SCHEMA public TO guest
                    """)
        }
        await owner.close()
        let pool = PostgresPool(
            connectionString: connectionString.replacing("user=concord", with: "user=guest"), size: 1)
        await #expect(throws: IndexError(.extensionMissing, "")) { try await StudyIndex(pool: pool).migrate() }
        await pool.close()
    }

    @Test func notReturnedAndReturnedEmptyAreDifferent() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1", [.accessionNumber: nil])])
            let counts = try await test.sweep("a", [.sample("1.1", [.accessionNumber: ""])])
            #expect(counts.changed == 1)
        }
    }

    /// Promise 5.
    @Test func thePatientComesFromOneSourceAndTheRestFromTheBestThatKnows() async throws {
        try await TestIndex.with { test in
            try await test.sweep(
                "b", [.sample("1.1", [.patientID: "B9", .patientBirthDate: "19610101", .studyID: "SB"])])
            try await test.sweep(
                "a", [.sample("1.1", [.patientID: "A7", .patientBirthDate: nil, .studyID: "", .accessionNumber: "AA"])])
            let row = try await test.sql(
                "SELECT patient_id, patient_birth_date, study_id, accession_number, provenance[2], provenance[10] FROM study"
            )[0]
            #expect((0...3).map { row.string($0) } == ["A7", nil, "SB", "AA"])
            let provenance = try await test.sql(
                "SELECT provenance[2], provenance[10], source_ids[1], source_ids[2] FROM study")[0]
            let (a, b) = (Int(test.source("a")), Int(test.source("b")))
            #expect((0...3).map { provenance.int($0) } == [a, b, a, b])
        }
    }

    @Test func whatACompleteAnswerDoesNotShowIsNotedUntilItIsSeenAgain() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2"), .sample("1.3", [.studyDate: "20210101"])])
            let counts = try await test.sweep("a", .dates("20200301-20200331"), [.sample("1.1")])
            #expect(counts.missing == 1)
            #expect(
                try await test.sql("SELECT study_uid FROM observation WHERE missing_since IS NOT NULL").map {
                    $0.string(0)
                } == ["1.2"])
            // Noted once: the second time writes nothing.
            #expect(try await test.sweep("a", .dates("20200301-20200331"), [.sample("1.1")]).missing == 0)
            #expect(try await test.sweep("a", .dates("20200315"), [.sample("1.1"), .sample("1.2")]).changed == 1)
            #expect(try await test.count("SELECT count(*) FROM observation WHERE missing_since IS NOT NULL") == 0)
        }
    }

    @Test func anIncompleteAnswerProvesNothingMissing() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2")])
            let slice = try await test.claimed("a", .dates("20200315"))
            _ = try await test.index.finish(
                slice, outcome: .irreducible(.of(1), reason: "cropped"), records: [.sample("1.1")])
            #expect(try await test.count("SELECT count(*) FROM observation WHERE missing_since IS NOT NULL") == 0)
        }
    }

    /// Without the lock on `study` before recomputing, one of two concurrent merges of a study does not see the other's copy.
    @Test func concurrentMergesOfTheSameStudiesLoseNoCopy() async throws {
        try await TestIndex.with(connections: 6) { test in
            for round in 0..<12 {
                let uids = (0..<40).map { "1.\(round).\($0)" }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for source in ["a", "b", "c"] {
                        group.addTask {
                            try await test.sweep(
                                source, .dates("19000101"), uids.shuffled().map { .sample($0, [.studyID: source]) })
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await test.count("SELECT count(*) FROM observation") == 12 * 40 * 3)
            #expect(
                try await test.count("SELECT count(*) FROM study WHERE cardinality(source_ids) = 3 AND study_id = 'a'")
                    == 12 * 40)
        }
    }

    /// An index that all current copies are in must not tempt to read all of it for the copies of one study.
    @Test func theCopiesOfAStudyAreReadByTheirKeyAlone() async throws {
        try await TestIndex.with { test in
            try await test.sql("ALTER TABLE observation SET (autovacuum_enabled = false)")
            try await test.sweep("a", (1...2_000).map { .sample("1.\($0)") })
            let plan = try await test.sql(
                "EXPLAIN SELECT * FROM observation WHERE study_uid = '1.5' AND vanished_at IS NULL"
            ).compactMap { $0.string(0) }.joined(separator: "\n")
            #expect(plan.contains("observation_pkey") && !plan.contains("observation_name"), "\(plan)")
        }
    }

    /// F47, F69: nothing that a source sends makes the merge fail.
    @Test func hostileTextsAreStoredAndDoNotStopTheSlice() async throws {
        try await TestIndex.with { test in
            // Incompressible, so that no index entry can hold it.
            var random = SplitMix(seed: 3)
            let long = String(
                (0..<65_536).map { _ in Character(Unicode.Scalar(UInt8.random(in: 0x21...0x7E, using: &random))) })
            let counts = try await test.sweep(
                "a",
                [
                    .sample("1.1", [.patientName: long, .patientID: long, .accessionNumber: long]),
                    .sample(
                        "1.2", [.patientID: "A\u{0}B", .modalitiesInStudy: "C\u{0}T\\MR", .patientName: "X\u{0}Y"]),
                    .sample("1.3\u{0}4"), .sample(""), .sample(String(repeating: "1", count: 5_000)),
                    .sample("1.5"), .sample("1.5", [.patientID: "P2"]),
                    .sample("1.6", [.studyDate: "00010101", .patientBirthDate: "99991231", .studyTime: "996000"]),
                    .sample("1.7", [.numberOfStudyRelatedInstances: "99999999999"]),
                ])
            #expect(counts.new == 6)
            #expect(try await test.search(["PatientID": long]).studies.map(\.record.studyInstanceUID) == ["1.1"])
            #expect(try await test.search(["AccessionNumber": String(long.prefix(64))]).studies.isEmpty)
        }
    }

    @Test func spacesAtTheEndsAreNotStored() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1", [.patientID: " P1 ", .accessionNumber: "A1 "])])
            #expect(try await test.search(["PatientID": "P1", "AccessionNumber": "A1"]).total == 1)
        }
    }
}
