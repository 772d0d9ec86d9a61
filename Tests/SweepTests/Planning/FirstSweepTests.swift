import DICOM
import DIMSE
import Foundation
import StudyIndex
import Testing

@testable import Sweep

/// How many questions a first sweep takes, of an archive of which nothing is known.
@Suite struct FirstSweepTests {
    enum Cap: Sendable {
        case silent(Int)
        case cropped(Int)
        case refused(Int)

        var rows: Int {
            switch self {
            case .silent(let rows), .cropped(let rows), .refused(let rows): rows
            }
        }
    }

    static let sources: [Source] = [
        Source(cap: .silent(500), share: 38, most: 1.22), Source(cap: .cropped(200), known: 200, share: 21, most: 1.3),
        Source(cap: .refused(300), share: 25, most: 1.3), Source(cap: .silent(347), share: 18, most: 1.25),
    ]

    struct Source: Sendable {
        var cap: Cap
        var known: Int?
        /// Percent of a million.
        var share: Int
        /// Questions, as a multiple of the fewest.
        var most: Double
    }

    private func sweep(_ source: Source, surprises: Int, seed: UInt64 = 1) throws -> FirstSweep {
        let archive = Archive(cap: source.cap, studies: 10_000 * source.share, surprises: surprises, seed: seed)
        var capabilities = Capabilities()
        capabilities.timeRanges = .works
        var sweep = FirstSweep(archive: archive, planner: Planner(cap: source.known, capabilities: capabilities))
        try sweep.run()
        #expect(sweep.found == archive.total)
        return sweep
    }

    /// Against somebody who knows all studies, and packs days as full as the cap allows. Of three archives, because a few
    /// questions more or less are chance.
    @Test(arguments: sources) func aSweepLearnsHowMuchItMayAskAtOnce(source: Source) throws {
        let sweeps = try (1...3).map { try sweep(source, surprises: 0, seed: $0) }
        let least = sweeps.reduce(0) { $0 + $1.archive.least }
        #expect(Double(sweeps.reduce(0) { $0 + $1.questions }) <= source.most * Double(least))
    }

    /// Each has to be run into: a question, and the pieces that its neighbours are left in.
    @Test(arguments: sources[1...2]) func aDayThatNothingAnnouncesCostsFourQuestionsAtMost(source: Source) throws {
        let surprises = 101
        let sweep = try sweep(source, surprises: surprises)
        #expect(Double(sweep.questions) <= source.most * Double(sweep.archive.least) + 4 * Double(surprises))
    }

    /// Its studies without a time are found, although the days around it are asked by their times.
    @Test(arguments: [Cap.silent(500), .refused(300)]) func aHolidayAmongCrowdedDaysIsAskedWhole(cap: Cap) throws {
        var capabilities = Capabilities()
        capabilities.timeRanges = .works
        let archive = Archive(holidaysAmongCrowdedDays: cap)
        var sweep = FirstSweep(archive: archive, planner: Planner(capabilities: capabilities))
        try sweep.run()
        #expect(sweep.found == archive.total)
    }
}

struct FirstSweep {
    let archive: Archive
    let planner: Planner
    var questions = 0
    var uids: Set<String> = []
    var found: Int { uids.count }
    private var experience = Experience()
    private var open: [NewSlice] = []
    /// With the round after which they are to be had again.
    private var deferred: [(round: Int, slice: NewSlice)] = []
    private var round = 0
    /// A quarter of a second, at a source that takes ten milliseconds to answer.
    private static let rest = 25
    private var largest = 0

    init(archive: Archive, planner: Planner) {
        self.archive = archive
        self.planner = planner
    }

    /// Four workers side by side: each hears of an answer when the others have asked as well.
    mutating func run(workers: Int = 4) throws {
        let today = try #require(DICOMDate("20261124"))
        open = planner.roots(of: DateRange(lower: nil, upper: nil), today: today).map {
            NewSlice(sourceID: 1, range: SliceRange(dates: $0.range), isSized: $0.isSized)
        }.reversed()
        var machines = [WorkerMachine](
            repeating: WorkerMachine(planner: planner, patience: .seconds(60)), count: workers)
        var actions = machines.indices.map { machines[$0].start() }
        var asking = 0
        while actions.contains(where: { if case .stop = $0 { false } else { true } }) {
            round += 1
            open += deferred.filter { $0.round <= round }.map(\.slice)
            deferred.removeAll { $0.round <= round }
            for worker in machines.indices {
                repeat {
                    if case .stop = actions[worker] { break }
                    if case .ask = actions[worker] { asking -= 1 }
                    let event = try event(of: actions[worker], othersAsk: asking > 0 || !deferred.isEmpty)
                    actions[worker] = machines[worker].handle(event, &experience, jitter: 0)
                    if case .sleep = actions[worker] { break }
                    if case .ask = actions[worker] {
                        asking += 1
                        break
                    }
                } while true
            }
        }
    }

    private mutating func event(of action: WorkerMachine.Action, othersAsk: Bool) throws -> WorkerMachine.Event {
        switch action {
        case .look: return .outlook(open.isEmpty ? (othersAsk ? .milliseconds(20) : nil) : .zero)
        case .openLine: return .line(.ready)
        case .claim:
            guard let slice = open.popLast() else { return .claimed(othersAsk ? .wait(.milliseconds(20)) : .drained) }
            return .claimed(
                .slice(
                    ClaimedSlice(
                        id: 1, claimID: .init(), sourceID: 1, level: .study, range: slice.range,
                        isSized: slice.isSized, attempt: 1, largestAnswer: largest, controlUID: nil)))
        case .narrow(let slice, let lower):
            var older = slice.range
            older.dates?.upper = lower.adding(days: -1)
            open.append(NewSlice(sourceID: 1, range: older, isSized: false))
            return .narrowed(slice.narrowed(to: lower, id: slice.id))
        case .ask(let question): return try ask(question)
        case .finish(let slice, let outcome, let gathered):
            note(slice, outcome, gathered)
            return .finished(MergeCounts())
        case .abandon(let reason):
            Issue.record("abandoned: \(reason)")
            return .carriedOut
        case .giveLineBack, .sleep, .stop: return .carriedOut
        }
    }

    private mutating func ask(_ question: Question) throws -> WorkerMachine.Event {
        questions += 1
        let (records, status) = archive.answer(question.range)
        var answer = SliceAnswer()
        for record in records { try answer.receive(record, for: question) }
        guard status != 0 else {
            largest = max(largest, records.count)
            return .answered(.answered(took: .milliseconds(1)), answer)
        }
        var error = DIMSEError(.findFailed, "")
        error.status = status
        return .answered(
            .failed(
                error, rows: records.count, took: .milliseconds(1),
                health: SourceHealth(failingFor: .zero, restsFor: .zero)), answer)
    }

    private mutating func note(_ slice: ClaimedSlice, _ outcome: SliceOutcome, _ gathered: WorkerMachine.Gathered) {
        switch outcome {
        case .deferred:
            let again = NewSlice(sourceID: 1, range: slice.range, isSized: slice.isSized)
            deferred.append((round + Self.rest, again))
        case .split(_, _, let children): open += children.reversed()
        case .complete: uids.formUnion(gathered.studies.map(\.studyInstanceUID))
        default: Issue.record("\(slice.range): \(outcome)")
        }
    }
}
