import DICOM
import DIMSE
import Foundation
import StudyIndex

@testable import Sweep

/// A whole sweep in one thread: sources, processes with workers, a database, and everything that can go wrong with them,
/// on a clock of its own and by one seed. The workers are the production machines; only the driving is the simulation's.
///
/// It stops at the first thing that must never happen and says what it was.
final class Simulation {
    struct Broken: Error, CustomStringConvertible {
        var seed: UInt64
        var what: String
        var description: String { "seed \(seed): \(what)" }
    }

    private enum Item {
        /// The request reaches the database, for the so-many-th time.
        case apply(worker: Int, generation: Int, number: Int, Asked, attempt: Int, askedAt: Moment)
        case hear(worker: Int, generation: Int, number: Int, Said, askedAt: Moment)
        case network(worker: Int, generation: Int, number: Int, LineMachine.Event, [StudyRecord])
        case wake(worker: Int, generation: Int, number: Int)
        case keepPlaces(process: Int, incarnation: Int)
        case keepSlice(worker: Int, generation: Int, number: Int)
        case startProcess(Int)
        case crashProcess(Int)
        case disturb
    }

    private struct Process {
        var incarnation = 0
        var isUp = false
        /// When each place was last known to be ours.
        var places: [LeaseID: (worker: Int, renewed: Moment)] = [:]
        var experience: [Int32: Experience] = [:]
    }

    let seed: UInt64
    let ledger: any SimulatedLedger
    let model: LedgerModel
    private(set) var sources: [SimulatedSource] = []
    private var chance: Chance
    private var agenda = Agenda<Item>()
    private var now: Moment = 0
    /// The database's clock minus the world's.
    private var skew: Moment = 1_795_000_000_000_000
    private var jumps: [Moment] = []
    private var databaseDownUntil = Moment.min
    private var processes: [Process]
    private var workers: [SimulatedWorker] = []
    private var run: RunID?
    private var isTroubled = true
    private var deletes = false
    private let workersPerSource: Int
    /// What happened, for a person who looks into a seed.
    var trace: ((String) -> Void)?

    /// `makeLedger` gets the limits of the sources, by id, and the model, which it may use or wrap.
    init(seed: UInt64, _ makeLedger: (LedgerModel) -> any SimulatedLedger) {
        self.seed = seed
        var chance = Chance(seed: seed)
        sources = (0..<(1 + chance.below(2))).map { SimulatedSource(id: Int32($0 + 1), &chance) }
        model = LedgerModel(Dictionary(uniqueKeysWithValues: sources.map { ($0.id, $0.limits) }))
        ledger = makeLedger(model)
        processes = Array(repeating: Process(), count: 1 + chance.below(3))
        workersPerSource = 1 + chance.below(2)
        self.chance = chance
    }

    // MARK: The story

    /// A sweep in trouble, then quiet ones, until everything that can be known is known.
    func play() async throws {
        let faults = [0, 0.02, 0.1, 0.3][chance.below(4)]
        for source in sources { source.faults = faults }
        try await sweep("troubled")
        isTroubled = false
        for source in sources { source.faults = 0 }
        now += 3_600_000_000
        try await sweep("quiet")
        try checkIndex()
        if chance.chance(0.3) {
            deletes = true
            for source in sources { for _ in 0..<3 { source.live(at: now, deletes: true, &chance) } }
            var proven: [Set<Int>] = []
            for night in 1...2 {
                now += 86_400_000_000
                let begin = now + skew
                try await sweep("night \(night)")
                proven.append(provenDays(since: begin))
            }
            try checkIndex()
            try checkVanished(of: proven[0].intersection(proven[1]))
        }
    }

    private func sweep(_ key: String) async throws {
        trace?("— \(key) sweep")
        let roots = sources.flatMap { source in
            planner(source).roots(
                of: DateRange(lower: nil, upper: nil), today: source.firstDay.adding(days: source.days)
            )
            .map { NewSlice(sourceID: source.id, range: SliceRange(dates: $0.range), isSized: $0.isSized) }
        }
        let run = try await ledger.openRun(roots, key: key, at: now + skew)
        self.run = run
        try await work()
        var confirmations: [NewSlice] = []
        for source in sources {
            confirmations += try await ledger.vanishing(source.id, at: now + skew).map {
                NewSlice(sourceID: source.id, range: SliceRange(uids: [$0]))
            }
        }
        if !confirmations.isEmpty {
            try await ledger.add(confirmations, to: run, at: now + skew)
            try await work()
        }
        try await ledger.closeRun(run, at: now + skew)
    }

