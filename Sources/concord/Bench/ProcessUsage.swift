import ArgumentParser
import Foundation

/// What one child process used, from its start to its end, as the kernel counted it.
struct ProcessUsage {
    var wall: Double
    /// User and system time, in seconds.
    var cpu: Double
    var peakMegabytes: Double

    /// Runs a program to its end. A program that fails throws.
    ///
    /// - Parameters:
    ///   - output: a file for what it prints; thrown away without.
    ///   - endings: exit codes of success.
    static func ofRunning(
        _ executable: String, _ arguments: [String], output: String = "/dev/null", endings: Set<Int32> = [0]
    ) throws -> ProcessUsage {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, descriptor == STDOUT_FILENO ? output : "/dev/null",
                O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of Swift's runtime block signals, and a child would inherit that: pgbench ends by an alarm.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ([executable] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var process = pid_t()
        let start = ContinuousClock.now
        guard posix_spawn(&process, executable, &actions, &attributes, words + [nil], environ) == 0 else {
            throw ValidationError("\(executable) cannot be run")
        }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0, errno == EINTR {}
        guard status & 0x7F == 0, endings.contains(status >> 8) else { throw ValidationError("\(executable) failed") }
        return ProcessUsage(
            wall: (ContinuousClock.now - start) / .seconds(1), cpu: usage.cpuSeconds,
            peakMegabytes: Double(usage.ru_maxrss) / 1_024)
    }
}

extension rusage {
    fileprivate var cpuSeconds: Double {
        Double(ru_utime.tv_sec + ru_stime.tv_sec) + Double(ru_utime.tv_usec + ru_stime.tv_usec) / 1_000_000
    }
}
