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
        Source(cap: .silent(500), share: 38), Source(cap: .cropped(200), known: 200, share: 21),
        Source(cap: .refused(300), share: 25), Source(cap: .silent(347), share: 18),
    ]

    struct Source: Sendable {
        var cap: Cap
        var known: Int?
        /// Percent of a million.
        var share: Int
    }

    private func sweep(_ source: Source, surprises: Int) throws -> FirstSweep {
        let archive = Archive(cap: source.cap, studies: 10_000 * source.share, surprises: surprises, seed: 1)
        var capabilities = Capabilities()
        capabilities.timeRanges = .works
        var sweep = FirstSweep(archive: archive, planner: Planner(cap: source.known, capabilities: capabilities))
        try sweep.run()
        #expect(sweep.found == archive.total)
        return sweep
    }

    /// Against somebody who knows all studies, and packs days as full as the cap allows.
    @Test(arguments: sources) func aSweepLearnsHowMuchItMayAskAtOnce(source: Source) throws {
        let sweep = try sweep(source, surprises: 0)
        #expect(Double(sweep.questions) <= 1.3 * Double(sweep.archive.least))
    }

    /// Each has to be run into: a question, and the pieces that its neighbours are left in.
    @Test(arguments: sources[1...2]) func aDayThatNothingAnnouncesCostsFiveQuestionsAtMost(source: Source) throws {
        let surprises = 101
        let sweep = try sweep(source, surprises: surprises)
        #expect(Double(sweep.questions) <= 1.3 * Double(sweep.archive.least) + 5 * Double(surprises))
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
    private var largest = 0

    init(archive: Archive, planner: Planner) {
        self.archive = archive
        self.planner = planner
    }

    mutating func run() throws {
        let today = try #require(DICOMDate("20261124"))
        open = planner.roots(of: DateRange(lower: nil, upper: nil), today: today).map {
            NewSlice(sourceID: 1, range: SliceRange(dates: $0.range), isSized: $0.isSized)
        }.reversed()
        var machine = WorkerMachine(planner: planner, patience: .seconds(60))
        var action = machine.start()
        while true {
            let event: WorkerMachine.Event
            switch action {
            case .look: event = .outlook(open.isEmpty ? nil : .zero)
            case .openLine: event = .line(.ready)
            case .claim:
                guard let slice = open.popLast() else {
                    event = .claimed(.drained)
                    break
                }
                event = .claimed(
                    .slice(
                        ClaimedSlice(
                            id: 1, claimID: .init(), sourceID: 1, level: .study, range: slice.range,
                            isSized: slice.isSized, attempt: 1, largestAnswer: largest, controlUID: nil)))
            case .narrow(let slice, let lower):
                var older = slice.range
                older.dates?.upper = lower.adding(days: -1)
                open.append(NewSlice(sourceID: 1, range: older, isSized: false))
                event = .narrowed(true)
            case .ask(let question): event = try ask(question)
            case .finish(let slice, let outcome, let gathered):
                note(slice, outcome, gathered)
                event = .finished(MergeCounts())
            case .abandon(let reason):
                Issue.record("abandoned: \(reason)")
                return
            case .giveLineBack, .sleep: event = .carriedOut
            case .stop: return
            }
            action = machine.handle(event, &experience, jitter: 0)
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
        case .split(_, _, let children): open += children.reversed()
        case .complete: uids.formUnion(gathered.studies.map(\.studyInstanceUID))
        default: Issue.record("\(slice.range): \(outcome)")
        }
    }
}

/// Ten years of a PACS, most of them recent, with weekends and, on a few days that nothing announces, more studies than it
/// answers.
struct Archive {
    let cap: FirstSweepTests.Cap
    /// Seconds since midnight, in order, by days since 1970.
    private var days: [Int: [Int]] = [:]
    private let last: DICOMDate

    init(cap: FirstSweepTests.Cap, studies: Int, surprises: Int, seed: UInt64) {
        self.cap = cap
        let last = DICOMDate(year: 2026, month: 6, day: 30) ?? .latest
        self.last = last
        var random = Chance(seed: seed)
        func add(_ day: Int, _ random: inout Chance) {
            // Mostly from seven to six.
            let hour = random.chance(0.15) ? random.below(24) : 7 + (random.below(11) + random.below(11)) / 2
            days[day, default: []].append(hour * 3_600 + random.below(3_600))
        }
        for _ in 0..<studies {
            let age =
                switch random.below(100) {
                case 0..<12: random.below(30)
                case 12..<45: random.below(365)
                case 45..<75: 365 + random.below(730)
                default: 1_095 + random.below(2_735)
                }
            var day = last.daysSince1970 - age
            let weekday = (day + 4) % 7
            if weekday % 6 == 0, random.chance(0.8) { day += weekday == 0 ? -2 : -1 }
            add(day, &random)
        }
        let first = (DICOMDate(year: 2021, month: 2, day: 1) ?? .earliest).daysSince1970
        for _ in 0..<surprises {
            var day = first + random.below(1_300)
            while (day + 4) % 7 % 6 == 0 { day += 1 }
            for _ in 0..<(cap.rows + 31 + random.below(25)) { add(day, &random) }
        }
        for day in days.keys { days[day]?.sort() }
    }

    var total: Int { days.values.reduce(0) { $0 + $1.count } }

    func answer(_ range: SliceRange) -> ([StudyRecord], UInt16) {
        let lower = range.dates?.lower?.daysSince1970 ?? (last.daysSince1970 - 4_000)
        let upper = min(range.dates?.upper?.daysSince1970 ?? .max, last.daysSince1970)
        var matches: [(day: Int, number: Int, second: Int)] = []
        guard lower <= upper else { return ([], 0) }
        for day in lower...upper {
            for (number, second) in (days[day] ?? []).enumerated() {
                if let times = range.times {
                    guard let time = DICOMTime(microseconds: second * 1_000_000), times.contains(time) else { continue }
                }
                matches.append((day, number, second))
            }
        }
        switch cap {
        case .refused(let most) where matches.count > most: return ([], 0xC000)
        case .cropped(let most) where matches.count > most: return (records(matches.prefix(most)), 0xFE00)
        case .silent(let most): return (records(matches.prefix(most)), 0)
        default: return (records(matches[...]), 0)
        }
    }

    private func records(_ matches: ArraySlice<(day: Int, number: Int, second: Int)>) -> [StudyRecord] {
        matches.map { day, number, second in
            var record = StudyRecord()
            record[.studyInstanceUID] = "1.\(day).\(number)"
            record[.studyDate] = last.adding(days: day - last.daysSince1970).da
            record[.studyTime] = DICOMTime(microseconds: second * 1_000_000)?.tm ?? ""
            return record
        }
    }

    /// As `concord bench sweep` counts them.
    var least: Int {
        let most: Int = if case .silent(let rows) = cap { rows - 1 } else { cap.rows }
        var questions = 0
        var rows = 0
        func close() {
            if rows > 0 { questions += 1 }
            rows = 0
        }
        for (_, seconds) in days.sorted(by: { $0.key < $1.key }) {
            if seconds.count <= most {
                if rows + seconds.count > most { close() }
                rows += seconds.count
                continue
            }
            close()
            for _ in seconds {
                if rows + 1 > most { close() }
                rows += 1
            }
            close()
        }
        close()
        return questions
    }
}