    private func planner(_ source: SimulatedSource) -> Planner {
        var capabilities = Capabilities()
        if let cap = model.capabilities[source.id]?[CapabilityName.silentCap] { capabilities.silentCap = Int(cap) }
        if let cap = model.capabilities[source.id]?[CapabilityName.announcedCap] {
            capabilities.announcedCap = Int(cap)
        }
        if model.capabilities[source.id]?[Capabilities.Name.queriesPerAssociation] != nil {
            capabilities.queriesPerAssociation = 1
        }
        if source.takesRecordKeys { capabilities.recordKeys = .works }
        return Planner(capabilities: capabilities)
    }

    private func work() async throws {
        let started = now
        agenda = Agenda()
        workers = []
        for process in processes.indices {
            processes[process] = Process(incarnation: processes[process].incarnation)
            agenda.plan(.startProcess(process), at: now + Moment(chance.below(100_000)))
        }
        if isTroubled { agenda.plan(.disturb, at: now + Moment(chance.below(5_000_000))) }
        var steps = 0
        while let (time, item) = agenda.next() {
            now = max(now, time)
            steps += 1
            guard steps < 400_000, now - started < 7 * 86_400_000_000 else {
                throw broken("no end after \(steps) steps and \((now - started) / 3_600_000_000) h")
            }
            try await happen(item)
            for source in sources where steps % 64 == 0 {
                if let overspent = source.overspendingNow(jumps: jumps) { throw broken(overspent) }
            }
            if steps % 16 == 0, try await isOver() { break }
        }
        for source in sources {
            if let overspent = source.overspending(jumps: jumps) { throw broken(overspent) }
        }
    }

    private func isOver() async throws -> Bool {
        guard let run else { return true }
        guard workers.allSatisfy(\.isDone) else { return false }
        for source in sources where model.outlook(run, source.id, at: now + skew) != nil { return false }
        return true
    }

    private func broken(_ what: String) -> Broken { Broken(seed: seed, what: what) }

    // MARK: What happens

    private func happen(_ item: Item) async throws {
        switch item {
        case .apply(let worker, let generation, let number, let asked, let attempt, let askedAt):
            guard isCurrent(worker, generation, number) else {
                // Its process is gone; what it had sent arrives all the same, now and then.
                if chance.chance(0.5), now >= databaseDownUntil {
                    _ = try await carryOut(asked, workers[worker], isHeard: false)
                }
                return
            }
            try await apply(asked, worker, attempt: attempt, askedAt: askedAt)
        case .hear(let worker, let generation, let number, let said, let askedAt):
            guard isCurrent(worker, generation, number) else { return }
            try await heard(said, worker, askedAt: askedAt)
        case .network(let worker, let generation, let number, let event, let rows):
            guard isCurrent(worker, generation, number) else { return }
            try await answered(event, rows, worker)
        case .wake(let worker, let generation, let number):
            guard isCurrent(worker, generation, number) else { return }
            try await woke(worker)
        case .keepPlaces(let process, let incarnation):
            guard processes[process].isUp, processes[process].incarnation == incarnation else { return }
            try await keepPlaces(process)
            agenda.plan(.keepPlaces(process: process, incarnation: incarnation), at: now + 2_000_000)
        case .keepSlice(let worker, let generation, let number):
            guard isCurrent(worker, generation, number), let slice = workers[worker].machine.claimed else { return }
            if now >= databaseDownUntil {
                guard try await ledger.renew(slice, at: now + skew) else { return }
                workers[worker].leased = now
            }
            agenda.plan(.keepSlice(worker: worker, generation: generation, number: number), at: now + 15_000_000)
        case .startProcess(let process): start(process)
        case .crashProcess(let process): crash(process)
        case .disturb: disturb()
        }
    }

    private func disturb() {
        guard isTroubled else { return }
        switch chance.below(6) {
        case 0: agenda.plan(.crashProcess(chance.below(processes.count)), at: now)
        case 1:
            databaseDownUntil = now + Moment(chance.below(chance.chance(0.2) ? 90_000_000 : 3_000_000))
            trace?("database down")
        case 2:
            // Either way; small against a lease, as clocks are stepped.
            let jump = Moment(chance.below(40_000_000)) - 20_000_000
            skew += jump
            if jump > 0 { jumps.append(now) }
            trace?("database's clock jumps by \(Double(jump) / 1e6) s")
        case 3:
            sources[chance.below(sources.count)].goDown(until: now + Moment(chance.below(60_000_000)))
        default: sources[chance.below(sources.count)].live(at: now, deletes: false, &chance)
        }
        agenda.plan(.disturb, at: now + Moment(chance.below(20_000_000)))
        // Not for ever.
        if chance.chance(0.02) { isTroubled = false }
    }

