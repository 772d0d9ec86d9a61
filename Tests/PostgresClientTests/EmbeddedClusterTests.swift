import Foundation
import Testing

@testable import PostgresClient

@Suite(.serialized) struct EmbeddedClusterTests {
    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "concord-\(UUID())").path
        try await body(directory)
        try FileManager.default.removeItem(atPath: directory)
    }

    private let quick = ["fsync": "off"]

    @Test func itStartsKeepsItsDataAndStopsWithItsLastUser() async throws {
        try await withDirectory { directory in
            let first = try await EmbeddedCluster.start(dataDirectory: directory, settings: quick)
            let second = try await EmbeddedCluster.start(dataDirectory: directory, settings: quick)
            #expect(first.connectionString == second.connectionString)
            let pool = PostgresPool(connectionString: first.connectionString, size: 1)
            try await pool.withConnection { try $0.execute(script: "CREATE TABLE kept AS SELECT 7 AS seven") }
            await pool.close()

            await first.stop()
            let still = PostgresPool(connectionString: second.connectionString, size: 1)
            #expect(try await still.withConnection { try $0.query("SELECT seven FROM kept")[0].int(0) } == 7)
            await still.close()

            await second.stop()
            #expect(throws: PostgresError.self) { _ = try PostgresConnection(connectionString: first.connectionString) }
            let socket = first.connectionString.dropFirst("host=".count).prefix { $0 != " " }
            #expect(!FileManager.default.fileExists(atPath: String(socket)), "it is left behind")

            let again = try await EmbeddedCluster.start(dataDirectory: directory, settings: quick)
            let pool2 = PostgresPool(connectionString: again.connectionString, size: 1)
            #expect(try await pool2.withConnection { try $0.query("SELECT seven FROM kept")[0].int(0) } == 7)
            await pool2.close()
            await again.stop()
        }
    }

    /// As below /root.
    @Test(.enabled(if: geteuid() == 0)) func aDirectoryThatTheServersUserCannotEnterHoldsNoCluster() async throws {
        try await withDirectory { directory in
            let files = FileManager.default
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let closed = directory + "/closed"
            try files.createDirectory(
                atPath: closed, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let layout = try ClusterLayout(dataDirectory: closed + "/data", publicDirectory: directory + "/public")
            try layout.initializeIfNeeded()
            #expect(layout.cluster.hasPrefix(directory + "/public/"))
            #expect(files.fileExists(atPath: layout.cluster + "/PG_VERSION"))
        }
    }

    @Test func aKilledServerIsStartedAgain() async throws {
        try await withDirectory { directory in
            let first = try await EmbeddedCluster.start(dataDirectory: directory)
            let pool = PostgresPool(connectionString: first.connectionString, size: 1)
            let path = try await pool.withConnection { try $0.query("SHOW data_directory")[0].string(0) }
            await pool.close()
            let pidFile = try String(contentsOfFile: try #require(path) + "/postmaster.pid", encoding: .utf8)
            let pid = try #require(pidFile.split(separator: "\n").first.flatMap { Int32($0) })
            kill(pid, SIGKILL)
            let second = try await EmbeddedCluster.start(dataDirectory: directory)
            let pool2 = PostgresPool(connectionString: second.connectionString, size: 1)
            #expect(try await pool2.withConnection { try $0.query("SELECT 1")[0].int(0) } == 1)
            await pool2.close()
            await second.stop()
            await first.stop()
        }
    }

    /// The server goes on with it, and shows it to nobody until it is done.
    @Test func aProcessThatWasKilledWhileItMadeTheDatabaseStopsNoOther() async throws {
        try await withDirectory { directory in
            let first = try await EmbeddedCluster.start(dataDirectory: directory)
            let address = first.connectionString.replacing("dbname=concord", with: "dbname=template1")
            let pool = PostgresPool(connectionString: address, size: 1)
            try await pool.withConnection { connection in
                try connection.execute(script: "DROP DATABASE concord")
            }
            await pool.close()
            let killed = Process()
            killed.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
            killed.arguments = [
                "-qX", first.connectionString.replacing("dbname=concord", with: "dbname=postgres"), "-c",
                "CREATE DATABASE concord",
            ]
            try killed.run()
            // While it waits for its copy of the template.
            while killed.isRunning, try !isMakingADatabase(first) {}
            let second = try await EmbeddedCluster.start(dataDirectory: directory)
            killed.waitUntilExit()
            _ = try PostgresConnection(connectionString: second.connectionString)
            await second.stop()
            await first.stop()
        }
    }

    private func isMakingADatabase(_ cluster: EmbeddedCluster) throws -> Bool {
        let address = cluster.connectionString.replacing("dbname=concord", with: "dbname=postgres")
        let connection = try PostgresConnection(connectionString: address)
        return try connection.query(
            "SELECT 1 FROM pg_stat_activity WHERE query = 'CREATE DATABASE concord' AND state = 'active'"
        ).isEmpty == false
    }
}
