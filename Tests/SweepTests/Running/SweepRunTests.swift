import DICOM
import DIMSE
import Foundation
import Logging
import PACSSimulator
import StudyIndex
import Synchronization
import Testing

@testable import Sweep

@Suite(.serialized) struct SweepRunTests {
    /// Enough studies that days overflow the caps of the simulated PACS.
    private static let enterprise = Enterprise(seed: 11, studies: 2_500)

    private func start() async throws -> [SimulatedPACS] {
        var sources: [SimulatedPACS] = []
        for (index, profile) in Self.enterprise.sources.enumerated() {
            sources.append(try await SimulatedPACS.start(profile, copies: Self.enterprise.copies(at: index)))
        }
        return sources
    }

    private static let rate = 200.0

    func sweepSources(
        _ running: [SimulatedPACS], in index: StudyIndex
    ) async throws -> [SweepSource] {
        let ids = try await index.register(
            running.map {
                SourceDefinition(
                    name: $0.profile.name, aeTitle: $0.profile.aeTitle, host: "127.0.0.1", port: $0.port,
                    issuer: $0.profile.issuer, priority: $0.profile.priority,
                    limits: SourceLimits(queriesPerSecond: Self.rate, associations: 2))
            })
        return try running.map { pacs in
            let peer = Peer(
                host: "127.0.0.1", port: pacs.port, called: try AETitle(pacs.profile.aeTitle),
                calling: try AETitle("CONCORD"), defaultCharacterSet: .latin1)
            return SweepSource(
                id: try #require(ids[pacs.profile.name]), name: pacs.profile.name, peer: peer, associations: 2,
                maximumResults: nil)
        }
    }

    /// Runs a sweep on a pool of its own; `clock` is that of its pauses.
    private func sweep(
        _ sources: [SweepSource], _ index: StudyIndex, dates: DateRange = DateRange(lower: nil, upper: nil),
        clock: any Clock<Duration> = ContinuousClock(), patience: Duration = .seconds(120),
        report: @escaping @Sendable (SweepEvent) -> Void = { _ in }
    ) async throws -> RunID {
        let today = try #require(DICOMDate("20261124"))
        return try await AssociationPool.with(index: index, clock: clock, jitter: { 0 }) { pool in
            var run = SweepRun(
                job: "test", sources: sources, scope: .dates(dates), pool: pool, today: today,
                logger: Logger(label: "test"))
            run.workers = 2
            run.patience = patience
            return try await run.run(report: report).run
        }
    }

    @Test func everyReachableCopyOfEightPACSIsInTheIndexWithinTheirBudgets() async throws {
        let running = try await start()
        try await withIndex { index in
            let id = try await sweep(try await sweepSources(running, in: index), index)
            #expect(try await index.runSummary(run: id).flatMap(\.holes).isEmpty)

            var found: Set<String> = []
            try await index.eachStudy { uid, copies in
                for copy in copies { found.insert(uid + " " + copy.source) }
            }
            let names = Self.enterprise.sources.map(\.name)
            let truth = Set(
                Self.enterprise.studies.flatMap { study in
                    study.copies.filter(\.isReachable).map { study.uid + " " + names[$0.source] }
                })
            #expect(found == truth)
        }
        for pacs in running {
            #expect(pacs.log.maximumOpenAssociations <= 2)
            for window in [Duration.milliseconds(100), .milliseconds(500), .seconds(2)] {
                let allowed = Self.rate * ((window + .milliseconds(100)) / .seconds(1)) + 1
                #expect(Double(pacs.log.maximumRequests(within: window)) <= allowed)
            }
            await pacs.stop()
        }
    }

    @Test func aSecondSweepFindsEverythingUnchanged() async throws {
        let running = try await start()
        try await withIndex { index in
            let dates = try #require(DateRange(da: "20250101-20260630"))
            let sources = try await sweepSources(running, in: index)
            _ = try await sweep(sources, index, dates: dates)
            let before = try await index.watermark().change
            let again = Mutex(MergeCounts())
            _ = try await sweep(sources, index, dates: dates) { event in
                if case .sliceEnded(_, let end) = event {
                    again.withLock {
                        $0.new += end.merged.new
                        $0.changed += end.merged.changed
                        $0.unchanged += end.merged.unchanged
                        $0.missing += end.merged.missing
                    }
                }
            }
            #expect(again.withLock { $0.new + $0.changed + $0.missing } == 0)
            #expect(again.withLock { $0.unchanged } > 0)
            #expect(try await index.watermark().change == before)
        }
        for pacs in running { await pacs.stop() }
    }