    // MARK: Processes

    private func start(_ process: Int) {
        processes[process].isUp = true
        processes[process].incarnation += 1
        processes[process].places = [:]
        processes[process].experience = [:]
        agenda.plan(
            .keepPlaces(process: process, incarnation: processes[process].incarnation), at: now + 2_000_000)
        for source in sources.indices {
            for _ in 0..<workersPerSource {
                let planner = planner(sources[source])
                workers.append(
                    SimulatedWorker(
                        process: process, source: source,
                        machine: WorkerMachine(planner: planner, patience: .seconds(600)),
                        line: LineMachine(
                            purpose: .sweep, queriesPerAssociation: planner.capabilities.queriesPerAssociation),
                        generation: workers.count))
                let number = workers.count - 1
                perform(workers[number].machine.start(), number)
            }
        }
    }

    /// Its connections are closed by the system; what it had in mind is gone.
    private func crash(_ process: Int) {
        guard processes[process].isUp else { return }
        trace?("process \(process) is killed")
        processes[process].isUp = false
        for worker in workers.indices where workers[worker].process == process && !workers[worker].isDone {
            if let connection = workers[worker].connection { sources[workers[worker].source].close(connection) }
            workers[worker].isDone = true
            workers[worker].waitingFor = -1
        }
        agenda.plan(.startProcess(process), at: now + Moment(chance.below(20_000_000)))
    }

    /// A worker gives up, because the database stays away; its process is started again by whoever watches it.
    private func despair(_ worker: Int) {
        let process = workers[worker].process
        crash(process)
    }

    private func isCurrent(_ worker: Int, _ generation: Int, _ number: Int) -> Bool {
        !workers[worker].isDone && workers[worker].generation == generation && workers[worker].waitingFor == number
    }

    private func keepPlaces(_ process: Int) async throws {
        let places = processes[process].places
        guard !places.isEmpty else { return }
        var ended: [Int] = []
        if now >= databaseDownUntil {
            let leases = places.keys.sorted { $0.value.uuidString < $1.value.uuidString }
            let held = try await ledger.renewLeases(leases, at: now + skew)
            for lease in leases {
                if held.contains(lease) {
                    processes[process].places[lease]?.renewed = now
                } else if let place = places[lease] {
                    ended.append(place.worker)
                }
            }
        } else {
            ended = places.values.filter { now - $0.renewed > AssociationPool.doubtful.microseconds }.map(\.worker)
                .sorted()
        }
        for worker in ended { try await interrupt(worker) }
    }

    /// Ends what is under way on an association.
    private func interrupt(_ worker: Int) async throws {
        guard !workers[worker].isDone, let connection = workers[worker].connection else { return }
        sources[workers[worker].source].close(connection)
        if workers[worker].sentAt != nil {
            let took = now - (workers[worker].sentAt ?? now)
            try await answered(.found(.given, rows: 0, took: .microseconds(took)), [], worker)
        }
    }

    // MARK: The machines' actions

    private func plan(_ worker: Int, after delay: Moment, _ make: (Int, Int, Int) -> Item) {
        workers[worker].waitingFor += 1
        let (generation, number) = (workers[worker].generation, workers[worker].waitingFor)
        agenda.plan(make(worker, generation, number), at: now + max(1, delay))
        let renewal = max(now, workers[worker].leased + 15_000_000)
        if workers[worker].machine.claimed != nil, renewal < now + delay {
            agenda.plan(.keepSlice(worker: worker, generation: generation, number: number), at: renewal)
        }
    }

    private func ask(_ asked: Asked, _ worker: Int) {
        let now = now
        plan(worker, after: 100 + Moment(chance.below(2_000))) {
            .apply(worker: $0, generation: $1, number: $2, asked, attempt: 0, askedAt: now)
        }
    }

