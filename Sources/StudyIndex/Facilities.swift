import DICOM
import PostgresClient

/// Facilities follow from the configuration. Where a source's rules have changed, its copies are assigned anew when its
/// sources are next registered, in batches, before anything else is done: until that has ended nobody who registers them
/// serves or sweeps, and a process that is killed meanwhile leaves the rest to the next. What is merged meanwhile obeys the new
/// rules at once.
extension StudyIndex {
    /// Copies assigned in one transaction.
    private static let assignedAtOnce: Int64 = 10_000

    static func register(
        _ rules: [FacilityRule], of source: PostgresValue, _ connection: PostgresConnection
    ) throws {
        if !rules.isEmpty {
            try connection.query(SQL.registerFacilities, [.textArray(rules.map(\.facility))])
        }
        try connection.query(
            SQL.registerFacilityRules,
            [
                source, .textArray(rules.map(\.facility)), .textArray(rules.map { $0.issuer ?? "" }),
                .textArray(rules.map { $0.patientIDPrefix ?? "" }), .textArray(rules.map { $0.accessionPrefix ?? "" }),
                .textArray(rules.map { $0.institution ?? "" }),
            ])
    }

    func assignFacilities() async throws {
        let sources = try await pool.withConnection { connection in
            try connection.query(SQL.sourcesToAssign).compactMap { $0.int(0).map { PostgresValue.int(Int64($0)) } }
        }
        for source in sources {
            var last = ""
            while true {
                let after = last
                let end = try await pool.transaction { connection in
                    try connection.query(
                        SQL.assignFacilities, [source, .text(after), .int(Self.assignedAtOnce)]
                    ).first?.string(0)
                }
                guard let end else { break }
                last = end
            }
            _ = try await pool.withConnection { try $0.query(SQL.facilitiesAssigned, [source]) }
        }
    }
}
