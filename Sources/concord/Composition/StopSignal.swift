import Dispatch
import Foundation

/// Ctrl-C, or the request to stop that service managers send.
enum StopSignal {
    static func wait() async {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGINT, SIGTERM].map { number in
            // The source sees the signal only where the default action does not end the process first.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
    }

    /// Runs `body` until it ends or a signal comes, which cancels it and waits for it to let go.
    static func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await wait() }
            group.addTask {
                do { try await body() } catch is CancellationError {}
            }
            try await group.next()
            group.cancelAll()
        }
    }
}
