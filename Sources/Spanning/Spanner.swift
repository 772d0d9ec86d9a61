import DICOM
import DIMSE
import Logging
import StudyIndex
import Sweep
import Synchronization

/// A source that may be asked live.
package struct SpanningSource: Sendable {
    package var source: SweepSource
    /// Of patient IDs that it sends without one.
    package var issuer: String
    /// Those that its studies may belong to.
    package var facilities: Set<String>

    package init(source: SweepSource, issuer: String, facilities: Set<String> = []) {
        self.source = source
        self.issuer = issuer
        self.facilities = facilities
    }
}

/// Asks sources live for what the index cannot vouch for, and writes their answers through to it (F119): the answer to a
/// query is then read from the index, by all its rules. Live answers prove no coverage.
///
/// Every question is paid from its source's budget, like all others. Identical ones under way are asked once.
package final class Spanner: Sendable {
    private let sources: [SpanningSource]
    private let access: any LiveAccess
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let coverage: CoverageReader
    /// By source: as many questions under way as it takes associations.
    private let turnstiles: [String: Turnstile]
    private let answered = Mutex<[LiveQuestion: ContinuousClock.Instant]>([:])
    private let flights = Mutex<[LiveQuestion: Flight<LiveAnswer>]>([:])

    struct LiveAnswer: Sendable {
        /// Why it is none, or not whole.
        var absence: String?
        /// Asked again, it may be whole.
        var isTransient = false
        /// Instances are not kept in the index, and handed on as they came.
        var instances: [CatalogInstance] = []
        /// Study Instance UIDs of the studies that it shows, or that a series belongs to.
        var studies: Set<String> = []
    }

    package convenience init(
        sources: [SpanningSource], pool: AssociationPool, clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.init(sources: sources, access: IndexedAccess(pool: pool), clock: clock, logger: logger)
    }

    package init(
        sources: [SpanningSource], access: any LiveAccess, clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger
    ) {
        self.sources = sources
        turnstiles = Dictionary(
            sources.map { ($0.source.name, Turnstile(width: $0.source.associations)) }, uniquingKeysWith: { $1 })
        self.access = access
        coverage = CoverageReader { try await access.coveredDays().filter { $0.level == .study } }
        self.clock = clock
        self.logger = logger
    }

    /// Sources of which something can be seen: others are neither asked nor missed.
    package func sourceNames(within visibility: Visibility) -> [String] {
        sources.filter { visibility.reaches($0.facilities) }.map(\.source.name)
    }

    /// Those that answer relational questions, as a probe has found.
    package func relationalNames(within visibility: Visibility) -> [String] {
        sources.filter { visibility.reaches($0.facilities) && $0.source.capabilities.relationalSeries == .works }
            .map(\.source.name)
    }

    /// Of the sources with these AE titles, in their order.
    package func names(ofAETitles titles: [String]) -> [String] {
        titles.flatMap { title in sources.filter { $0.source.peer.called.value == title }.map(\.source.name) }
    }

    // MARK: Questions

    /// What would have to be asked for this query.
    ///
    /// - Parameter names: sources that take part; nil: all.
    package func plan(
        _ query: StudyQuery, found: [StudyRecord], policy: SpanningPolicy, freshness: Freshness, today: DICOMDate,
        at names: [String]? = nil, within visibility: Visibility
    ) async throws -> SpanPlan {
        SpanPlan(
            query, found: found, policy: policy,
            sources: sources.filter {
                visibility.reaches($0.facilities) && names?.contains($0.source.name) ?? true
            }.map { ($0.source.name, $0.issuer) },
            knowledge: try await coverage.knowledge(CoverageReader.Terms(freshness: freshness, today: today)))
    }

    /// Asks all of the plan's questions, and returns when each was answered or its time is over. What was answered is in the
    /// index then.
    ///
    /// - Parameter age: questions that were answered no longer ago are not asked again; nil: all are.
    package func ask(
        _ plan: SpanPlan, for query: StudyQuery, unlessAnsweredWithin age: Duration?, _ rules: SpanRules
    ) async -> SpanAnswers {
        let now = ContinuousClock.now
        let keys = LiveQuestion.Key.all(query.selector)
        var oldest = plan.age
        let questions = plan.questions.flatMap { question in
            keys.map { LiveQuestion.studies(source: question.source, $0, dates: question.dates) }
        }.filter { question in
            guard let age, let last = answered.withLock({ $0[question] }), now - last <= age else { return true }
            oldest = max(oldest ?? .zero, now - last)
            return false
        }
        var answers = await ask(questions, rules)
        answers.age = oldest ?? (answers.isProof ? .zero : nil)
        return answers
    }

    /// More are not remembered: what is forgotten is asked again.
    private static let mostAnswered = 20_000

    private func note(_ question: LiveQuestion, askedAt start: ContinuousClock.Instant) {
        answered.withLock { answered in
            if answered.count >= Self.mostAnswered { answered.removeAll(keepingCapacity: true) }
            answered[question] = start
        }
    }

    /// Asks sources for the series of a study, and keeps them.
    package func askSeries(of study: String, at names: [String], _ rules: SpanRules) async -> SpanAnswers {
        await ask(names.map { .series(source: $0, study: study) }, rules)
    }

    /// The studies that series belong to, of the sources that can be asked for a series alone.
    ///
    /// - Parameter names: sources that take part; nil: all.
    package func askStudies(
        ofSeries series: [String], at names: [String]? = nil, within visibility: Visibility, _ rules: SpanRules
    ) async -> SpanAnswers {
        let questions = relationalNames(within: visibility).filter { names?.contains($0) ?? true }.flatMap { name in
            series.map { LiveQuestion.studyOfSeries(source: name, series: $0) }
        }
        return await ask(questions, rules)
    }

    /// Asks for the instances of all these series at once.
    ///
    /// - Parameter names: sources that take part; nil: all who hold a series.
    package func askInstances(
        of series: [CatalogSeries], at names: [String]? = nil, _ rules: SpanRules
    ) async -> SpanAnswers {
        let questions = series.flatMap { series in
            self.names(ofAETitles: series.holders).filter { names?.contains($0) ?? true }.map {
                LiveQuestion.instances(
                    source: $0, study: series.record.studyInstanceUID, series: series.record.seriesInstanceUID)
            }
        }
        return await ask(questions, rules)
    }

    /// How a source answers a C-ECHO.
    package enum Health: Sendable, Hashable {
        case up(took: Duration)
        case down(reason: String)
        case unknown
    }

    package func echo(_ name: String, within deadline: Duration) async -> Health {
        guard let source = sources.first(where: { $0.source.name == name })?.source else { return .unknown }
        let flight = Flight<Health>()
        let ticket = flight.join()
        Task {
            do {
                flight.land(.up(took: try await access.echo(source)))
            } catch {
                flight.land(.down(reason: "\(error)"))
            }
        }
        return await flight.value(ticket, within: deadline, clock)
            ?? .down(reason: "no answer within \(deadline.inWords)")
    }

    // MARK: Asking

    /// Asks each source all that is asked of it at once, and as many sources at a time as the rules allow.
    private func ask(_ questions: [LiveQuestion], _ rules: SpanRules) async -> SpanAnswers {
        guard !questions.isEmpty else { return SpanAnswers() }
        let start = ContinuousClock.now
        let bySource = Dictionary(grouping: questions, by: \.source)
        var waiting = rules.inOrder(Array(bySource.keys))[...]
        var answers = SpanAnswers()
        answers.asked = Set(bySource.keys)
        await withTaskGroup(of: (String, [LiveAnswer]).self) { group in
            func askNext() {
                guard let source = waiting.popFirst() else { return }
                rules.onProgress(source, .pending)
                group.addTask { (source, await self.ask(source, bySource[source] ?? [], rules, since: start)) }
            }
            for _ in 0..<max(1, min(rules.concurrentSources, waiting.count)) { askNext() }
            for await (source, answer) in group {
                answers.take(answer, from: source)
                let reason = answers.absences.first { $0.source == source }?.reason
                rules.onProgress(source, reason.map { .failed(reason: $0) } ?? .answered)
                if rules.isLost(answers.absences) {
                    // Nobody waits for the others; what is under way is kept when it comes.
                    group.cancelAll()
                    return
                }
                askNext()
            }
        }
        answers.absences.sort { ($0.source, $0.reason) < ($1.source, $1.reason) }
        answers.instances.sort { $0.source < $1.source }
        return answers
    }

    /// Asks one source; a question that failed again while there is time and the rules allow it.
    private func ask(
        _ source: String, _ questions: [LiveQuestion], _ rules: SpanRules, since start: ContinuousClock.Instant
    ) async -> [LiveAnswer] {
        let deadline = rules.deadline(of: source)
        let tooLate = LiveAnswer(absence: "no answer within \(deadline.inWords)")
        // Its turn came after its time: an answer that nobody waits for is not asked for.
        guard ContinuousClock.now - start < deadline else { return [tooLate] }
        return await withTaskGroup(of: LiveAnswer.self) { group in
            for question in questions {
                // Joined here, so that identical questions of one moment are one.
                let first = flight(of: question)
                group.addTask {
                    var (flight, ticket) = first
                    for attempt in 0... {
                        let left = deadline - (ContinuousClock.now - start)
                        guard let answer = await flight.value(ticket, within: max(.zero, left), self.clock) else {
                            break
                        }
                        guard answer.isTransient, attempt < rules.retries else { return answer }
                        try? await self.clock.sleep(for: Self.retryPause)
                        if Task.isCancelled { return answer }
                        (flight, ticket) = self.flight(of: question)
                    }
                    return tooLate
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Before a question that failed is asked again.
    private static let retryPause = Duration.milliseconds(200)

    /// The same question under way, or a new one. It is not the caller's child: it outlives callers that give up.
    private func flight(of question: LiveQuestion) -> (Flight<LiveAnswer>, ticket: Int) {
        let (flight, ticket, isNew) = flights.withLock { flights in
            let known = flights[question]
            let flight = known ?? Flight<LiveAnswer>()
            flights[question] = flight
            return (flight, flight.join(), known == nil)
        }
        guard isNew else { return (flight, ticket) }
        Task {
            let turnstile = turnstiles[question.source]
            await turnstile?.enter()
            // Taken out first where nobody waits: who comes now gets a question of their own.
            let isWanted = flights.withLock { flights in
                if flight.isAwaited { return true }
                flights[question] = nil
                return false
            }
            let start = ContinuousClock.now
            let answer = isWanted ? await answer(to: question) : LiveAnswer(absence: "nobody waited for its turn")
            if answer.absence == nil { note(question, askedAt: start) }
            turnstile?.leave()
            flights.withLock { flights in
                if flights[question] === flight { flights[question] = nil }
            }
            flight.land(answer)
        }
        return (flight, ticket)
    }

    private func answer(to question: LiveQuestion) async -> LiveAnswer {
        guard let source = sources.first(where: { $0.source.name == question.source })?.source else {
            return LiveAnswer(absence: "not configured")
        }
        let gathered = Mutex<[FindResponse]>([])
        var absence: String?
        var isTransient = false
        let start = ContinuousClock.now
        do {
            try await access.find(question.identifier(institution: source.asksForInstitutions), at: source) {
                response in
                try gathered.withLock { responses in
                    guard responses.count < Self.mostMatches else { throw TooMany() }
                    responses.append(response)
                }
            }
        } catch {
            absence = "\(error)"
            if case LiveSource.Refusal.failed = error { isTransient = true }
        }
        let responses = gathered.withLock { $0 }
        // Success is not enough: what is true of a sweep's answers is true of these.
        absence = absence ?? source.doubt(rows: responses.count)
        do {
            var answer = try await keep(
                responses, to: question, from: source, asked: ContinuousClock.now - start, absence)
            answer.isTransient = isTransient
            return answer
        } catch {
            // Nothing of the answer is lost that a sweep would not find.
            logger.error("a live answer was not kept", metadata: ["source": "\(source.name)", "error": "\(error)"])
            return LiveAnswer(absence: absence ?? "its answer could not be kept")
        }
    }

    /// More than a question about one patient or day brings.
    private static let mostMatches = 10_000
    private struct TooMany: Error, CustomStringConvertible {
        var description: String { "more than \(Spanner.mostMatches) matches" }
    }

    /// Writes an answer through to the index, whatever keeps it from being whole.
    private func keep(
        _ responses: [FindResponse], to question: LiveQuestion, from source: SweepSource, asked: Duration,
        _ absence: String?
    ) async throws -> LiveAnswer {
        var answer = LiveAnswer(absence: absence)
        /// A row that cannot be read may be the one that was asked for.
        func readable<Row>(_ read: (FindResponse) -> Row?) -> [Row] {
            let rows = responses.compactMap(read)
            if rows.count < responses.count, answer.absence == nil {
                answer.absence = "\(responses.count - rows.count) unreadable rows"
            }
            return rows
        }
        switch question {
        case .studies:
            let records = readable { response in
                (try? response.record()).flatMap { $0.studyInstanceUID.isEmpty ? nil : $0 }
            }
            let merged = StudyRecord.merged(records)
            answer.studies = Set(merged.map(\.studyInstanceUID))
            try await access.keep(merged, of: source)
        case .series(_, let study):
            let records = readable { response in
                (try? response.dataSet()).map { dataSet in
                    var record = SeriesRecord(dataSet)
                    // An answer need not repeat the study that was asked for.
                    if record.studyInstanceUID.isEmpty { record[.studyInstanceUID] = study }
                    return record
                }
            }.filter { $0.studyInstanceUID == study }
            // A part of the series would look like all of them.
            guard answer.absence == nil else { break }
            try await access.keep(records, of: source, study: study, asked: asked)
        case .studyOfSeries(_, let series):
            // Who ignores the key shows others too.
            let shown = readable { try? $0.dataSet() }.filter { $0.text(.seriesInstanceUID) == series }
            answer.studies = Set(shown.compactMap { $0.text(.studyInstanceUID) }.filter(\.isUID))
        case .instances(_, let study, let series):
            answer.instances = readable { try? $0.dataSet() }.filter { dataSet in
                let shown = dataSet.text(.seriesInstanceUID) ?? ""
                return shown.isEmpty || shown == series
            }.map {
                CatalogInstance(
                    study: study, series: series, dataSet: $0, holders: [source.peer.called.value])
            }
        }
        return answer
    }
}

extension Duration {
    /// `5 s`, `300 ms`.
    fileprivate var inWords: String {
        let (seconds, attoseconds) = components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        return milliseconds == 0 ? "\(seconds) s" : "\(seconds * 1_000 + milliseconds) ms"
    }
}
