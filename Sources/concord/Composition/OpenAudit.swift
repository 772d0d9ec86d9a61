import Foundation
import Logging
import QueryServer
import StudyIndex

/// The audit trail of this process: its spool below the data directory, and what brings it to the database.
enum OpenAudit {
    /// Runs `body` with a spool, which is forwarded meanwhile and wholly at the end; what could not be is brought home by the
    /// next process.
    static func with<T: Sendable>(
        _ configuration: Configuration, _ index: StudyIndex, _ logger: Logger,
        _ body: (AuditSpool) async throws -> T
    ) async throws -> T {
        let directory = configuration.dataDirectory + "/audit"
        let spool = try AuditSpool(directory: directory)
        let forwarder = AuditForwarder(directory: directory, index: index, spool: spool, logger: logger)
        let forwarding = Task { await forwarder.run() }
        func end() async {
            forwarding.cancel()
            await forwarding.value
            await spool.close()
            await forwarder.forward()
        }
        do {
            let value = try await body(spool)
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }
}

extension AuditRecord {
    /// Something that a person does on the command line.
    init(_ event: Event, command: String, _ what: String) {
        self.init(event, means: "command")
        actor = NSUserName()
        object = command
        query = what
    }
}
