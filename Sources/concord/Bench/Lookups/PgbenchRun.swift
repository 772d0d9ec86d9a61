import ArgumentParser
import DICOM
import Foundation
import PostgresClient
import StudyIndex

/// The same statement that a search takes, asked by pgbench: what the database alone can do.
struct PgbenchRun {
    let connectionString: String
    let directory: String

    /// Transactions a second.
    ///
    /// - Parameters:
    ///   - sample: the text of `query`'s key.
    ///   - key: the same in pgbench's language, of the variable `k`, a study's key.
    func perSecond(
        _ query: StudyQuery, sample: String, key: String, studies: Int, clients: Int, seconds: Int
    ) throws -> Double {
        var (sql, parameters) = StudyIndex.statement(for: query)
        for (position, parameter) in parameters.enumerated().reversed() {
            let text =
                switch parameter {
                case .text(sample): key
                case .int(let value): "\(value)"
                default: throw ValidationError("a parameter that pgbench is not told of")
                }
            sql = sql.replacing("$\(position + 1)", with: text)
        }
        let script = directory + "/lookup.pgbench"
        try """
        \\set n random(0, \(studies - 1))
        \\set k \(LookupWorkload.keyExpression)
        \(sql.replacing("\n", with: " "));
        """.write(toFile: script, atomically: true, encoding: .utf8)
        let output = directory + "/pgbench.txt"
        _ = try ProcessUsage.ofRunning(
            try Self.executable(),
            [
                "--no-vacuum", "--protocol=prepared", "--client=\(clients)", "--jobs=2", "--time=\(seconds)",
                "--file=\(script)", connectionString + " options='-c plan_cache_mode=force_generic_plan -c jit=off'",
            ], output: output)
        let said = try String(contentsOfFile: output, encoding: .utf8)
        guard let rate = said.components(separatedBy: "tps = ").dropFirst().first?.split(separator: " ").first,
            let rate = Double(rate)
        else { throw ValidationError("pgbench said: \(said)") }
        return rate
    }

    private static func executable() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
        guard let version = versions.last else { throw ValidationError("pgbench is not installed") }
        return "\(root)/\(version)/bin/pgbench"
    }
}
