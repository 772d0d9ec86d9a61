/// Fetches one object into a file, and goes on with it after any interruption, of the link or of this process: what is there
/// is verified MiB by MiB, and no byte of it is asked for again.
struct Download {
    let origin: any ShardOrigin
    let retry: Retry
    let pace: Pace
    let report: @Sendable (Int) -> Void

    /// How long a link may fail, and how the attempts are spread.
    struct Retry: Sendable {
        /// Attempts in a row that brought nothing.
        var attempts = 8
        var first = Duration.milliseconds(500)
        var longest = Duration.seconds(60)
        var clock: any Clock<Duration> = ContinuousClock()
        /// 0…1.
        var random: @Sendable () -> Double = { Double.random(in: 0...1) }

        /// Full jitter: 150 sites that lost one server do not come back together.
        func pause(after failures: Int) async throws {
            let most = min(longest, first * (1 << min(failures - 1, 16)))
            try await clock.sleep(for: most * random())
        }

        /// Runs `body` until it succeeds, an error ends it, or `attempts` in a row brought nothing. `progress` grows with what
        /// was brought.
        func run<T>(progress: () -> Int = { 0 }, _ body: () async throws -> T) async throws -> T {
            var failures = 0
            var last = progress()
            while true {
                do { return try await body() } catch let error as ShardError where error.isWorthRetrying {
                    if progress() > last { failures = 0 }
                    last = progress()
                    failures += 1
                    guard failures < attempts else { throw error }
                    try await pause(after: failures)
                }
            }
        }
    }

    func fetch(_ path: String, _ envelope: Envelope, into file: String) async throws {
        let partial = try PartialObject(file, envelope)
        report(partial.received)
        try await retry.run(progress: { partial.received }) {
            guard partial.received < envelope.length else { return }
            try await origin.bytes(of: path, partial.received..<envelope.length, length: envelope.length) { bytes in
                try await pace.take(bytes.count)
                try partial.append(bytes)
                report(partial.received)
            }
            guard partial.received == envelope.length else {
                throw ShardError(.transfer, "the origin sent \(partial.received) of \(envelope.length) bytes")
            }
        }
        try partial.finish()
    }
}

extension ShardError {
    /// The origin, or the link to it, may do better next time.
    var isWorthRetrying: Bool { [.transfer, .timeout, .wrongHash].contains(code) }
}

/// An object as far as it has come.
final class PartialObject {
    private let envelope: Envelope
    private let output: OutputFile
    private let hasher = SHA256Hasher()
    /// Bytes in the file, of which those up to `verified` are known to be right.
    private(set) var received = 0
    private(set) var verified = 0

    init(_ path: String, _ envelope: Envelope) throws {
        self.envelope = envelope
        output = try OutputFile(path, appending: true)
        let input = try InputFile(path)
        let there = min(input.size, envelope.length)
        do {
            while received < there {
                let count = min(nextPiece - received, there - received)
                try note(try input.read(at: received, count: count))
            }
        } catch let error as ShardError where error.code == .wrongHash {
            // A power cut leaves blocks that were never written; `note` has cut them off.
        }
        if input.size > received { try output.truncate(to: received) }
    }

    private var nextPiece: Int { min((verified / PieceHasher.size + 1) * PieceHasher.size, envelope.length) }

    func append(_ bytes: [UInt8]) throws {
        guard bytes.count <= envelope.length - received else {
            throw ShardError(.transfer, "the origin sent more bytes than the object has")
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(nextPiece - received))
            try part.withUnsafeBytes(output.write)
            try note(part)
            rest = rest.dropFirst(part.count)
        }
    }

    /// Bytes that are in the file, and do not reach beyond a piece.
    private func note(_ bytes: [UInt8]) throws {
        hasher.update(bytes)
        received += bytes.count
        guard received == nextPiece else { return }
        guard hasher.finish() == envelope.pieces[verified / PieceHasher.size] else {
            received = verified
            try output.truncate(to: verified)
            throw ShardError(.wrongHash, "a part of an object arrived with a wrong SHA-256")
        }
        verified = received
    }

    /// All of it is there.
    func finish() throws {
        guard verified == envelope.length else { throw ShardError(.wrongHash, "an object is not whole") }
        try output.sync()
    }
}

/// Spreads bytes over time, so that a sync leaves a link to those who work on it.
actor Pace {
    /// nil: as fast as it goes.
    private let bytesPerSecond: Double?
    private let clock: any Clock<Duration>
    private var owed = Duration.zero

    init(bytesPerSecond: Int?, clock: any Clock<Duration> = ContinuousClock()) {
        self.bytesPerSecond = bytesPerSecond.map(Double.init)
        self.clock = clock
    }

    /// Waits as long as these bytes may take.
    func take(_ count: Int) async throws {
        guard let bytesPerSecond else { return }
        owed += .seconds(Double(count) / bytesPerSecond)
        // Short pauses cost more than they spread.
        guard owed > .milliseconds(20) else { return }
        let pause = owed
        owed = .zero
        try await clock.sleep(for: pause)
    }
}