    private func perform(_ action: WorkerMachine.Action, _ worker: Int) {
        switch action {
        case .look: ask(.outlook, worker)
        case .claim:
            workers[worker].leased = now
            ask(.claim, worker)
        case .narrow(let slice, let lower): ask(.narrow(slice, lower), worker)
        case .finish(let slice, let outcome, let gathered): ask(.finish(slice, outcome, gathered.studies), worker)
        case .abandon(let reason): ask(.abandon(reason), worker)
        case .openLine:
            workers[worker].asking = nil
            if workers[worker].line.referenceUID == nil { ask(.knownStudy, worker) } else { openLine(worker) }
        case .ask(let question):
            workers[worker].asking = question
            workers[worker].answer = SliceAnswer()
            noticeLoss(worker)
            perform(workers[worker].line.ask(question), worker)
        case .giveLineBack: perform(workers[worker].line.close(), worker)
        case .sleep(let duration, _):
            plan(worker, after: duration.microseconds) { .wake(worker: $0, generation: $1, number: $2) }
        case .stop:
            workers[worker].isStopping = true
            noticeLoss(worker)
            perform(workers[worker].line.close(), worker)
        }
    }

    private func openLine(_ worker: Int) {
        noticeLoss(worker)
        perform(workers[worker].line.open(), worker)
    }

    private func noticeLoss(_ worker: Int) {
        guard let connection = workers[worker].connection else { return }
        // The source's closing is seen before the next request, or not.
        guard !sources[workers[worker].source].isOpen(connection), chance.chance(0.5) else { return }
        workers[worker].line.lost()
        workers[worker].connection = nil
    }

    private func perform(_ action: LineMachine.Action, _ worker: Int) {
        let source = sources[workers[worker].source]
        switch action {
        case .openLease: ask(.openLease, worker)
        case .permit(let lease): ask(.permit(lease), worker)
        case .report(let lease, let outcome, let took): ask(.report(lease, outcome, took, chance.part()), worker)
        case .noteReference(let took): ask(.noteReference(took), worker)
        case .learnSingleQueries: ask(.learnSingleQueries, worker)
        case .closeLease(let lease):
            processes[workers[worker].process].places[lease] = nil
            ask(.closeLease(lease), worker)
        case .connect:
            switch source.connect(at: now, &chance) {
            case .open(let connection):
                workers[worker].connection = connection
                network(.connected(nil), worker, after: 3_000)
            case .failed(let error): network(.connected(error), worker, after: 3_000)
            }
        case .echo:
            let reply = source.echo(workers[worker].connection ?? -1, at: now)
            network(.echoed(reply.error), worker, after: reply.took)
        case .find(let question):
            let reply = source.find(question, workers[worker].connection ?? -1, at: now, &chance)
            workers[worker].sentAt = now
            if question == workers[worker].asking {
                let from = workers[worker].asked?.from ?? now
                workers[worker].asked = (min(from, now), now + reply.took)
            }
            network(
                .found(reply.error, rows: reply.rows.count, took: .microseconds(reply.took)), worker, after: reply.took,
                reply.rows)
        case .findGiven: break
        case .disconnect:
            if let connection = workers[worker].connection { source.close(connection) }
            workers[worker].connection = nil
            network(.carriedOut, worker, after: 1_000)
        case .sleep(let duration):
            plan(worker, after: duration.microseconds) { .wake(worker: $0, generation: $1, number: $2) }
        case .done(let outcome): lineEnded(outcome, worker)
        }
    }

    private func network(_ event: LineMachine.Event, _ worker: Int, after delay: Moment, _ rows: [StudyRecord] = []) {
        plan(worker, after: delay) { .network(worker: $0, generation: $1, number: $2, event, rows) }
    }

    private func lineEnded(_ outcome: LineMachine.Outcome, _ worker: Int) {
        if workers[worker].isStopping {
            workers[worker].isDone = true
            return
        }
        if case .closed = outcome { return feed(.carriedOut, worker) }
        if workers[worker].asking != nil {
            workers[worker].asking = nil
            return feed(.answered(outcome, workers[worker].answer), worker)
        }
        feed(.line(outcome), worker)
    }

    private func feed(_ event: WorkerMachine.Event, _ worker: Int) {
        let (process, id) = (workers[worker].process, sources[workers[worker].source].id)
        var experience = processes[process].experience[id] ?? Experience()
        let action = workers[worker].machine.handle(event, &experience, jitter: chance.part())
        processes[process].experience[id] = experience
        perform(action, worker)
    }

