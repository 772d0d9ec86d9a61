import PostgresClient

/// A sealed batch of the audit trail, as a spool has it on disk.
package struct AuditBatch: Sendable, Hashable {
    package let number: Int64
    /// As they were hashed, without their line ends.
    package let records: [String]
    /// Of the batch before and of these records.
    package let hash: [UInt8]

    package init(number: Int64, records: [String], hash: [UInt8]) {
        self.number = number
        self.records = records
        self.hash = hash
    }

    /// What seals these records after a batch that was sealed by `previous`.
    package static func hash(after previous: [UInt8], _ records: [String]) -> [UInt8] {
        var bytes = previous
        for record in records {
            bytes.append(contentsOf: record.utf8)
            bytes.append(0x0A)
        }
        return SHA256.hash(bytes)
    }
}

/// The audit trail in the database, to which spools are forwarded.
extension StudyIndex {
    /// The last batch of a chain that has arrived; nil: none has.
    package func lastAuditBatch(of chain: String) async throws -> Int64? {
        try await pool.withConnection {
            try $0.query(SQL.auditForwarded, [.text(chain)]).first?.int(0).map(Int64.init)
        }
    }

    /// - Parameter recorded: the time of a record, in microseconds since 2000-01-01.
    package func appendAudit(
        _ batches: [AuditBatch], of chain: String, recorded: @escaping @Sendable (String) -> Int64
    ) async throws {
        guard !batches.isEmpty else { return }
        try await pool.transaction { connection in
            try connection.query(
                SQL.insertAuditSeals,
                [
                    .text(chain), .intArray(batches.map(\.number)), .intArray(batches.map { Int64($0.records.count) }),
                    .bytesArray(batches.map(\.hash)),
                ])
            try connection.copyIn(SQL.copyAudit) { writer in
                for batch in batches {
                    for (position, record) in batch.records.enumerated() {
                        writer.beginRow(columns: 5)
                        writer.append(text: chain)
                        writer.append(int8: batch.number)
                        writer.append(int4: Int32(truncatingIfNeeded: position))
                        writer.append(int8: recorded(record))
                        writer.append(text: record)
                    }
                }
            }
        }
    }

    package func auditChains() async throws -> [String] {
        try await pool.withConnection { try $0.query(SQL.auditChains).compactMap { $0.string(0) } }
    }

    /// Hands over a chain's batches in their order, with how many records each was sealed with.
    package func eachAuditBatch(
        of chain: String, _ body: (AuditBatch, _ sealed: Int) throws -> Void
    ) async throws {
        var last: Int64 = -1
        while true {
            let after = last
            let rows = try await pool.withConnection {
                try $0.query(SQL.auditBatches, [.text(chain), .int(after), .int(1_000)])
            }
            guard let end = rows.last?.int(0) else { return }
            for row in rows {
                let batch = AuditBatch(
                    number: Int64(row.int(0) ?? 0), records: row.strings(3) ?? [], hash: row.bytes(2) ?? [])
                try body(batch, row.int(1) ?? 0)
            }
            last = Int64(end)
        }
    }

    /// Hands over the records of a time, in microseconds since 1970, by chain and in their order.
    package func eachAuditRecord(within times: Range<Int64>, _ body: (String) throws -> Void) async throws {
        var (chain, batch, position) = ("", Int64(0), Int64(0))
        while true {
            let after: [PostgresValue] = [.text(chain), .int(batch), .int(position)]
            let rows = try await pool.withConnection {
                try $0.query(
                    SQL.auditRecords, after + [.int(times.lowerBound), .int(times.upperBound), .int(5_000)])
            }
            guard let end = rows.last else { return }
            for row in rows { try body(row.string(3) ?? "") }
            (chain, batch, position) = (end.string(0) ?? "", Int64(end.int(1) ?? 0), Int64(end.int(2) ?? 0))
        }
    }
}
