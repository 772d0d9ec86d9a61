import DICOM
import StudyIndex

/// What the answers of this run have shown of a source. Each process learns it for itself, and afresh in every run: it
/// decides how much is asked at once, and never whether an answer is complete.
package struct Experience: Sendable {
    private(set) var density = Density()
    private(set) var timesOfDay = TimesOfDay()
    /// Days of the ranges of dates that were answered lately.
    private(set) var daysAnswered = 0
    /// Whether the last of them had no study, although others had.
    private(set) var isBeforeAll = false
    /// How far answers were from what was expected, as a part of it.
    private(set) var surprise = 0.15
    private(set) var dividedDays = DividedDays()
    /// How many studies days have, about, that have more than the source sends, all with a time as far as they were seen.
    private(set) var crowdedDays: [DICOMDate: Int] = [:]
    private(set) var modalities: Set<String> = []
    /// What patient IDs begin with.
    private(set) var patientLeads: Set<Character> = []
    /// The most rows that an answer ending in Success had.
    private(set) var largestAnswer = 0
    /// The most rows that an answer had which the source has ended in Success, or saying that there are more.
    private(set) var mostSent = 0
    /// The most rows of a page of a Repository Query.
    var largestPage = 0
    /// How many answers were just as large: a source that cuts its answers sends the same number again and again.
    private var largestAnswers = 0
    /// Rows after which the source said that there are more; nil: it has not.
    private var croppedAt: Int?
    /// Studies that were expected where it refused the question as too broad, at least; nil: it has not.
    private var refusedAt: Double?
    private var refusedRanges = Refusals()
    /// What is too much it refuses, and shows nothing of.
    private var refuses = false
    /// Axes on which a question was answered, and questions on the others that were refused.
    private var answeredAxes: Set<SliceRange.Axis> = []
    /// Axes on which an answer had nothing but what was asked for.
    private var filteringAxes: Set<SliceRange.Axis> = []
    private var refusals: [SliceRange.Axis: Int] = [:]
    /// Whether a worker asks a range of days of which nobody knows how many studies they have.
    var isExploring = false
    /// Whether workers have taken days from an open past, of which more is left.
    private var isPastOpen = false
    /// Its first day; nil: none of it was claimed.
    private var future: DICOMDate?
    /// How often it was left for later. What is left of the past may be asked by another process, or be gone.
    private var waits = 0
    private static let mostWaits = 40
    private var waitedForLarger: Set<SliceRange> = []
    /// For people.
    var lastFailure = ""

    package init() {}

    /// `isWhole`: the answer has all that there is in its range. `isOneAnswer`: one C-FIND has brought it.
    mutating func learn(
        _ range: SliceRange, rows: Int, _ records: [StudyRecord], isWhole: Bool, isOneAnswer: Bool = true
    ) {
        if rows > largestAnswer { largestAnswers = 0 }
        largestAnswer = max(largestAnswer, rows)
        if rows == largestAnswer { largestAnswers += 1 }
        if isOneAnswer { mostSent = max(mostSent, rows) }
        if isFuture(range) { return }
        if isWhole { refusedRanges.answered(range, rows: rows, largestAnswer: largestAnswer) }
        // What it did not refuse, it may have refused for another reason before.
        if let refused = refusedAt, Double(rows) > 0.7 * refused { refusedAt = refused * 1.2 }
        // What was left out may all have been late.
        if isWhole {
            let times = records.compactMap(\.studyTime)
            if range.axis == .times, let day = range.day, let part = range.times {
                timesOfDay.add(times, of: part, on: day)
            } else {
                times.forEach { timesOfDay.add($0) }
            }
        }
        for record in records {
            modalities.formUnion(record.modalities)
            if let lead = record.patientID.first { patientLeads.insert(lead) }
            if let date = record.studyDate { density.saw(date) }
        }
        guard isWhole, let dates = range.dates, let upper = dates.upper else { return }
        if range.axis == .times, let day = range.day, let times = range.times {
            density.learn(day, rows: rows, share: timesOfDay.share(of: times))
            crowdedDays[day] = density.studies(byPartsOf: day).map { Int($0) }
        }
        guard range.axis == .dates else { return }
        if let lower = dates.lower {
            let days = lower.days(to: upper) + 1
            if density.isKnown, days < 400 {
                let expected = max(density.studies(from: lower, to: upper), 4)
                surprise +=
                    0.1 * (min(Self.mostSurprising, abs(Double(records.count) - expected) / expected) - surprise)
            }
            isBeforeAll = rows == 0 && largestAnswer > 0
            // The short rest at a border says little.
            daysAnswered = max(days, daysAnswered * 3 / 4)
        }
        density.learn(
            dates, Dictionary(records.compactMap { record in record.studyDate.map { ($0, 1) } }, uniquingKeysWith: +))
    }

    /// Nobody is known to refuse so few.
    private static let leastLimit = 100.0
    /// More than that is another matter than chance.
    private static let mostSurprising = 0.25

    /// The most rows that an answer is likely to have; nil: nothing points to a limit. How much is asked at once depends on
    /// it, and never whether an answer is trusted.
    var mostRows: Double? {
        let said = [silentCap.map { $0 - 1 }, croppedAt.map { $0 - 1 }].compactMap { $0 }.map(Double.init)
        // Above what it has sent, and below what it has refused. As long as these are far apart, large steps find it soonest.
        let accepted = Double(largestAnswer)
        let refused = (refusedRanges.fewestStudies.map(Double.init) ?? refusedAt).map { refused in
            refused < 1.3 * accepted ? (accepted + refused) / 2 : min(refused, max(150, 2 * accepted))
        }
        return (said + [refused].compactMap { $0 }).min()
    }

    private var silentCap: Int? {
        largestAnswers >= 3 && largestAnswer >= Planner.smallestSilentCap ? largestAnswer : nil
    }

    private static let refusalsOfAnUnusableAxis = 12

    mutating func noteAnswer(on axis: SliceRange.Axis, _ answer: Answer) {
        answeredAxes.insert(axis)
        if answer.end == .success, answer.rawRows > 0, answer.outside[axis] == nil { filteringAxes.insert(axis) }
    }

    /// Whether a question on this axis has brought something, and that alone.
    func filters(_ axis: SliceRange.Axis) -> Bool { filteringAxes.contains(axis) }

    mutating func noteRefusal(on axis: SliceRange.Axis) { refusals[axis, default: 0] += 1 }

    /// Narrower questions on this axis are refused like the broad ones, and none was ever answered: its key does not filter.
    /// A refusal, unlike an answer, does not show that.
    func isUnusable(_ axis: SliceRange.Axis) -> Bool {
        !answeredAxes.contains(axis) && refusals[axis, default: 0] >= Self.refusalsOfAnUnusableAxis
    }

    /// Nothing was ever answered, and even ranges within a day are refused: the source is not refusing breadth, it is
    /// refusing us.
    var isRefusedAltogether: Bool {
        answeredAxes.isEmpty && refusals.filter { $0.key != .dates }.values.reduce(0, +) >= 8
    }

    /// A range was too broad: the next is shorter. `isOneAnswer`: one C-FIND has shown it.
    mutating func overflowed(
        _ range: SliceRange, _ answer: Answer, _ records: [StudyRecord] = [], isOneAnswer: Bool = true
    ) {
        if case .cropped = answer.end, answer.rawRows > 0, isOneAnswer {
            croppedAt = answer.rawRows
            mostSent = max(mostSent, answer.rawRows)
        }
        if isFuture(range) { return }
        for record in records { record.studyDate.map { density.saw($0) } }
        if range.axis == .times, let day = range.day, let times = range.times {
            let rows = 1.2 * max(Double(answer.rawRows), mostRows ?? 0)
            let studies = density.studies(byPartsOf: day, andOneOf: rows, share: timesOfDay.share(of: times))
            crowdedDays[day] = studies.map { Int($0) }
            dividedDays.overflowed(day)
            density.partExceeded(day)
        }
        let isRefused = if case .refused = answer.end { true } else { false }
        if isRefused, range.axis == .times { refusedRanges.add(range, isSurprising: false) }
        guard range.axis == .dates, let lower = range.dates?.lower, let upper = range.dates?.upper else { return }
        refuses = isRefused || (refuses && answer.end == .success && answer.rawRows != silentCap)
        daysAnswered = max(1, lower.days(to: upper) / 2)
        noteCrowdedDay(lower, upper, records)
        let expected = density.isKnown ? density.studies(from: lower, to: upper) : 0
        if isRefused {
            let isSurprising = lower < upper && expected > 0 && expected < 0.85 * (mostRows ?? 0)
            refusedRanges.add(range, isSurprising: isSurprising)
            // One crowded day among empty ones is refused as well, and says nothing of the others.
            refusedAt = max(min(refusedAt ?? .infinity, expected), Double(largestAnswer + 1), Self.leastLimit)
        } else if lower < upper, answer.end != .success || answer.rawRows == silentCap {
            refusedRanges.add(range, isSurprising: false)
        }
        // There are as many, at least.
        let rows = Double(max(answer.rawRows, answer.end == .success ? 0 : largestAnswer))
        if lower == upper { return density.exceeded(lower, rows) }
        // A single day that has more than any other says nothing of those.
        guard expected > 0, rows >= expected, !isRefused || !refusedRanges.isLastSurprising,
            crowdedDay(in: DateRange(lower: lower, upper: upper), records, most: .infinity) == nil
        else { return }
        surprise += 0.1 * (min(Self.mostSurprising, (rows - expected) / expected) - surprise)
        // Its parts will tell.
        density.scale(by: min(1.3, 1 + (expected < 0.7 * rows ? 1 : 0.2) * (rows / expected * 1.05 - 1)))
    }

    // MARK: The future

    /// A slice is claimed, of which workers take what lies after `cut` only; nil: all of it. Returns whether it is to be left for
    /// later: the few studies that are dated in the future are trusted once the past has shown larger answers, and what lies
    /// between them is empty for decades.
    mutating func claimed(_ dates: DateRange, cut: DICOMDate?) -> Bool {
        if dates.lower == nil { isPastOpen = cut != nil }
        guard let lower = dates.lower, dates.upper == nil else { return false }
        future = min(future ?? lower, lower)
        return isPastOpen && mayWait()
    }

    /// Whether something sized is to be left for later once more.
    mutating func mayWait() -> Bool {
        waits += 1
        return waits <= Self.mostWaits
    }

    /// It teaches nothing of how many studies days have, and those of the past say nothing of it: it is halved, not cut.
    func isFuture(_ range: SliceRange) -> Bool {
        guard let future, let lower = range.dates?.lower else { return false }
        return lower >= future
    }

    // MARK: Crowded days

    /// Whether a day that is expected to have too many may be asked by its times alone.
    var dividesUnseen: Bool { refuses || dividedDays.haveTimes }

    /// A day is asked by so many times, and was not asked before.
    mutating func divided(_ day: DICOMDate, parts: Int) {
        dividedDays.divide(day, parts: parts, isKnown: crowdedDays[day] != nil)
    }

    /// What was one part of a day becomes two.
    mutating func dividedTimes(of day: DICOMDate) { dividedDays.dividePart(of: day) }

    /// One part of a day is answered. Returns whether the whole of it is to be asked after all.
    mutating func partAnswered(_ range: SliceRange, rows: Int, most: Double?) -> Bool {
        guard range.axis == .times, let day = range.day, let times = range.times, let most else { return false }
        let share = timesOfDay.share(of: times)
        guard dividedDays.answered(day, rows: rows, share: share, most: most) else { return false }
        crowdedDays[day] = nil
        return true
    }

    /// What was too much of a range that was refused, or cut, is searched: whether it is here, or what is to be done about this
    /// part of the range.
    mutating func search(_ range: SliceRange, most: Double?) -> CrowdedDaySearch {
        // A single day is asked where that shows something of it: studies without a time.
        guard refuses || range.day == nil, let most, let dates = range.dates, let lower = dates.lower,
            let upper = dates.upper
        else {
            return .ask
        }
        switch refusedRanges.search(range, largestAnswer: mostSent) {
        case .ask: return .ask
        case .wait: return .wait
        case .least(let rows):
            let expected = density.studies(from: lower, to: upper)
            return Double(rows) > max(2 * expected + 10, most / 3) ? .isHere : .ask
        }
    }

    enum CrowdedDaySearch { case ask, wait, isHere }

    /// It is here, and this part is divided instead of being asked.
    mutating func dividedUnseen(_ range: SliceRange) { refusedRanges.divided(range) }

    /// How many studies are expected of a day that has more than `most`, or of these times of it.
    func studies(of day: DICOMDate, _ times: TimeRange?, above most: Double) -> Double {
        let ofDay = crowdedDays[day].map(Double.init) ?? max(density.studies(of: day, above: most), ofDaysAfter(day))
        return times.map { ofDay * timesOfDay.share(of: $0) } ?? ofDay
    }

    /// The least that crowded days near a day had; 0 where it has not two, as between the only crowded days of weeks.
    private func ofDaysAfter(_ day: DICOMDate) -> Double {
        let near = (1...4).compactMap { crowdedDays[day.adding(days: $0)] }
        return near.count > 1 ? Double(near.min() ?? 0) : 0
    }

    /// The day for which a range was too long, if its other days are not expected to be too many.
    func crowdedDay(in dates: DateRange, _ records: [StudyRecord], most: Double?) -> DICOMDate? {
        guard let most, let lower = dates.lower, let upper = dates.upper, let day = Self.crowdedDay(of: records)
        else { return nil }
        let all = density.studies(from: lower, to: upper)
        return all > 0 && all - density.week(from: day)[0] < most ? day : nil
    }

    /// The day that most of what was shown was made on.
    private static func crowdedDay(of records: [StudyRecord]) -> DICOMDate? {
        let days = Dictionary(records.compactMap { record in record.studyDate.map { ($0, 1) } }, uniquingKeysWith: +)
        guard let most = days.max(by: { $0.value < $1.value }), most.value * 2 > records.count else { return nil }
        return most.key
    }

    /// Of a range the day that has more than an answer may have by itself: by its part of what was shown, against what its
    /// neighbours are expected to have. A usual day that was shown most of says nothing of crowded ones.
    private mutating func noteCrowdedDay(_ lower: DICOMDate, _ upper: DICOMDate, _ records: [StudyRecord]) {
        if lower == upper { return dividedDays.show(records) }
        guard let day = crowdedDay(in: DateRange(lower: lower, upper: upper), records, most: .infinity) else { return }
        let ofDay = records.filter { $0.studyDate == day }
        let others = density.studies(from: lower, to: upper) - density.week(from: day)[0]
        let part = Double(ofDay.count) / Double(records.count)
        let studies = part > 0.95 ? .infinity : others * part / (1 - part)
        let shown = Double(records.count)
        guard studies > shown else { return }
        dividedDays.show(ofDay)
        if ofDay.allSatisfy({ $0.studyTime != nil }) { crowdedDays[day] = Int(min(studies, 1.3 * shown)) }
    }

    /// Whether an answer that is doubted only for want of a larger one is to be asked for once more, a little later.
    mutating func mayWaitForLarger(_ range: SliceRange) -> Bool { waitedForLarger.insert(range).inserted }

    mutating func add(crowdedDays: [DICOMDate: Int]) { self.crowdedDays.merge(crowdedDays) { $1 } }

    mutating func add(modalities: some Sequence<String>, patientLeads: some Sequence<Character>) {
        self.modalities.formUnion(modalities)
        self.patientLeads.formUnion(patientLeads)
    }

    func words(failing: Duration) -> String {
        "failing for \(failing.components.seconds) s\(lastFailure.isEmpty ? "" : ": \(lastFailure)")"
    }
}
