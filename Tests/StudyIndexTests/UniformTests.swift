import DICOM
import PostgresClient
import SearchSuite
import Testing

@testable import StudyIndex

/// Where copies agree one row tells all: only where they do.
@Suite struct UniformTests {
    /// Studies, and copies, that say otherwise than a look at all copies tells.
    private static let wrong = """
        WITH told AS (
            SELECT study_uid,
                   bool_and(lossy IS NULL)
                   AND count(DISTINCT (patient_id, issuer, name_key, patient_name IS NULL, birth_day,
                       patient_birth_date IS NULL, patient_sex, study_day, study_date IS NULL, study_clock, study_time IS NULL,
                       accession_number, study_id, study_description, physician_name_id,
                       referring_physician_name IS NULL, modalities, series_count, number_of_study_related_series IS NULL,
                       instance_count, number_of_study_related_instances IS NULL)) = 1 AS uniform
            FROM observation WHERE vanished_at IS NULL GROUP BY study_uid)
        SELECT (SELECT count(*) FROM study LEFT JOIN told USING (study_uid)
                WHERE study.uniform <> coalesce(told.uniform, false))
             + (SELECT count(*) FROM observation JOIN told USING (study_uid)
                WHERE vanished_at IS NULL AND observation.uniform <> told.uniform)
        """

    private func uniform(_ test: TestIndex) async throws -> [String] {
        #expect(try await test.count(Self.wrong) == 0)
        return try await test.sql("SELECT study_uid FROM study WHERE uniform ORDER BY study_uid").compactMap {
            $0.string(0)
        }
    }

    @Test func aStudyIsUniformAsLongAsItsCopiesAgree() async throws {
        try await TestIndex.with { test in
            let plain = StudyRecord.sample("1.1")
            let lossy = StudyRecord(texts: StudyRecord.sample("1.2").texts, lossy: [.studyDescription])
            try await test.sweep("a", [plain, lossy])
            #expect(try await uniform(test) == ["1.1"])
            // What is not asked for may differ.
            try await test.sweep("b", [.sample("1.1", [.retrieveAETitle: "B", .patientName: "Mueller^Anna^"])])
            #expect(try await uniform(test) == ["1.1"])
            try await test.sweep("b", [.sample("1.1", [.studyDescription: nil])])
            #expect(try await uniform(test) == [])
            // A third changes nothing of that.
            try await test.sweep("c", [.sample("1.1", [.issuerOfPatientID: "HOSP"])])
            #expect(try await uniform(test) == [])
            try await test.sweep("b", [plain])
            #expect(try await uniform(test) == ["1.1"])
            // The same ID of another issuer is another.
            try await test.sweep("c", [plain])
            #expect(try await uniform(test) == [])
        }
    }

    @Test func aStudyIsUniformAgainWhenTheCopyThatDifferedIsGone() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1")])
            try await test.sweep("b", [.sample("1.1", [.patientSex: "O"])])
            #expect(try await uniform(test) == [])
            func vanish(_ source: String) async throws {
                try await test.sql(
                    "UPDATE observation SET missed_nights = 2, missing_since = now() WHERE source_id = $1",
                    [.int(Int64(test.source(source)))])
                #expect(try await test.sweep(source, SliceRange(uids: ["1.1"]), []).vanished == 1)
            }
            try await vanish("b")
            #expect(try await uniform(test) == ["1.1"])
            try await vanish("a")
            #expect(try await uniform(test) == [])
            #expect(try await test.search([:]).studies.isEmpty)
            try await test.sweep("b", [.sample("1.1", [.patientSex: "O"])])
            #expect(try await uniform(test) == ["1.1"])
            #expect(try await test.search(["PatientSex": "O"]).studies.map(\.holders) == [["PACSB"]])
        }
    }

    /// What was returned empty is known, and what was not returned is not: one row says so of both copies.
    @Test func aUniformStudyTellsEmptyFromUnknown() async throws {
        try await TestIndex.with { test in
            let changes: [[DICOM.Tag: String?]] = [
                [.modalitiesInStudy: "", .studyTime: ""], [.modalitiesInStudy: nil, .studyTime: nil],
            ]
            for (number, changes) in changes.enumerated() {
                for source in ["a", "b"] { try await test.sweep(source, [.sample("1.\(number)", changes)]) }
            }
            #expect(try await uniform(test) == ["1.0", "1.1"])
            for key in ["ModalitiesInStudy": "CT", "StudyTime": "1000-1200"] {
                let answer = try await test.search([key.key: key.value], limit: 1)
                #expect(answer.studies.map(\.record.studyInstanceUID) == ["1.1"])
                #expect(answer.undecidedSources == ["a"])
            }
        }
    }

    /// Looking at one row of the newest studies finds what looking at all copies does, row by row.
    @Test(arguments: [6, 7, 8] as [UInt64]) func itIsAnsweredFromOneRowAsFromAllCopies(seed: UInt64) async throws {
        try await TestIndex.with { test in
            var exercise = SearchExercise(seed: seed)
            let copies = exercise.copies(studies: 120)
            for source in ["a", "b", "c"] {
                try await test.sweep(source, copies.filter { $0.source == source }.map(\.record))
            }
            #expect(try await uniform(test).count > 10)
            var answers = 0
            for _ in 0..<200 {
                let query = exercise.query()
                let statement = SearchStatement(query, within: .all)
                let (newest, all) = (statement.amongNewest(), statement.amongAll())
                let found = try await test.sql(newest.sql, newest.parameters)
                let expected = try await test.sql(all.sql, all.parameters)
                #expect(Self.texts(found) == Self.texts(expected), "\(SearchExercise.describe(query))")
                answers += expected.count
            }
            #expect(answers > 1_000)
        }
    }

    private static func texts(_ result: PostgresResult) -> [[[UInt8]?]] {
        let columns = SearchStatement.placeColumns + 3 + AttributeDictionary.observation.count
        return result.map { row in (0..<columns).map(row.bytes) }
    }
}