    private func woke(_ worker: Int) async throws {
        // The line machine sleeps for permits, the worker machine between looks.
        if workers[worker].line.isWaiting {
            perform(workers[worker].line.handle(.carriedOut), worker)
        } else {
            feed(.carriedOut, worker)
        }
    }

    private func answered(_ event: LineMachine.Event, _ rows: [StudyRecord], _ worker: Int) async throws {
        // Nothing else of what was planned for this question counts.
        workers[worker].waitingFor += 1
        workers[worker].sentAt = nil
        if case .found(let error, _, _) = event, let question = workers[worker].asking,
            workers[worker].line.isAsking(question)
        {
            for row in rows {
                let key = question.after.flatMap { _ in SimulatedSource.recordKey(of: row) }
                try workers[worker].answer.receive(row, for: question, key: key)
            }
            _ = error
        }
        perform(workers[worker].line.handle(event), worker)
    }

    // MARK: The ledger

    private func uuid() -> UUID {
        let (high, low) = (chance.bits(), chance.bits())
        return withUnsafeBytes(of: (high, low)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private func apply(_ asked: Asked, _ worker: Int, attempt: Int, askedAt: Moment) async throws {
        let isLostBefore = now < databaseDownUntil || (isTroubled && chance.chance(0.005))
        var said: Said?
        if !isLostBefore { said = try await carryOut(asked, workers[worker], isHeard: true) }
        let isLostAfter = isTroubled && chance.chance(0.005)
        if let said, !isLostAfter {
            plan(worker, after: 100 + Moment(chance.below(chance.chance(0.02) ? 200_000 : 2_000))) {
                .hear(worker: $0, generation: $1, number: $2, said, askedAt: askedAt)
            }
            return
        }
        let pauses = AssociationPool.databasePauses
        guard attempt < pauses.count else { return despair(worker) }
        plan(worker, after: pauses[attempt].microseconds) {
            .apply(worker: $0, generation: $1, number: $2, asked, attempt: attempt + 1, askedAt: askedAt)
        }
    }

    private func carryOut(_ asked: Asked, _ worker: SimulatedWorker, isHeard: Bool) async throws -> Said {
        let said = try await carryOut(asked, worker)
        trace?(
            "\(Double(now) / 1e6) \(worker.process)/\(worker.source)/\(worker.generation) \(asked) → \(said)\(isHeard ? "" : " unheard")"
        )
        return said
    }

    private func carryOut(_ asked: Asked, _ worker: SimulatedWorker) async throws -> Said {
        guard let run else { return .nothing }
        let (source, time) = (sources[worker.source].id, now + skew)
        switch asked {
        case .outlook: return .outlook(try await ledger.outlook(run, source, at: time))
        case .claim: return .claimed(try await ledger.claim(run, source, id: uuid(), at: time))
        case .narrow(let slice, let lower): return .narrowed(try await ledger.narrow(slice, to: lower, at: time))
        case .finish(let slice, let outcome, let records):
            let merged = try await ledger.finish(slice, outcome, records, at: time)
            if merged != nil { try checkCompleteness(slice, outcome, worker) }
            return .finished(merged)
        case .abandon(let reason):
            try await ledger.abandon(run, source, reason, at: time)
            return .nothing
        case .knownStudy: return .known(try await ledger.knownStudy(source, at: time))
        case .openLease: return .opening(try await ledger.openLease(source, id: uuid(), at: time))
        case .permit(let lease): return .permit(try await ledger.permit(source, lease, at: time))
        case .report(let lease, let outcome, let took, let jitter):
            return .reported(try await ledger.report(source, lease, outcome, took, jitter, at: time))
        case .noteReference(let took):
            try await ledger.noteReference(source, took, at: time)
            return .nothing
        case .learnSingleQueries:
            try await ledger.learnSingleQueries(source, at: time)
            return .nothing
        case .closeLease(let lease):
            try await ledger.closeLease(lease, at: time)
            return .nothing
        }
    }

    private func heard(_ said: Said, _ worker: Int, askedAt: Moment) async throws {
        switch said {
        case .outlook(let outlook): feed(.outlook(outlook), worker)
        case .claimed(let claim):
            workers[worker].asked = nil
            feed(.claimed(claim), worker)
        case .narrowed(let newer): feed(.narrowed(newer), worker)
        case .finished(let counts): feed(.finished(counts), worker)
        case .known(let uid):
            workers[worker].line.referenceUID = uid
            openLine(worker)
        case .opening(let opening):
            if case .granted(let lease, _) = opening {
                processes[workers[worker].process].places[lease] = (worker, askedAt)
            }
            perform(workers[worker].line.handle(.opening(opening)), worker)
        case .permit(let permit):
            if case .granted = permit, now - askedAt > 50_000, let lease = workers[worker].line.place {
                // Older than it looks: dropped, not returned.
                return ask(.permit(lease), worker)
            }
            perform(workers[worker].line.handle(.permit(permit)), worker)
        case .reported(let health): perform(workers[worker].line.handle(.reported(health)), worker)
        case .nothing:
            if workers[worker].line.isWaiting {
                perform(workers[worker].line.handle(.carriedOut), worker)
            } else {
                feed(.carriedOut, worker)
            }
        }
    }

    // MARK: What must never happen

    /// No false completeness: whatever was there while a range was asked that is now called complete, is in the index.
    private func checkCompleteness(_ slice: ClaimedSlice, _ outcome: SliceOutcome, _ worker: SimulatedWorker) throws {
        guard case .complete = outcome, slice.range.axis == .dates, let dates = slice.range.dates,
            let asked = worker.asked
        else { return }
        let source = sources[worker.source]
        let known = model.observations[source.id] ?? [:]
        for (uid, study) in source.studies {
            guard let date = study.date, dates.contains(date), study.since < asked.from,
                study.until.map({ $0 > asked.to }) ?? true
            else { continue }
            if known[uid] == nil {
                throw broken("source \(source.id) \(dates.da) is called complete, and lacks a study of \(date.da)")
            }
        }
    }

    /// After a quiet sweep the index is what the sources hold, but for what is said not to be known.
    private func checkIndex() throws {
        for source in sources {
            let known = model.observations[source.id] ?? [:]
            let covered = model.coverage[source.id] ?? []
            for (uid, study) in source.studies where study.until == nil {
                let observation = known[uid].flatMap { $0.vanishedAt == nil ? $0 : nil }
                if observation?.record == study.record { continue }
                guard let day = study.date?.daysSince1970 else { continue }
                guard let said = covered.first(where: { $0.days.contains(day) }) else {
                    throw broken("source \(source.id): a study is neither known nor in what was not asked")
                }
                // What is known is known of then; what came later is not in it.
                let isLater = study.changed > said.verifiedAt - skew - 300_000_000
                let isSaid =
                    said.state == .hole || (said.state == .enumerated && study.time == nil) || isLater
                if !isSaid {
                    throw broken(
                        "source \(source.id): a study of a day that is \(said.state) is "
                            + (observation == nil ? "missing" : "outdated"))
                }
            }
            for uid in known.keys where source.studies[uid] == nil { throw broken("a study \(uid) that nobody has") }
        }
    }

    /// Days on which studies were deleted and that were proven since then, as numbers that tell the sources apart.
    private func provenDays(since begin: Moment) -> Set<Int> {
        var days: Set<Int> = []
        for source in sources {
            for study in source.studies.values where study.until != nil {
                guard let day = study.date?.daysSince1970 else { continue }
                let covered = (model.coverage[source.id] ?? []).first { $0.days.contains(day) }
                if let covered, covered.state == .proven, covered.verifiedAt >= begin {
                    days.insert(number(day, source))
                }
            }
        }
        return days
    }

    private func number(_ day: Int, _ source: SimulatedSource) -> Int { day * 100 + Int(source.id) }

    /// What was deleted before two nights that each proved its day has vanished, and nothing else has.
    private func checkVanished(of proven: Set<Int>) throws {
        for source in sources {
            // Without another study there, nothing shows that the source answers by UID at all; and one that was deleted as
            // well, on a day that is only enumerated, shows nothing either.
            let control = model.knownStudy(source.id, at: now + skew)
            let hasControl = control.map { source.studies[$0]?.until == nil } ?? false
            for (uid, observation) in model.observations[source.id] ?? [:] {
                guard let study = source.studies[uid], let day = study.date?.daysSince1970 else { continue }
                let isGone = study.until != nil
                if observation.vanishedAt != nil, !isGone {
                    throw broken("\(uid) is there, and is said to have vanished")
                }
                if observation.vanishedAt == nil, isGone, proven.contains(number(day, source)), hasControl {
                    throw broken(
                        "\(uid) was deleted two nights ago, its day is proven, and it is still said to be there")
                }
            }
        }
    }
}