    @Test func aSourceThatIsDownIsAHoleAndStopsNoOther() async throws {
        let running = try await start()
        let down = try #require(running.first)
        await down.stop()
        try await withIndex { index in
            let dates = try #require(DateRange(da: "20260101-20260131"))
            let given = Mutex<[String]>([])
            let id = try await sweep(
                try await sweepSources(running, in: index), index, dates: dates, clock: ImmediateClock(),
                patience: .seconds(2)
            ) { event in
                if case .abandoned(let source, _) = event { given.withLock { $0.append(source) } }
            }
            for source in try await index.runSummary(run: id) {
                #expect(source.holes.isEmpty == (source.source != down.profile.name))
                #expect(source.unfinished == 0)
            }
            #expect(given.withLock { Set($0) } == [down.profile.name])
        }
        for pacs in running.dropFirst() { await pacs.stop() }
    }

    @Test(arguments: MisbehavingPeer.Manner.allCases)
    func aSourceThatMisbehavesIsAHoleAndStopsNoOther(manner: MisbehavingPeer.Manner) async throws {
        let running = try await start()
        let peer = try await MisbehavingPeer.start(manner)
        try await withIndex { index in
            let dates = try #require(DateRange(da: "20260101-20260131"))
            var sources = try await sweepSources(running, in: index)
            sources[0].peer.port = peer.port
            sources[0].peer.timeouts.acse = .milliseconds(50)
            let id = try await sweep(sources, index, dates: dates, clock: ImmediateClock(), patience: .seconds(2))
            for source in try await index.runSummary(run: id) {
                #expect(source.holes.isEmpty == (source.source != sources[0].name))
                #expect(source.unfinished == 0)
                if let hole = source.holes.first { #expect(!hole.reason.isEmpty) }
            }
            let holes = try await index.coveredDays().filter { $0.state == .hole }
            #expect(Set(holes.map(\.source)) == [sources[0].name])
        }
        await peer.stop()
        for pacs in running { await pacs.stop() }
    }

    @Test func anInterruptedSweepGoesOnWhereItWas() async throws {
        let running = try await start()
        try await withIndex { index in
            let dates = try #require(DateRange(da: "20160101-20260630"))
            let sources = Array(try await sweepSources(running, in: index).prefix(1))
            let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
            let first = Task {
                try await sweep(sources, index, dates: dates) { event in
                    if case .sliceEnded = event { continuation.yield() }
                }
            }
            for await _ in ended.prefix(5) {}
            first.cancel()
            _ = await first.result
            let known = try await index.sourceTotals().first?.studies ?? 0
            #expect(known > 0)
            let again = Mutex(MergeCounts())
            _ = try await sweep(sources, index, dates: dates) { event in
                if case .started(_, _, _, let resumed) = event { #expect(resumed) }
                if case .sliceEnded(_, let end) = event { again.withLock { $0.new += end.merged.new } }
            }
            // What had been learned before is not learned again.
            #expect(try await index.sourceTotals().first?.studies == known + again.withLock { $0.new })
            #expect(again.withLock { $0.new } > 0)
        }
        for pacs in running { await pacs.stop() }
    }

    /// A limit that many days exceed, with word of it or without.
    @Test(arguments: [Temper.Cap.cancelled(40), .silent(60)])
    func aSourceThatAnswersRepositoryQueriesIsProvenWholeWhateverItsLimit(cap: Temper.Cap) async throws {
        let number = try #require(Self.enterprise.sources.firstIndex { $0.name == "pacs-a" })
        let profile = Self.enterprise.sources[number].tempered {
            $0.cap = cap
            $0.ignoresTimeKeys = true
            $0.recordsPerPage = cap.count
        }
        let pacs = try await SimulatedPACS.start(profile, copies: Self.enterprise.copies(at: number))
        try await withIndex { index in
            var sources = try await sweepSources([pacs], in: index)
            let today = try #require(DICOMDate("20260630"))
            let source = sources[0]
            try await AssociationPool.with(index: index) { pool in
                _ = try await Probe(source: source, pool: pool, today: today).run()
            }
            sources[0] = try await source.informed(by: index)
            #expect(sources[0].capabilities.recordKeys == .works)
            _ = try await sweep(sources, index)

            var found: Set<String> = []
            try await index.eachStudy { uid, _ in found.insert(uid) }
            let truth = Set(
                Self.enterprise.copies(at: number).filter(\.isReachable).compactMap { $0.values[.studyInstanceUID] })
            #expect(found.symmetricDifference(truth).count == 0)
            let states = Set(try await index.coveredDays().map(\.state))
            #expect(states == [.proven], "nothing is left, and nothing was cut finer than a day")
        }
        await pacs.stop()
    }
}

/// A clock on which every sleep is over at once.
struct ImmediateClock: Clock {
    typealias Instant = ContinuousClock.Instant
    var now: Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }
    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        await Task.yield()
    }
}
