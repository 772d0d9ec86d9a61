import ArgumentParser
import Foundation
import Logging

struct GlobalOptions: ParsableArguments {
    @Option(name: .long, help: "The configuration (default: ./concord.yaml, then /etc/concord/concord.yaml).")
    var config: String?

    @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .error

    @Flag(name: .long, help: "Logs as JSON lines.")
    var jsonLogs = false

    func configuration() throws -> Configuration { try Configuration.load(config) }

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { label in
            if jsonLogs { return JSONLogHandler(label: label) as any LogHandler }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = logLevel
        return logger
    }
}

extension Logger.Level: ArgumentParser.ExpressibleByArgument {}
