import DICOM
import StudyIndex
import Synchronization
import Testing

@testable import Spanning

/// Readings that end when they are told to.
private final class Readings: Sendable {
    private struct State {
        var begun = 0
        var waiting: [CheckedContinuation<[CoveredDays], any Error>] = []
        /// Of all that begin.
        var result: Result<[CoveredDays], any Error>?
        var time = ContinuousClock.now
    }
    private let state = Mutex(State())

    var begun: Int { state.withLock { $0.begun } }
    var now: ContinuousClock.Instant { state.withLock { $0.time } }
    func advance(_ time: Duration) { state.withLock { $0.time += time } }

    func read() async throws -> [CoveredDays] {
        try await withCheckedThrowingContinuation { continuation in
            state.withLock { state in
                state.begun += 1
                guard let result = state.result else { return state.waiting.append(continuation) }
                continuation.resume(with: result)
            }
        }
    }

    /// When `number` have begun, all that wait end.
    func end(_ number: Int, _ result: Result<[CoveredDays], any Error>) async {
        for _ in 0..<Self.patience {
            let waiting = state.withLock { state in
                defer { if state.begun >= number { state.waiting = [] } }
                return state.begun >= number ? state.waiting : []
            }
            for reading in waiting { reading.resume(with: result) }
            if !waiting.isEmpty { return }
            await Task.yield()
        }
        Issue.record("reading \(number) was not begun")
    }

    /// Those that wait for the first to end, and all that come.
    func endAll(_ result: Result<[CoveredDays], any Error>) async {
        state.withLock { $0.result = result }
        await end(1, result)
    }

    /// Turns of other tasks.
    static let patience = 100_000
}

@Suite struct CoverageReaderTests {
    private struct Unreadable: Error {}
    private let readings = Readings()
    private let reader: CoverageReader
    private let terms = CoverageReader.Terms(freshness: Freshness(), today: .latest)

    init() {
        let readings = readings
        reader = CoverageReader(now: { readings.now }) { try await readings.read() }
    }

    private func covered(by source: String) -> [CoveredDays] {
        [
            CoveredDays(
                source: source, level: .study, days: DateRange(lower: nil, upper: nil), state: .proven, reason: "",
                verifiedAt: "")
        ]
    }

    private func sources() async throws -> [String] { try await reader.knowledge(terms).keys.sorted() }

    /// Of who asks while reading `number` ends.
    private func sources(ending number: Int, _ result: Result<[CoveredDays], any Error>) async throws -> [String] {
        async let sources = sources()
        await readings.end(number, result)
        return try await sources
    }

    @Test func itIsReadOnceForAllWhoAsk() async throws {
        try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<32 { group.addTask { try await sources() } }
            while readings.begun == 0 { await Task.yield() }
            await readings.endAll(.success(covered(by: "a")))
            for try await sources in group { #expect(sources == ["a"]) }
        }
        #expect(readings.begun == 1)
    }

    @Test func nobodyWaitsWhileItIsReadAgain() async throws {
        #expect(try await sources(ending: 1, .success(covered(by: "a"))) == ["a"])
        readings.advance(.milliseconds(999))
        #expect(try await sources() == ["a"])
        #expect(readings.begun == 1)
        readings.advance(.milliseconds(1))
        #expect(try await sources() == ["a"])
        #expect(try await sources() == ["a"])
        await readings.end(2, .success(covered(by: "b")))
        for _ in 0..<Readings.patience where try await sources() == ["a"] { await Task.yield() }
        #expect(try await sources() == ["b"])
        #expect(readings.begun == 2)
    }

    @Test func whatIsTooOldIsNotUsed() async throws {
        #expect(try await sources(ending: 1, .success(covered(by: "a"))) == ["a"])
        readings.advance(.seconds(2))
        #expect(try await sources(ending: 2, .success(covered(by: "b"))) == ["b"])
    }

    @Test func aReadingThatFailedIsToldAndBegunAgain() async throws {
        await #expect(throws: Unreadable.self) { try await sources(ending: 1, .failure(Unreadable())) }
        #expect(try await sources(ending: 2, .success(covered(by: "a"))) == ["a"])
    }
}
