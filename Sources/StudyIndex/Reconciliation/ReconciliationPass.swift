import PostgresClient

/// What a pass of reconciliation has looked at and found.
package struct ReconciliationPass: Sendable {
    package let began: StudyIndex.ReconciliationState
    /// Of the rules, the sources and what is expected: a pass by another basis looks at everything.
    package let basis: String
    /// nil each: everything.
    package var studies: Set<String>?
    package var pairedStudies: Set<String>?
    package var found: [StoredDiscrepancy] = []
    /// Classes of which it is too early to say anything, by study.
    package var withheld: [(discrepancyClass: String, studyUID: String)] = []
    /// Studies to look at again though nothing changes, and when, in seconds since 1970.
    package var due: [String: Int] = [:]

    package init(began: StudyIndex.ReconciliationState, basis: String, isWhole: Bool) {
        self.began = began
        self.basis = basis
        studies = isWhole ? nil : []
        pairedStudies = isWhole ? nil : []
    }
}

extension StudyIndex {
    /// Enters what is new, keeps what is known, and resolves what was examined and not found any more; in one transaction.
    /// False, and nothing done: another pass has ended since this one began.
    ///
    /// - Parameter classes: those that one study decides, and those of pairs.
    package func end(
        _ pass: ReconciliationPass, classes: (ofStudies: [String], ofPairs: [String])
    ) async throws -> Bool {
        try await pool.transaction { connection in
            try connection.query(SQL.lockReconciliation)
            guard try connection.query(SQL.reconciliationPasses).first?.int(0) == pass.began.passes else {
                return false
            }
            try connection.query(SQL.stageFound)
            for start in stride(from: 0, to: pass.found.count, by: Int(Self.page)) {
                let part = pass.found[start..<min(pass.found.count, start + Int(Self.page))]
                try connection.query(
                    SQL.insertFound,
                    [
                        .textArray(part.map(\.discrepancyClass)), .textArray(part.map(\.severity)),
                        .textArray(part.map(\.studyUID)), .textArray(part.map { $0.otherUID ?? "" }),
                        .textArray(part.map { $0.sources.joined(separator: "\n") }), .textArray(part.map(\.frozen)),
                    ])
            }
            try connection.execute(script: "ANALYZE found")
            try connection.query(SQL.updateDiscrepancies)
            try connection.query(SQL.insertDiscrepancies)
            try connection.query(
                SQL.resolveDiscrepancies,
                [
                    Self.array(pass.studies), Self.array(pass.pairedStudies), .textArray(classes.ofStudies),
                    .textArray(classes.ofPairs), .textArray(pass.withheld.map(\.discrepancyClass)),
                    .textArray(pass.withheld.map(\.studyUID)),
                ])
            let due = pass.due.sorted { $0.key < $1.key }
            try connection.query(
                SQL.noteDue,
                [Self.array(pass.studies), .textArray(due.map(\.key)), .intArray(due.map { Int64($0.value) })])
            try connection.query(SQL.endReconciliation, [.text(pass.began.newest), .text(pass.basis)])
            return true
        }
    }

    private static func array(_ uids: Set<String>?) -> PostgresValue {
        uids.map { .textArray($0.sorted()) } ?? .null
    }

    /// Notes that people know of discrepancies and leave them; returns those that were open.
    package func acknowledge(_ ids: [Int], by actor: String, note: String) async throws -> [Int] {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.acknowledgeDiscrepancies, [.intArray(ids.map(Int64.init)), .text(actor), .text(note)]
            ).compactMap { $0.int(0) }
        }
    }
}
