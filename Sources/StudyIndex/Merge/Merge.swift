import DICOM
import PostgresClient

extension StudyIndex {
    /// Ends a slice together with everything that its answer changes, in one transaction fenced by its claim: kill any
    /// process at any moment, and both are there or neither.
    ///
    /// Observations are stored whatever the outcome (F10); only a complete slice lets absent ones be noted as missing.
    /// Throws `fenced` when the claim has run out. When the connection breaks, COMMIT may have taken effect or not: the same
    /// claim asks again, and is told that it has ended its slice already (with empty counts), or ends it.
    package func finish(
        _ slice: ClaimedSlice, outcome: SliceOutcome, records: [StudyRecord] = [], series: [SeriesRecord] = []
    ) async throws -> MergeCounts {
        for pause in Self.pausesForReconnecting {
            do { return try await finishOnce(slice, outcome, records, series) } catch let error as PostgresError
                where error.isLossOfConnection
            {
                try await clock.sleep(for: pause)
            }
        }
        return try await finishOnce(slice, outcome, records, series)
    }

    /// Long enough for a server that restarts, far shorter than a lease.
    private static let pausesForReconnecting: [Duration] = [
        .milliseconds(100), .milliseconds(500), .seconds(2), .seconds(5),
    ]

    private func finishOnce(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ records: [StudyRecord], _ series: [SeriesRecord]
    ) async throws -> MergeCounts {
        try await pool.transaction { connection in
            guard let ended = try Self.end(slice, outcome, connection) else {
                if try connection.query(SQL.endedClaim, [.int(slice.id), .uuid(slice.claimID)]).first != nil {
                    return MergeCounts()
                }
                throw IndexError(.fenced, "slice \(slice.id) is not leased to us any more")
            }
            if case .split(_, _, let children) = outcome {
                // The parts of a day remember it, and so do theirs.
                let day = ended.day ?? (slice.range.axis == .dates && slice.range.day != nil ? slice.id : nil)
                try Self.insert(children, run: ended.run, parent: slice.id, day: day, connection)
            }
            if case .complete = outcome { try Self.notePatientDays(slice, ended, records, connection) }
            var counts = try Self.merge(records, of: slice.sourceID, connection)
            if case .complete(let proof) = outcome {
                if slice.level == .series {
                    counts = try Self.mergeSeries(
                        series, of: slice.sourceID,
                        studies: slice.range.uids ?? Set(series.map(\.studyInstanceUID)).sorted(),
                        asked: proof.duration,
                        connection)
                } else {
                    try Self.noteAbsent(slice, proof, records, &counts, connection)
                }
            }
            try Self.noteCoverage(of: slice, outcome, ended, connection)
            return counts
        }
    }

    /// nil: the slice is not ours to end.
    private static func end(
        _ slice: ClaimedSlice, _ outcome: SliceOutcome, _ connection: PostgresConnection
    ) throws -> EndedSlice? {
        func end(_ state: String, _ proof: SliceProof, _ reason: String?) throws -> PostgresResult {
            try connection.query(
                SQL.finishSlice,
                [
                    .int(slice.id), .uuid(slice.claimID), .text(state), .int(Int64(proof.rawRows)),
                    .int(Int64(proof.distinctUIDs)), .int(Int64(proof.filteredOut)), .int(proof.uidDigest),
                    proof.finalStatus.map { .int(Int64($0)) } ?? .null, .double(proof.duration / .seconds(1)),
                    reason.map(PostgresValue.text) ?? .null,
                ])
        }
        let ended =
            switch outcome {
            case .complete(let proof): try end("complete", proof, nil)
            case .split(let proof, let reason, _): try end("split", proof, reason)
            case .irreducible(let proof, let reason): try end("irreducible", proof, reason)
            case .failed(let code, let message, let transient, let rest, let jitter):
                try connection.query(
                    SQL.retrySlice,
                    [
                        .int(slice.id), .uuid(slice.claimID), .double(rest / .seconds(1)), .text("\(code): \(message)"),
                        .int(transient ? Int64(maximumAttempts) : 0), .double(jitter),
                    ])
            case .deferred(let rest):
                try connection.query(
                    SQL.deferSlice, [.int(slice.id), .uuid(slice.claimID), .double(rest / .seconds(1))])
            }
        guard let row = ended.first, let run = row.int(0) else { return nil }
        return EndedSlice(
            run: Int64(run), parent: row.int(1).map(Int64.init), day: row.int(2).map(Int64.init),
            isDead: row.bool(3) ?? false)
    }

