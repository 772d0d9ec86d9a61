import Synchronization
import Testing

@testable import PostgresClient

@Suite struct TurnsTests {
    private final class Log: Sendable {
        private let names = Mutex<[String]>([])
        func add(_ name: String) { names.withLock { $0.append(name) } }
        var all: [String] { names.withLock { $0 } }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        /// Returns what it is set to.
        func set(_ change: (Int) -> Int) -> Int {
            value.withLock { value in
                value = change(value)
                return value
            }
        }
    }

    /// Enough for tasks that wait for nothing else to come as far as they can.
    private func settle(until isDone: () -> Bool = { false }) async {
        for _ in 0..<10_000 where !isDone() { await Task.yield() }
    }

    /// Whoever asks a thousand things at once does not keep others waiting.
    @Test func clientsTakeTurns() async {
        let (turns, log) = (Turns(most: 1), Log())
        await turns.enter("a")
        await withTaskGroup(of: Void.self) { group in
            for name in ["a1", "a2", "a3", "b1", "b2"] {
                let waiting = log.all.count
                group.addTask {
                    log.add("asks")
                    await turns.enter(String(name.prefix(1)))
                    log.add(name)
                    turns.leave()
                }
                await settle { log.all.count > waiting }
                await settle()
            }
            #expect(log.all.allSatisfy { $0 == "asks" })
            turns.leave()
        }
        #expect(log.all.filter { $0 != "asks" } == ["a1", "b1", "a2", "b2", "a3"])
    }

    @Test func noMoreWorkAtATimeThanMay() async {
        let turns = Turns(most: 3)
        let (most, count) = (Counter(), Counter())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await turns.enter("")
                    let now = count.set { $0 + 1 }
                    _ = most.set { max($0, now) }
                    for _ in 0..<10 { await Task.yield() }
                    _ = count.set { $0 - 1 }
                    turns.leave()
                }
            }
        }
        #expect(most.set { $0 } == 3)
    }
}
