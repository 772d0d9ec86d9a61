import DICOM
import DIMSE
import StudyIndex

/// A worker's decisions, without the doing: takes slices of one source from the ledger, asks the source, and gives the
/// ledger what came of it, until the run has nothing more for this source. Whoever drives it carries out each action and
/// hands its result back. Any number of workers, in any number of processes, do so side by side.
///
/// An association is opened before a slice is claimed: a source that cannot be reached costs no slice an attempt.
package struct WorkerMachine: Sendable {
    package enum Action: Sendable {
        /// Whether anything is left to be claimed.
        case look
        case openLine
        case claim
        /// Of a slice the days from this one on; the older ones are left to everybody.
        case narrow(ClaimedSlice, to: DICOMDate)
        case ask(Question)
        case finish(ClaimedSlice, SliceOutcome, Gathered)
        /// Give the source up for this run.
        case abandon(reason: String)
        /// Nobody needs the association for a while.
        case giveLineBack
        case sleep(Duration, WaitReason?)
        case stop
    }

    package enum Event: Sendable {
        /// nil: nothing is left; zero: there is work.
        case outlook(Duration?)
        case line(LineMachine.Outcome)
        case claimed(Claim)
        /// nil: the slice was not ours any more.
        case narrowed(ClaimedSlice?)
        case answered(LineMachine.Outcome, SliceAnswer)
        /// nil: the slice was not ours any more.
        case finished(MergeCounts?)
        /// Of an action that has no result.
        case carriedOut
    }

    /// What a slice's answer holds for the index.
    package struct Gathered: Sendable, Hashable {
        package var rawRows = 0
        package var studies: [StudyRecord] = []
        package var series: [SeriesRecord] = []

        package init() {}
    }

    private enum Step {
        case looking, openingLine, claiming, narrowing, asking, finishing, abandoning, givingBack, sleeping, stopped
    }

    /// The longest time without another look at the ledger.
    private static let longestSleep = Duration.seconds(5)
    /// An ordinary failure's shortest rest, of the slice and of the worker.
    private static let rest = Duration.seconds(2)
    /// Until another look at whether somebody has found out how many studies a source has a day.
    private static let exploration = Duration.milliseconds(250)

    /// More are not asked in place of an answer that only lacks a larger one, before it was asked for once more.
    private static let manyParts = 8

    let planner: Planner
    /// How long a source may go on failing before it is given up for this run.
    let patience: Duration

    private var step = Step.looking
    private var slice: ClaimedSlice?
    private var questions: [Question] = []
    private var answer = SliceAnswer()
    private var pages = RecordPages()
    /// C-FINDs that have brought it.
    private var answers = 0
    private var took = Duration.zero
    /// What follows when the slice has been ended.
    private var reasonToAbandon: String?
    private var afterGivingBack = Action.look
    /// Whether this worker asks what nobody knows the size of.
    private var explores = false

    package init(planner: Planner, patience: Duration) {
        self.planner = planner
        self.patience = patience
    }

    package mutating func start() -> Action { look() }

    /// The slice whose lease is to be kept while it is asked.
    package var claimed: ClaimedSlice? { slice }

    /// `jitter` is 0 to 1.
    package mutating func handle(_ event: Event, _ experience: inout Experience, jitter: Double) -> Action {
        switch (step, event) {
        case (.looking, .outlook(nil)): return giveBack(then: .stop)
        case (.looking, .outlook(let wait?)) where wait > .zero:
            // Others hold the rest. An idle association would only occupy a place at the source.
            return giveBack(then: .sleep(min(max(wait, .milliseconds(20)), .seconds(1)), nil))
        case (.looking, .outlook):
            // How many studies a day has is found out by one, for all.
            return experience.isExploring ? giveBack(then: .sleep(Self.exploration, nil)) : openLine()
        case (.openingLine, .line(let outcome)): return opened(outcome, &experience, jitter)
        case (.claiming, .claimed(let claim)): return claimed(claim, &experience)
        case (.narrowing, .narrowed(let newer)):
            // Of a slice that is somebody else's nothing is said, whatever comes next.
            slice = newer
            guard let newer else {
                endExploring(&experience)
                return claim()
            }
            return begin(newer, &experience)
        case (.asking, .answered(let outcome, let part)): return answered(outcome, part, &experience, jitter)
        case (.finishing, .finished):
            endExploring(&experience)
            if let reasonToAbandon { return abandon(reasonToAbandon) }
            return look()
        case (.abandoning, .carriedOut): return giveBack(then: .stop)
        case (.givingBack, .carriedOut):
            if case .sleep = afterGivingBack { step = .sleeping } else { step = .stopped }
            return afterGivingBack
        case (.sleeping, .carriedOut): return slice == nil ? look() : ask()
        default:
            // Own bug: the slice, if there is one, is leased again when its lease has run out.
            step = .stopped
            return .stop
        }
    }

    // MARK: Steps

    private mutating func look() -> Action {
        step = .looking
        return .look
    }

    private mutating func openLine() -> Action {
        step = .openingLine
        return .openLine
    }

    private mutating func claim() -> Action {
        step = .claiming
        return .claim
    }

    private mutating func sleep(_ duration: Duration, _ reason: WaitReason?) -> Action {
        step = .sleeping
        return .sleep(min(duration, Self.longestSleep), reason)
    }

    private mutating func abandon(_ reason: String) -> Action {
        step = .abandoning
        reasonToAbandon = nil
        return .abandon(reason: reason)
    }

    private mutating func giveBack(then next: Action) -> Action {
        step = .givingBack
        afterGivingBack = next
        return .giveLineBack
    }

    // MARK: The association

    private mutating func opened(
        _ outcome: LineMachine.Outcome, _ experience: inout Experience, _ jitter: Double
    ) -> Action {
        switch outcome {
        case .ready, .answered: return claim()
        case .notNow(let wait, let reason, let failingFor):
            if reason == .resting, failingFor + wait >= patience {
                return abandon(experience.words(failing: failingFor))
            }
            return sleep(wait, reason)
        case .failed(let error, _, _, let health):
            let setback = Setback(error, rows: 0)
            if case .permanent(let failure) = setback { return abandon(failure.message) }
            experience.lastFailure = error.description
            if health.failingFor >= patience { return abandon(experience.words(failing: health.failingFor)) }
            return sleep(max(health.restsFor, Self.rest * (0.5 + jitter / 2)), .resting)
        case .closed: return look()
        }
    }

    // MARK: The slice

    private mutating func claimed(_ claim: Claim, _ experience: inout Experience) -> Action {
        switch claim {
        case .drained: return giveBack(then: .stop)
        case .wait(let duration): return giveBack(then: .sleep(duration, nil))
        case .slice(let slice):
            self.slice = slice
            answer = SliceAnswer()
            pages = RecordPages()
            answers = 0
            took = .zero
            // Series teach nothing of how many studies a day has. Until it is known nothing else is asked either: what lies
            // in the future, and is empty for decades, would be taken for what the past is like.
            if slice.level == .study, slice.range.axis == .dates, !experience.density.isKnown {
                if experience.isExploring, !slice.isSized || experience.mayWait() {
                    return finish(.deferred(Self.exploration))
                }
                if !slice.isSized {
                    experience.isExploring = true
                    explores = true
                }
            }
            guard slice.range.axis == .dates, let dates = slice.range.dates else { return begin(slice, &experience) }
            let isWhole = slice.isSized || experience.isFuture(slice.range)
            let lower = isWhole ? nil : planner.cut(dates, experience)
            if slice.level == .study, experience.claimed(dates, cut: lower) {
                return finish(.deferred(Self.exploration))
            }
            guard let lower else { return begin(slice, &experience) }
            step = .narrowing
            return .narrow(slice, to: lower)
        }
    }

    private mutating func endExploring(_ experience: inout Experience) {
        if explores { experience.isExploring = false }
        explores = false
    }

    private mutating func begin(_ slice: ClaimedSlice, _ experience: inout Experience) -> Action {
        if slice.level == .study, let divided = dividedUnseen(slice.range, &experience) { return finish(divided) }
        switch slice.range.axis {
        case .prefixes where slice.range.patientPrefix == "":
            // It stands for all patient IDs, and cannot be asked as such.
            let nothing = Answer(end: .success, rawRows: 0, distinct: 0)
            let parts = planner.parts(of: slice.range, nothing, [], experience)
            return parts.isEmpty
                ? finish(.irreducible(proof(.success, 0), reason: SplitReason.patientKeysIgnored.rawValue))
                : finish(split(parts, .allPatients, proof(.success, 0)))
        case .uids where slice.level == .study:
            guard let control = slice.controlUID else {
                return finish(
                    .irreducible(
                        proof(.success, 0), reason: "no study is known there that would show that it answers by UID"))
            }
            questions = [control].map { Question(range: SliceRange(uids: [$0])) } + [Question(range: slice.range)]
        case .uids:
            questions = (slice.range.uids ?? []).map { Question(level: slice.level, range: SliceRange(uids: [$0])) }
        default:
            let isPaged = slice.level == .study && planner.capabilities.recordKeys == .works
            questions = [Question(level: slice.level, range: slice.range, after: isPaged ? .start : nil)]
        }
        return ask()
    }

    /// What comes of a range of days that is not asked: its parts are, or it waits; nil: it is asked.
    private func dividedUnseen(_ range: SliceRange, _ experience: inout Experience) -> SliceOutcome? {
        if let day = range.day, let parts = planner.partsOfCrowdedTimes(range, experience) {
            experience.dividedTimes(of: day)
            return split(parts, .crowdedDay, proof(nil, 0))
        }
        let search = experience.search(range, most: planner.mostRows(experience))
        if search == .wait { return .deferred(Self.exploration) }
        let isHere = search == .isHere
        if let day = range.day, let parts = planner.partsOfCrowdedDay(range, experience, isCrowded: isHere) {
            experience.divided(day, parts: parts.count)
            return split(parts, .crowdedDay, proof(nil, 0))
        }
        guard isHere, range.day == nil, let dates = range.dates else { return nil }
        experience.dividedUnseen(range)
        let halves = Planner.halves(of: dates, experience.density).map { SliceRange(dates: $0) }
        return halves.isEmpty ? nil : split(halves, .crowdedDay, proof(nil, 0))
    }

    private mutating func ask() -> Action {
        guard let question = questions.first else {
            return finish(.complete(proof(.success, answer.merged().count)))
        }
        step = .asking
        return .ask(question)
    }

    private mutating func answered(
        _ outcome: LineMachine.Outcome, _ part: SliceAnswer, _ experience: inout Experience, _ jitter: Double
    ) -> Action {
        if case .notNow(let wait, let reason, _) = outcome, reason == .gap || reason == .places {
            // Its turn comes, and it is asked afresh: the second question of a slice would never be put to a source that
            // takes one per association otherwise.
            return sleep(wait, nil)
        }
        answer.add(part)
        answers += 1
        switch outcome {
        case .answered(let time):
            took += time
            return turnPage(part, isCut: false, &experience) ?? goOn(part, &experience)
        case .failed(let error, let rows, let time, let health):
            took += time
            if error.status == 0xB001, let next = turnPage(part, isCut: true, &experience) { return next }
            return failed(error, rows: rows, health, &experience, jitter)
        case .notNow(let wait, _, _): return finish(.deferred(wait))
        case .ready, .closed: return finish(.deferred(Self.rest))
        }
    }

    /// Asks for what comes after a page; nil: nothing does as far as can be known, or it is none.
    private mutating func turnPage(
        _ page: SliceAnswer, isCut: Bool, _ experience: inout Experience
    ) -> Action? {
        guard questions.first?.after != nil else { return nil }
        let next = pages.next(after: page, isCut: isCut, largestPage: experience.largestPage)
        experience.largestPage = max(experience.largestPage, page.rawRows)
        guard let next else { return nil }
        guard answer.rawRows < SliceAnswer.maximumRows else { return judged(.outOfTime, &experience) }
        questions[0].after = next
        return ask()
    }

    private mutating func goOn(_ part: SliceAnswer, _ experience: inout Experience) -> Action {
        guard let slice, let asked = questions.first else { return look() }
        questions.removeFirst()
        let isConfirmation = slice.range.axis == .uids && slice.level == .study
        if isConfirmation, asked.range != slice.range,
            !part.studies.contains(where: { $0.studyInstanceUID == slice.controlUID })
        {
            return finish(
                .irreducible(
                    proof(.success, answer.merged().count),
                    reason: "it did not find by its UID a study that it has shown lately"))
        }
        if !questions.isEmpty { return ask() }
        return judged(.success, &experience)
    }

    /// What came of the slice's answer.
    private mutating func judged(_ end: AnswerEnd, _ experience: inout Experience) -> Action {
        guard let slice else { return look() }
        let records = answer.merged()
        let distinct = slice.level == .series ? Set(answer.series.map(\.seriesInstanceUID)).count : records.count
        let proof = proof(end, distinct)
        let largest = max(slice.largestAnswer, experience.mostSent)
        let summary = Answer(end: end, rawRows: answer.rawRows, distinct: distinct, outside: answer.outside)
        let isByUID = slice.range.axis == .uids
        let isWhole = end == .success && (isByUID || pages.areComplete)
        if case .refused = end {
            experience.noteRefusal(on: slice.range.axis)
        } else {
            experience.noteAnswer(on: slice.range.axis, summary)
        }
        let verdict =
            isWhole
            ? .complete
            : planner.judge(slice.range, summary, records: records, largestAnswer: largest, experience: experience)
        if end == .success, !isByUID, slice.level == .study {
            experience.learn(
                slice.range, rows: answer.rawRows, records, isWhole: verdict == .complete, isOneAnswer: answers == 1)
        }
        if experience.isRefusedAltogether { reasonToAbandon = "it refuses even ranges within a day" }
        if verdict != .complete {
            experience.overflowed(slice.range, summary, records, isOneAnswer: answers == 1)
        }
        switch verdict {
        case .complete where answer.unreadable > 0:
            // A row that cannot be read may be a study that nobody will ever see here.
            return finish(.irreducible(proof, reason: "\(answer.unreadable) unreadable rows"))
        case .complete
        where experience.partAnswered(slice.range, rows: distinct, most: planner.mostRows(experience)):
            let day = SliceRange(dates: slice.range.dates)
            return finish(split([day], .notCrowded, proof))
        case .complete: return finish(.complete(proof))
        case .split(let parts, .largestAnswer)
        where parts.count > Self.manyParts && experience.mayWaitForLarger(slice.range):
            return finish(.deferred(Self.rest))
        case .split(let parts, let reason): return finish(split(parts, reason, proof))
        case .irreducible(let reason): return finish(.irreducible(proof, reason: reason.rawValue))
        }
    }

    private mutating func failed(
        _ error: DIMSEError, rows: Int, _ health: SourceHealth, _ experience: inout Experience, _ jitter: Double
    ) -> Action {
        if error.code == .noAcceptedContext, questions.first?.after != nil {
            // It took Repository Queries when it was probed.
            questions[0].after = nil
            answer = SliceAnswer()
            answers = 0
            return ask()
        }
        switch Setback(error, rows: rows) {
        case .tooBroad(let end): return judged(end, &experience)
        case .notAsked: return finish(.deferred(max(health.restsFor, Self.rest)))
        case .transient(let failure):
            experience.lastFailure = failure.message
            if health.failingFor >= patience { reasonToAbandon = experience.words(failing: health.failingFor) }
            return finish(
                .failed(
                    code: failure.code, message: failure.message, transient: true, retryAfter: Self.rest,
                    jitter: jitter))
        case .permanent(let failure):
            reasonToAbandon = failure.message
            return finish(
                .failed(
                    code: failure.code, message: failure.message, transient: false, retryAfter: .zero, jitter: jitter))
        }
    }

    // MARK: Ending it

    private mutating func finish(_ outcome: SliceOutcome) -> Action {
        guard let slice else { return look() }
        var gathered = Gathered()
        gathered.rawRows = answer.rawRows
        gathered.studies = answer.merged()
        gathered.series = answer.series
        self.slice = nil
        answer = SliceAnswer()
        step = .finishing
        return .finish(slice, outcome, gathered)
    }

    private func split(_ parts: [SliceRange], _ reason: SplitReason, _ proof: SliceProof) -> SliceOutcome {
        let (source, level) = (slice?.sourceID ?? 0, slice?.level ?? .study)
        return .split(
            proof, reason: reason.rawValue,
            children: parts.map { part in
                // Days are cut as those before them have taught when they are claimed.
                NewSlice(sourceID: source, level: level, range: part, isSized: part.axis != .dates || part.day != nil)
            })
    }

    /// nil: nothing was asked. No one answer had the rows of several, and other answers are not to be trusted by them.
    private func proof(_ end: AnswerEnd?, _ distinct: Int) -> SliceProof {
        var digest = UIDDigest()
        for uid in Set(answer.studies.map(\.studyInstanceUID)) { digest.add(uid) }
        return SliceProof(
            rawRows: answer.rawRows, distinctUIDs: distinct,
            filteredOut: answer.outside.values.reduce(0, +) + answer.unreadable, uidDigest: digest.value,
            finalStatus: answers > 1 ? nil : end?.status, duration: took)
    }
}