    /// Merges what one source says into observations and studies; unchanged observations are only compared.
    static func merge(
        _ records: [StudyRecord], of source: Int32, _ connection: PostgresConnection
    ) throws -> MergeCounts {
        var counts = MergeCounts()
        guard !records.isEmpty else { return counts }
        guard
            let issuer = try connection.query("SELECT issuer FROM source WHERE id = $1", [.int(Int64(source))]).first?
                .string(0)
        else { throw IndexError(.unknownSource, "observations of a source that was never registered") }
        // One row per study: of two patients under one UID at one source the first stands (the primary key is the UID).
        var seen: Set<String> = []
        let staged = records.compactMap { StagedObservation($0, issuer: issuer) }
            .filter { seen.insert($0.record.studyInstanceUID).inserted }
            .sorted { $0.record.studyInstanceUID < $1.record.studyInstanceUID }
        let differing = try connection.query(
            SQL.findChanged,
            [
                .int(Int64(source)), .textArray(staged.map(\.record.studyInstanceUID)),
                .bytesArray(staged.map(\.hash)),
                .textArray(
                    staged.contains { $0.record.institutionName != nil } ? staged.map(\.record.institutionName) : []),
            ])
        var changed: [StagedObservation] = []
        for row in differing {
            guard let position = row.int(0), staged.indices.contains(position - 1) else { continue }
            changed.append(staged[position - 1])
            if row.bool(1) == true { counts.new += 1 } else { counts.changed += 1 }
        }
        counts.unchanged = staged.count - changed.count
        guard !changed.isEmpty else { return counts }
        let names = changed.map(\.names)
        let ids = try nameIDs(of: Set(names.flatMap { [$0.patient, $0.physician] }.compactMap { $0 }), connection)
        try connection.query(SQL.staging)
        try connection.copyIn(SQL.copyStaged) { writer in
            for (observation, names) in zip(changed, names) { observation.write(to: &writer, names: names, ids: ids) }
        }
        let id = PostgresValue.int(Int64(source))
        let inserted = try connection.query(SQL.insertStudies, [id]).affectedRows
        if counts.changed > 0 { try connection.query(SQL.recordHistory, [id]) }
        try connection.query(SQL.upsertObservations, [id])
        if inserted < changed.count { try recomputeStudies(connection) }
        try connection.query(SQL.insertChanges)
        try connection.query(SQL.forgetAbsence, [id])
        return counts
    }

    /// Of the staged studies, those that existed before this merge.
    private static func recomputeStudies(_ connection: PostgresConnection) throws {
        try connection.query(SQL.recomputeStudies)
        // A plan made while the table was small would read all of it when it is large.
        _ = try connection.queryOnce(SQL.markUniform, [])
    }

    /// What a complete part of a pass over all patients shows of each day: an axis of its own beside dates. Parts overlap
    /// where a source ignores case in wildcards; each study counts in the part that its patient ID belongs to.
    private static func notePatientDays(
        _ slice: ClaimedSlice, _ ended: EndedSlice, _ records: [StudyRecord], _ connection: PostgresConnection
    ) throws {
        guard slice.level == .study, slice.range.dates == nil else { return }
        let belongs: (String) -> Bool
        switch slice.range.axis {
        case .prefixes: belongs = { $0.hasPrefix(slice.range.patientPrefix ?? "") }
        // A patient of a list is no part of a pass.
        case .patient where ended.parent != nil: belongs = { $0 == slice.range.patientID }
        default: return
        }
        var seen: Set<String> = []
        let dated = records.compactMap { record -> (uid: String, day: Int64)? in
            guard let date = record.studyDate, belongs(record.patientID),
                seen.insert(record.studyInstanceUID).inserted
            else { return nil }
            return (record.studyInstanceUID.storable, Int64(Days.number(date)))
        }
        guard !dated.isEmpty else { return }
        try connection.query(
            SQL.notePatientDays,
            [
                .int(ended.run), .int(Int64(slice.sourceID)), .textArray(dated.map(\.uid)),
                .intArray(dated.map(\.day)),
            ])
    }

    /// What a complete answer does not show.
    private static func noteAbsent(
        _ slice: ClaimedSlice, _ proof: SliceProof, _ records: [StudyRecord], _ counts: inout MergeCounts,
        _ connection: PostgresConnection
    ) throws {
        guard slice.level == .study else { return }
        let source = PostgresValue.int(Int64(slice.sourceID))
        switch slice.range.axis {
        case .dates:
            guard let dates = slice.range.dates else { return }
            counts.missing = try connection.query(
                SQL.noteMissing,
                [
                    source, .int(Int64(Days.number(dates.lower ?? .earliest))),
                    .int(Int64(Days.number(dates.upper ?? .latest))),
                    .textArray(records.map(\.studyInstanceUID.storable)), .double(proof.duration / .seconds(1)),
                ]
            ).affectedRows
        case .uids:
            let shown = Set(records.map(\.studyInstanceUID.storable))
            let absent = (slice.range.uids ?? []).filter { !shown.contains($0) }
            guard !absent.isEmpty else { return }
            for uid in absent { try connection.query(SQL.noteAbsence, [source, .text(uid)]) }
            try connection.query(SQL.lockStudies, [.textArray(absent)])
            try connection.query(SQL.staging)
            // What was merged just now is not part of this.
            try connection.query("DELETE FROM staged")
            counts.vanished = try connection.query(SQL.vanish, [source, .textArray(absent)]).affectedRows
            guard counts.vanished > 0 else { return }
            try recomputeStudies(connection)
            try connection.query(SQL.emptyStudies)
            try connection.query(SQL.insertChanges)
        case .times, .modalities, .prefixes, .patient: break
        }
    }
}
