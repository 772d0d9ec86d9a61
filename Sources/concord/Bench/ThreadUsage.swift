import Foundation

/// The CPU that this process's living threads have used, by what they are for.
struct ThreadUsage: Codable, Sendable {
    /// Event loops: sockets, PDUs.
    var network = 0.0
    /// Swift's pool: data sets decoded, decisions made.
    var decoding = 0.0
    /// Threads of connections to PostgreSQL: rows encoded and sent.
    var sending = 0.0
    /// The most memory that the process has held, in MB. What `wait4` tells of a child includes its parent's.
    var peakMegabytes = 0.0

    static func now() -> ThreadUsage {
        let tasks = "/proc/self/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = peak.flatMap { Double($0.filter(\.isNumber)) } ?? 0
        return threads.reduce(into: ThreadUsage(peakMegabytes: kilobytes / 1_024)) { usage, thread in
            guard let seconds = ProcessStatistics("\(tasks)/\(thread)")?.own else { return }
            let name = (try? String(contentsOfFile: "\(tasks)/\(thread)/comm", encoding: .utf8)) ?? ""
            if name.hasPrefix("NIO") {
                usage.network += seconds
            } else if name.hasPrefix("postgres") {
                usage.sending += seconds
            } else {
                usage.decoding += seconds
            }
        }
    }
}

/// What the kernel counts of a process or thread, from its `stat`.
struct ProcessStatistics {
    /// User and system time, in seconds.
    var own: Double
    /// Of children that have ended.
    var ofChildren: Double
    var parent: Int

    /// - Parameter directory: e.g. `/proc/1`. nil: it has ended.
    init?(_ directory: String) {
        guard let text = try? String(contentsOfFile: "\(directory)/stat", encoding: .utf8),
            // The name before it may hold anything.
            let end = text.lastIndex(of: ")")
        else { return nil }
        // From the third field on, the state (proc(5)).
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 14, let parent = Int(fields[1]) else { return nil }
        let ticks = fields[11...14].compactMap { Double($0) }
        guard ticks.count == 4 else { return nil }
        let second = Double(sysconf(Int32(_SC_CLK_TCK)))
        self.parent = parent
        own = (ticks[0] + ticks[1]) / second
        ofChildren = (ticks[2] + ticks[3]) / second
    }
}
