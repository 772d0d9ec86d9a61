import Synchronization
import Testing

@testable import Spanning

@Suite struct FlightTests {
    /// Sleeps until it is told that time has passed.
    private struct Never: Clock {
        func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
            try await Task.sleep(for: .seconds(86_400))
        }
        var now: ContinuousClock.Instant { .now }
        var minimumResolution: Duration { .zero }
    }

    private struct Over: Clock {
        func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
        var now: ContinuousClock.Instant { .now }
        var minimumResolution: Duration { .zero }
    }

    @Test(.timeLimit(.minutes(1))) func whoeverWaitsGetsTheSameValue() async {
        let flight = Flight<Int>()
        async let first = flight.value(flight.join(), within: .seconds(1), Never())
        async let second = flight.value(flight.join(), within: .seconds(1), Never())
        flight.land(7)
        #expect(await first == 7)
        #expect(await second == 7)
        #expect(await flight.value(flight.join(), within: .seconds(1), Never()) == 7)
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<50) func whoseTimeIsOverGetsNothing(_: Int) async {
        let flight = Flight<Int>()
        #expect(await flight.value(flight.join(), within: .zero, Over()) == nil)
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<50) func whoIsCancelledWaitsNoLonger(_: Int) async {
        let flight = Flight<Int>()
        let task = Task { await flight.value(flight.join(), within: .seconds(1), Never()) }
        task.cancel()
        #expect(await task.value == nil)
    }

    /// Whoever leaves leaves once, however often they are told that their time is over.
    @Test(.timeLimit(.minutes(1))) func whatNobodyWaitsForIsKnown() async {
        let flight = Flight<Int>()
        let (first, second) = (flight.join(), flight.join())
        let task = Task { await flight.value(first, within: .zero, Over()) }
        task.cancel()
        #expect(await task.value == nil)
        #expect(await flight.value(first, within: .zero, Over()) == nil)
        #expect(flight.isAwaited)
        #expect(await flight.value(second, within: .zero, Over()) == nil)
        #expect(!flight.isAwaited)
    }

    @Test(.timeLimit(.minutes(1))) func aTurnstileLetsSoManyThroughAndAllInTheEnd() async {
        let turnstile = Turnstile(width: 3)
        let crowd = Crowd()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await turnstile.enter()
                    crowd.came()
                    await Task.yield()
                    crowd.went()
                    turnstile.leave()
                }
            }
        }
        #expect(crowd.through == 200)
        #expect((1...3).contains(crowd.most))
    }

    private final class Crowd: Sendable {
        private let state = Mutex((now: 0, most: 0, through: 0))

        func came() {
            state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
        }

        func went() {
            state.withLock {
                $0.now -= 1
                $0.through += 1
            }
        }

        var most: Int { state.withLock { $0.most } }
        var through: Int { state.withLock { $0.through } }
    }
}
