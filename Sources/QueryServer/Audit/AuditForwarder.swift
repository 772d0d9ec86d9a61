import Foundation
import Logging
import StudyIndex

/// Brings what spools have sealed to the database, and removes files that have wholly arrived and are written no more.
///
/// One for each process; files of processes that were killed are brought home by whoever comes next. Nothing is forwarded
/// that does not follow on what was sealed before.
package struct AuditForwarder: Sendable {
    let directory: String
    let index: StudyIndex
    let spool: AuditSpool
    let logger: Logger
    /// Bytes read at once.
    private static let portion = 4 << 20

    package init(directory: String, index: StudyIndex, spool: AuditSpool, logger: Logger) {
        self.directory = directory
        self.index = index
        self.spool = spool
        self.logger = logger
    }

    /// Until it is cancelled. Little at a time, often: much at once would keep those waiting who ask meanwhile.
    package func run(
        every pause: Duration = .milliseconds(100), _ clock: any Clock<Duration> = ContinuousClock()
    ) async {
        var positions: [String: Position] = [:]
        while !Task.isCancelled {
            await forward(&positions)
            try? await clock.sleep(for: pause)
        }
    }

    /// All that is sealed now.
    package func forward() async {
        var positions: [String: Position] = [:]
        await forward(&positions)
    }

    private struct Position {
        var offset = 0
        var chain = AuditChain()
        /// What is before it is in the database already.
        var arrived: Int64 = -1
        var isBroken = false
    }

    private func forward(_ positions: inout [String: Position]) async {
        for file in AuditFile.all(in: directory) {
            do {
                guard positions[file.chain]?.isBroken != true else { continue }
                // The other files are those of processes that live, and forward them.
                let abandoned = file.takeOver()
                guard abandoned != nil || file.chain == spool.chain else { continue }
                var position = positions[file.chain] ?? Position()
                if positions[file.chain] == nil {
                    position.arrived = try await index.lastAuditBatch(of: file.chain) ?? -1
                }
                let rest = try await forward(file, &position)
                positions[file.chain] = position
                guard abandoned != nil, !position.isBroken else { continue }
                if rest > 0 {
                    var record = AuditRecord(.tornTail, means: "audit")
                    record.outcome = .failed
                    record.object = file.chain
                    record.status = rest
                    try await spool.append(record)
                }
                try FileManager.default.removeItem(atPath: file.path)
                positions[file.chain] = nil
            } catch {
                // It stays on disk, and is tried again from what the database has.
                positions[file.chain] = nil
                logger.error("the audit trail was not forwarded", metadata: ["error": "\(error)"])
                return
            }
        }
    }

    /// - Returns: how many bytes lie behind the last seal.
    private func forward(_ file: AuditFile, _ position: inout Position) async throws -> Int {
        var most = Self.portion
        while true {
            let (batches, rest) = try file.batches(from: position.offset, upTo: most)
            guard let end = batches.last?.end else {
                guard rest == most else { return rest }
                most *= 2
                continue
            }
            var new: [AuditBatch] = []
            for (batch, sealed, _) in batches {
                if let fault = position.chain.take(batch, sealed: sealed) {
                    position.isBroken = true
                    logger.critical(
                        "the audit trail was changed", metadata: ["chain": "\(file.chain)", "error": "\(fault)"])
                    break
                }
                if batch.number > position.arrived { new.append(batch) }
            }
            try await index.appendAudit(new, of: file.chain) { record in
                AuditTime.microseconds(ofRecord: record) - Self.epoch2000
            }
            position.arrived = max(position.arrived, new.last?.number ?? -1)
            position.offset = end
            if position.isBroken { return 0 }
        }
    }

    /// 2000-01-01 in microseconds since 1970.
    private static let epoch2000: Int64 = 946_684_800_000_000
}
