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
        async let first = flight.value(within: .seconds(1), Never())
        async let second = flight.value(within: .seconds(1), Never())
        flight.land(7)
        #expect(await first == 7)
        #expect(await second == 7)
        #expect(await flight.value(within: .seconds(1), Never()) == 7)
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<50) func whoseTimeIsOverGetsNothing(_: Int) async {
        #expect(await Flight<Int>().value(within: .zero, Over()) == nil)
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<50) func whoIsCancelledWaitsNoLonger(_: Int) async {
        let flight = Flight<Int>()
        let task = Task { await flight.value(within: .seconds(1), Never()) }
        task.cancel()
        #expect(await task.value == nil)
    }
}
