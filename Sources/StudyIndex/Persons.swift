import DICOM
import PostgresClient

/// Two patients that are possibly one human.
package struct StoredPersonLink: Sendable, Hashable {
    /// Positions among the patients that were read.
    package let left: Int
    package let right: Int
    /// `probable`, or `review`: for a person to decide.
    package let grade: String
    /// log2 of the odds.
    package let weight: Double
    /// Why it is for review whatever it weighs; "".
    package let caution: String
    /// JSON: what each comparison says, and what that weighs.
    package let evidence: String

    package init(left: Int, right: Int, grade: String, weight: Double, caution: String, evidence: String) {
        self.left = left
        self.right = right
        self.grade = grade
        self.weight = weight
        self.caution = caution
        self.evidence = evidence
    }
}

extension StudyIndex {
    /// What live observations say of their patients, each once.
    package func observedPatients() async throws -> [PatientIdentity] {
        try await pool.withConnection { try $0.query(SQL.observedPatients).map { Self.patient($0, from: 0) } }
    }

    private static func patient(_ row: PostgresRow, from column: Int) -> PatientIdentity {
        func text(_ offset: Int) -> String { row.string(column + offset) ?? "" }
        return PatientIdentity(issuer: text(0), patientID: text(1), name: text(2), birthDate: text(3), sex: text(4))
    }

    /// Replaces what is known of persons.
    ///
    /// - Parameters:
    ///   - persons: positions of the patients that are probably one human, for each of them.
    package func replacePersons(
        _ patients: [PatientIdentity], links: [StoredPersonLink], persons: [[Int]]
    ) async throws {
        var personOf = [Int32?](repeating: nil, count: patients.count)
        for (number, person) in persons.enumerated() {
            for position in person { personOf[position] = Int32(number) }
        }
        let memberships = personOf
        try await pool.transaction { connection in
            try connection.execute(script: SQL.stagingPersons)
            try connection.copyIn(SQL.copyStagedIdentities) { writer in
                for (number, patient) in patients.enumerated() {
                    writer.beginRow(columns: 7)
                    writer.append(int4: Int32(number))
                    for text in [patient.issuer, patient.patientID, patient.name, patient.birthDate, patient.sex] {
                        writer.append(text: text)
                    }
                    writer.append(int4: memberships[number])
                }
            }
            try connection.copyIn(SQL.copyStagedLinks) { writer in
                for link in links {
                    writer.beginRow(columns: 6)
                    writer.append(int4: Int32(link.left))
                    writer.append(int4: Int32(link.right))
                    for text in [link.grade, "\(link.weight)", link.caution, link.evidence] {
                        writer.append(text: text)
                    }
                }
            }
            try connection.execute(script: SQL.replacePersons)
        }
    }

    /// A study that is possibly of the same human as another one.
    package struct PossibleStudy: Sendable, Hashable {
        package let studyUID: String
        /// As the study's source names its patient.
        package let patient: PatientIdentity
        package let grade: String
        /// nil: both patients are joined by way of others.
        package let weight: Double?
        package let caution: String
        package let evidence: String
    }

    /// Other studies that are possibly of the human of this one, those that probably are first. Suggestions: nothing else in
    /// the index follows them.
    package func possibleStudies(
        ofHumanOf uid: String, limit: Int, within visibility: Visibility
    ) async throws -> [PossibleStudy] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            try connection.query(
                SQL.possibleStudies, [.text(uid.storable), seen.parameter, .int(Int64(limit))]
            ).map { row in
                PossibleStudy(
                    studyUID: row.string(0) ?? "", patient: Self.patient(row, from: 1), grade: row.string(6) ?? "",
                    weight: row.double(7), caution: row.string(8) ?? "", evidence: row.string(9) ?? "[]")
            }
        }
    }
}
