import ArgumentParser
import CMalloc
import COpenSSL
import Foundation

@main
struct Concord: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "One index over all of an enterprise's PACS.",
        discussion:
            "A first run: `concord init`, then `concord sweep`, `concord coverage`, `concord report --out report`.",
        subcommands: [
            InitCommand.self, MigrateCommand.self, DatabaseURLCommand.self, SourcesCommand.self, EchoCommand.self,
            ProbeCommand.self, FindCommand.self, SweepCommand.self, WorkCommand.self, ScheduleCommand.self,
            CoverageCommand.self, ReconcileCommand.self, ReportCommand.self, SearchCommand.self, ServeCommand.self,
            KeysCommand.self, AuditCommand.self, ShardsCommand.self, EdgeCommand.self, SimulateCommand.self,
            BenchCommand.self,
        ])

    /// Runs the command. Errors are one line on standard error; exit 2 for bad usage or configuration, 1 for others.
    static func main() async {
        shareHeaps()
        keepOpenSSL()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ConfigurationError {
            Terminal.complain("\(error)")
            Foundation.exit(2)
        } catch  where exitCode(for: error) == .validationFailure {
            let message = fullMessage(for: error)
            Terminal.complain(message)
            Foundation.exit(2)
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch  where exitCode(for: error) == .success {
            print(message(for: error))
            Foundation.exit(0)
        } catch {
            Terminal.complain("concord: \(error)")
            Foundation.exit(1)
        }
    }

    /// glibc gives each thread a heap of its own, and a sweep's records are freed on other threads than they were made on:
    /// two heaps keep a third less memory than sixteen.
    private static func shareHeaps() {
        _ = mallopt(M_ARENA_MAX, 2)
    }

    /// At exit OpenSSL would free what it keeps for threads that are just ending, which free it, too: one of thousands of runs
    /// crashed when its work was done.
    private static func keepOpenSSL() {
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}
