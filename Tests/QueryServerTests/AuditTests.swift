import Foundation
import Logging
import PostgresClient
import StudyIndex
import Testing

@testable import QueryServer

@Suite struct AuditSpoolTests {
    /// A directory of its own; `body` may leave what it wants in it.
    private func inDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-audit-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }

    private func record(_ query: String) -> AuditRecord {
        var record = AuditRecord(.query, means: "HTTP")
        record.query = query
        return record
    }

    /// What a file holds, and why it is not whole.
    private func read(_ directory: String) throws -> (records: [AuditRecord], batches: Int, rest: Int, fault: String?) {
        var chain = AuditChain()
        var records: [AuditRecord] = []
        let file = try #require(AuditFile.all(in: directory).last)
        let (batches, rest) = try file.batches(from: 0, upTo: 1 << 24)
        for (batch, sealed, _) in batches {
            if let fault = chain.take(batch, sealed: sealed) { return (records, chain.batches, rest, fault) }
            guard batch.number > 0 else { continue }
            records += try batch.records.map { try JSONDecoder().decode(AuditRecord.self, from: Data($0.utf8)) }
        }
        return (records, chain.batches, rest, nil)
    }

    @Test func whatIsAppendedIsOnDiskSealedAndAsItWas() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory)
            let texts = ["PatientName=O'NEIL\\\"^X", "line\nbreak\u{1}", "山田=太郎", "", "{\"seal\":1}"]
            for text in texts { try await spool.append(record(text)) }
            let (records, batches, rest, fault) = try read(directory)
            #expect(records.map(\.query) == texts)
            #expect(batches == texts.count + 1 && rest == 0 && fault == nil)
            #expect(records.allSatisfy { $0.time?.count == 27 })
            let file = try #require(AuditFile.all(in: directory).first)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            await spool.close()
            await #expect(throws: AuditError.self) { try await spool.append(record("late")) }
        }
    }

    /// Concurrent requests share the wait for the disk.
    @Test func recordsThatComeTogetherAreOneBatch() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2_000 { group.addTask { try await spool.append(record("\(number)")) } }
                try await group.waitForAll()
            }
            await spool.close()
            let (records, batches, _, fault) = try read(directory)
            #expect(Set(records.map(\.query)).count == 2_000)
            #expect(batches < 1_500 && fault == nil)
        }
    }

    /// After a crowd the next batch waits for as many: not for ever.
    @Test(.timeLimit(.minutes(1))) func aRecordAfterACrowdDoesNotWaitForAnother() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 { group.addTask { try await spool.append(record("\(number)")) } }
                try await group.waitForAll()
            }
            try await spool.append(record("alone"))
            #expect(try read(directory).records.last?.query == "alone")
            await spool.close()
        }
    }

    @Test(arguments: ["change", "remove a record", "remove a batch", "insert"])
    func whateverIsDoneToTheFileIsSeen(manipulation: String) async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory)
            for number in 0..<5 { try await spool.append(record("PatientID=P\(number)")) }
            await spool.close()
            #expect(try read(directory).fault == nil)
            let path = try #require(AuditFile.all(in: directory).first).path
            // A header and five records, each with its seal.
            var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
            try #require(lines.count == 12)
            switch manipulation {
            case "change": lines[4] = lines[4].replacing("P1", with: "P9")
            case "remove a record": lines.remove(at: 4)
            case "remove a batch": lines.removeSubrange(4...5)
            default: lines.insert(lines[4], at: 4)
            }
            try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: false, encoding: .utf8)
            #expect(try read(directory).fault != nil)
        }
    }

    /// A killed process leaves the beginning of a batch: nothing that it records was answered.
    @Test func aTornTailIsRecognisedAtEveryByte() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory)
            for number in 0..<3 { try await spool.append(record("PatientID=P\(number)")) }
            await spool.close()
            let path = try #require(AuditFile.all(in: directory).first).path
            let whole = try #require(FileManager.default.contents(atPath: path))
            for end in stride(from: whole.count - 1, to: whole.count - 300, by: -1) {
                try whole.prefix(end).write(to: URL(fileURLWithPath: path))
                let (records, _, rest, fault) = try read(directory)
                #expect(fault == nil)
                #expect(records.count < 3)
                #expect(rest > 0 || records.count == 2)
            }
        }
    }

    /// The next file says which one it follows, so that a whole file cannot be taken away.
    @Test func aFileFollowsOnTheOneBefore() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory, chainSize: 1_000)
            for number in 0..<12 { try await spool.append(record("PatientID=P\(number)")) }
            await spool.close()
            var chains: [AuditChain] = []
            let files = AuditFile.all(in: directory)
            for file in files {
                var chain = AuditChain()
                for (batch, sealed, _) in try file.batches(from: 0, upTo: 1 << 20).batches {
                    #expect(chain.take(batch, sealed: sealed) == nil)
                }
                chains.append(chain)
            }
            #expect(files.count > 2)
            #expect(chains.map(\.records).reduce(0, +) == 12)
            for (position, chain) in chains.enumerated().dropFirst() {
                #expect(chain.follows?.chain == files[position - 1].chain)
                #expect(chain.follows?.hash == chains[position - 1].seal)
            }
        }
    }

    @Test func aTrailThatCannotBeWrittenFails() async throws {
        try await inDirectory { directory in
            let spool = try AuditSpool(directory: directory, chainSize: 1)
            try FileManager.default.removeItem(atPath: directory)
            // The first still has its file; the next chain finds no directory.
            await #expect(throws: AuditError.self) { try await spool.append(record("1")) }
            await #expect(throws: AuditError.self) { try await spool.append(record("2")) }
            await spool.close()
        }
    }

    @Test func timesAreReadAsTheyAreWritten() {
        for microseconds in [0, 1_764_137_439_123_456, 951_782_400_000_001] as [Int64] {
            let line = record("x").line(at: AuditTime.text(microseconds))
            #expect(AuditTime.microseconds(ofRecord: line) == microseconds)
        }
        #expect(AuditTime.text(1_764_137_439_123_456) == "2025-11-26T06:10:39.123456Z")
    }

    @Test func recordsBecomeAuditMessages() throws {
        var query = record("/dicom-web/studies?PatientName=<O'NEIL>&x=\"1\"")
        query.actor = "ab12"
        query.name = "viewer & co"
        query.address = "10.0.0.1"
        query.outcome = .denied
        query.results = 3
        let line = query.line(at: AuditTime.text(1_764_137_439_123_456))
        let xml = try #require(AuditMessage(record: line, source: "CONCORD")).xml
        for part in [
            "EventDateTime=\"2025-11-26T06:10:39.123456Z\" EventOutcomeIndicator=\"4\"",
            "<EventID csd-code=\"110112\" codeSystemName=\"DCM\" originalText=\"Query\"/>",
            "<ActiveParticipant UserID=\"ab12\" UserName=\"viewer &amp; co\" UserIsRequestor=\"true\" NetworkAccessPointID=\"10.0.0.1\"",
            "<AuditSourceIdentification AuditSourceID=\"CONCORD\"/>",
        ] {
            #expect(xml.contains(part), "\(part)")
        }
        let encoded = try #require(xml.split(separator: "<ParticipantObjectQuery>").last?.split(separator: "<").first)
        let asked = try #require(Data(base64Encoded: String(encoded)))
        #expect(String(decoding: asked, as: UTF8.self).hasSuffix(query.query))
        #expect(AuditMessage(record: "{}", source: "CONCORD") == nil)
    }
}

