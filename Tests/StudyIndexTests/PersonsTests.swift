import DICOM
import PostgresClient
import Testing

import struct DICOM.Tag

@testable import StudyIndex

@Suite struct PersonsTests {
    private static func record(_ uid: String, id: String, name: String, lossy: [Tag] = []) -> StudyRecord {
        var record = StudyRecord()
        record[.studyInstanceUID] = uid
        record[.patientID] = id
        record[.patientName] = name
        record[.patientBirthDate] = "19610512"
        record[.studyDate] = "20260101"
        return StudyRecord(texts: record.texts, lossy: lossy)
    }

    /// Source a has two patients, b and c one each. All but the second are taken for one human, the second for a possible one.
    private static func filled(_ test: TestIndex) async throws -> [PatientIdentity] {
        try await test.sweep(
            "a", [record("1.1", id: "A1", name: "Weber^Eva"), record("1.2", id: "A2", name: "Weber^Ewa")])
        try await test.sweep(
            "b", [record("2.1", id: "B1", name: "Weber^Eva"), record("2.2", id: "B1", name: "Weber^Eva")])
        try await test.sweep("c", [record("3.1", id: "C1", name: "WEBER^EVA")])
        return try await match(test)
    }

    private static func match(_ test: TestIndex, grade: String = "probable") async throws -> [PatientIdentity] {
        let patients = try await test.index.observedPatients().sorted { $0.patientID < $1.patientID }
        let position = { (id: String) in patients.firstIndex { $0.patientID == id } ?? 0 }
        func link(_ one: String, _ other: String, _ grade: String, _ caution: String = "") -> StoredPersonLink {
            StoredPersonLink(
                left: position(one), right: position(other), grade: grade, weight: 12, caution: caution,
                evidence: #"[{"comparison": "birth date", "agreement": "exact", "bits": 14.5}]"#)
        }
        try await test.index.replacePersons(
            patients,
            links: [
                link("A1", "B1", grade), link("B1", "C1", "probable"), link("A1", "A2", "review", "twins"),
            ], persons: [["A1", "B1", "C1"].map(position).sorted()])
        return patients
    }

    private func possible(
        _ test: TestIndex, _ uid: String, _ visibility: Visibility = .unrestricted
    ) async throws -> [String] {
        try await test.index.possibleStudies(ofHumanOf: uid, limit: 100, within: visibility).map {
            "\($0.studyUID) \($0.grade) \($0.patient.patientID) \($0.weight.map { "\($0)" } ?? "-") \($0.caution)"
        }
    }

    @Test func otherStudiesOfAHumanAreSuggestedByLinkOrPerson() async throws {
        try await TestIndex.with { test in
            let patients = try await Self.filled(test)
            #expect(patients.map(\.issuer) == ["HOSP", "HOSP", "HOSP", "OTHER"])
            #expect(
                try await possible(test, "1.1") == [
                    "2.1 probable B1 12.0 ", "2.2 probable B1 12.0 ", "3.1 probable C1 - ", "1.2 review A2 12.0 twins",
                ])
            #expect(try await possible(test, "1.2") == ["1.1 review A1 12.0 twins"])
            #expect(try await possible(test, "9.9").isEmpty)
            let first = try await test.index.possibleStudies(ofHumanOf: "1.1", limit: 1, within: .unrestricted)
            #expect(first.map(\.studyUID) == ["2.1"])
            #expect(first.first?.evidence.contains("birth date") == true)
        }
    }

    @Test func findingTheSameAgainWritesNothing() async throws {
        try await TestIndex.with { test in
            _ = try await Self.filled(test)
            let rows = """
                SELECT string_agg(id || ' ' || xmin || ' ' || coalesce(person_id, 0), ',' ORDER BY id)
                    || (SELECT string_agg(l.xmin || ' ' || l.grade, ',' ORDER BY left_id, right_id) FROM person_link l)
                FROM patient_identity
                """
            let before = try await test.sql(rows)[0].string(0)
            _ = try await Self.match(test)
            #expect(try await test.sql(rows)[0].string(0) == before)
            _ = try await Self.match(test, grade: "review")
            #expect(try await test.sql(rows)[0].string(0) != before)
            #expect(try await test.count("SELECT count(*) FROM person_link WHERE grade = 'review'") == 2)
        }
    }

    @Test func whoIsGoneIsForgotten() async throws {
        try await TestIndex.with { test in
            _ = try await Self.filled(test)
            try await test.index.replacePersons(
                try await test.index.observedPatients().filter { $0.patientID != "B1" }, links: [], persons: [])
            #expect(try await test.count("SELECT count(*) FROM patient_identity WHERE person_id IS NULL") == 3)
            #expect(try await test.count("SELECT count(*) FROM person_link") == 0)
            #expect(try await possible(test, "1.1").isEmpty)
        }
    }

    @Test func whatLostCharactersIsNotKnown() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [Self.record("1.1", id: "A1", name: "M?ller^Eva", lossy: [.patientName])])
            #expect(try await test.index.observedPatients().map(\.name) == [""])
        }
    }

    /// South sees b and A2 only: nothing of what joins them with A1 is told, nor anything by way of whom it does not see.
    @Test func facilitiesAreToldOfTheirOwnPatientsOnly() async throws {
        try await TestIndex.with { test in
            let rules = [
                "a": [
                    FacilityRule(facility: "North", patientIDPrefix: "A1"),
                    FacilityRule(facility: "South", patientIDPrefix: "A2"),
                ], "b": [FacilityRule(facility: "North", issuer: "HOSP")],
                "c": [FacilityRule(facility: "South", issuer: "OTHER")],
            ]
            _ = try await test.index.register(
                ["a", "b", "c"].enumerated().map { priority, name in
                    var source = SourceDefinition(
                        name: name, aeTitle: "PACS" + name.uppercased(), host: "localhost", port: 104,
                        issuer: name == "c" ? "OTHER" : "HOSP", priority: priority + 1,
                        limits: SourceLimits(queriesPerSecond: 1_000, associations: 2))
                    source.facilities = rules[name] ?? []
                    return source
                })
            _ = try await Self.filled(test)
            let (north, south) = (Visibility.facilities(["North"]), Visibility.facilities(["South"]))
            #expect(try await possible(test, "1.1", north) == ["2.1 probable B1 12.0 ", "2.2 probable B1 12.0 "])
            #expect(try await possible(test, "1.1", south).isEmpty)
            #expect(try await possible(test, "3.1", south).isEmpty)
            #expect(try await possible(test, "1.2", south).isEmpty)
            // The second wall, whatever a statement asks.
            let seen = try await test.index.seen(within: south)
            let identities = try await test.pool.withConnection(settings: seen.settings) {
                try $0.query("SELECT patient_id FROM patient_identity ORDER BY 1").map { $0.string(0) ?? "" }
            }
            #expect(identities == ["A2", "C1"])
            let links = try await test.pool.withConnection(settings: seen.settings) {
                try $0.query("SELECT 1 FROM person_link").count
            }
            #expect(links == 0)
        }
    }
}
