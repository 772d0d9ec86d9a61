import Foundation

/// Keeps all threads of this process on one core for a while.
enum OneCore {
    static func stay() throws { try allow("0") }
    static func leave() throws { try allow("0-\(ProcessInfo.processInfo.processorCount - 1)") }

    private static func allow(_ cores: String) throws {
        _ = try ProcessUsage.ofRunning("/usr/bin/taskset", ["-acp", cores, "\(getpid())"])
    }
}