/// The trail in the database.
@Suite(.serialized) struct AuditForwarderTests {
    private func append(_ number: Int, to spool: AuditSpool) async throws {
        var record = AuditRecord(.query, means: "HTTP")
        record.query = "PatientID=P\(number)"
        try await spool.append(record)
    }

    @Test func everyRecordArrivesOnceAndTheChainVerifiesThere() async throws {
        try await ServedIndex.withIndex { index, pool, directory in
            let logger = Logger(label: "test")
            let first = try AuditSpool(directory: directory)
            for number in 0..<10 { try await append(number, to: first) }
            await AuditForwarder(directory: directory, index: index, spool: first, logger: logger).forward()
            for number in 10..<15 { try await append(number, to: first) }
            // As if its process had been killed in the middle of a batch.
            await first.close()
            let path = try #require(AuditFile.all(in: directory).first).path
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("{\"time\":\"2026-11-26T06:10:39.123456Z\",\"event\":\"que".utf8))
            try handle.close()
            let torn = try await AuditVerification.run(directory: directory, index: index)
            #expect(torn.tornTails.count == 1 && torn.faults.isEmpty && torn.records == 15)

            let second = try AuditSpool(directory: directory)
            let forwarder = AuditForwarder(directory: directory, index: index, spool: second, logger: logger)
            await forwarder.forward()
            await forwarder.forward()
            #expect(AuditFile.all(in: directory).map(\.chain) == [second.chain])
            await second.close()
            await forwarder.forward()
            #expect(AuditFile.all(in: directory).isEmpty)
            var queries: [String] = []
            try await index.eachAuditRecord(within: 0..<Int64.max / 2) { line in
                let record = try JSONDecoder().decode(AuditRecord.self, from: Data(line.utf8))
                queries.append(record.event == .query ? record.query : record.event.rawValue)
            }
            #expect(queries == (0..<15).map { "PatientID=P\($0)" } + ["torn-tail"])
            let report = try await AuditVerification.run(directory: directory, index: index)
            #expect(report.chains == 2 && report.records == 16 && report.faults.isEmpty && report.tornTails.isEmpty)

            // Appended to, and nothing else; and if somebody takes that wall down, it is seen.
            for change in ["UPDATE audit SET record = 'x'", "DELETE FROM audit_seal", "TRUNCATE audit"] {
                await #expect(throws: (any Error).self) { try await pool.withConnection { try $0.query(change) } }
            }
            try await pool.withConnection {
                try $0.execute(
                    script: """
                        ALTER TABLE audit DISABLE TRIGGER append_only;
                        UPDATE audit SET record = replace(record, 'P3', 'P4') WHERE record LIKE '%P3%'
                        """)
            }
            #expect(try await AuditVerification.run(directory: directory, index: index).faults.count == 1)
        }
    }

    /// The database is away: the trail waits on disk.
    @Test func whatCannotBeForwardedStaysOnDisk() async throws {
        try await ServedIndex.withIndex { index, pool, directory in
            let spool = try AuditSpool(directory: directory)
            try await append(1, to: spool)
            await spool.close()
            let forwarder = AuditForwarder(
                directory: directory, index: index, spool: spool,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await pool.withConnection { try $0.execute(script: "ALTER TABLE audit RENAME TO away") }
            await forwarder.forward()
            #expect(AuditFile.all(in: directory).count == 1)
            try await pool.withConnection { try $0.execute(script: "ALTER TABLE away RENAME TO audit") }
            await forwarder.forward()
            #expect(AuditFile.all(in: directory).isEmpty)
            #expect(try await AuditVerification.run(directory: directory, index: index).records == 1)
        }
    }
}

@Suite struct LogTokensTests {
    @Test func tokensAreTheSameWithinAKeyAndNotBeyond() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "concord-key-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let token = try LogTokens(keyFile: path).token("MUELLER^ANNA")
        let other = try LogTokens(keyFile: path).token("MUELLER^ANNE")
        #expect(token.count == 16 && token != other)
        #expect(try LogTokens(keyFile: path).token("MUELLER^ANNA") == token)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -91 * 86_400)], ofItemAtPath: path)
        #expect(try LogTokens(keyFile: path).token("MUELLER^ANNA") != token)
        // RFC 4231, test case 2.
        #expect(
            hex(SHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }
}
