import DICOM
import DIMSE
import StudyIndex

@testable import Sweep

/// A PACS in the simulation: its studies, its manners, and what it saw of us.
final class SimulatedSource {
    enum Cap {
        case none
        case silent(Int)
        case cropped(Int)
        case refused(Int)
    }

    struct Study {
        var record: StudyRecord
        let date: DICOMDate?
        let time: DICOMTime?
        var since: Moment
        /// Of its last correction.
        var changed: Moment
        /// When it was deleted; nil: it is there.
        var until: Moment?
    }

    let id: Int32
    let cap: Cap
    let ignoresTimes: Bool
    /// It answers Repository Queries.
    let takesRecordKeys: Bool
    /// After so many C-FINDs it closes the association.
    let queriesPerAssociation: Int?
    let limits: SourceLimits
    private(set) var studies: [String: Study] = [:]
    /// True times, of the world's clock.
    private(set) var requests: [Moment] = []
    private(set) var mostOpen = 0
    private var connections: [Int: Int] = [:]
    private var nextConnection = 0
    private var downUntil = Moment.min
    private var nextStudy = 0
    /// Probability of each fault, of a connection or a question.
    var faults = 0.0
    let firstDay = DICOMDate(year: 2026, month: 1, day: 1) ?? .earliest
    let days: Int

    init(id: Int32, _ random: inout Chance) {
        self.id = id
        days = 3 + random.below(60)
        let most = 60 + random.below(60)
        switch random.below(5) {
        case 0: cap = .silent(most)
        case 1: cap = .cropped(5 + random.below(40))
        case 2: cap = .refused(5 + random.below(40))
        default: cap = .none
        }
        ignoresTimes = random.chance(0.1)
        takesRecordKeys = random.chance(0.15)
        queriesPerAssociation = random.chance(0.15) ? 1 + random.below(3) : nil
        var limits = SourceLimits(
            queriesPerSecond: [0.5, 1, 2, 5, 10][random.below(5)], burst: random.chance(0.3) ? 1 + random.below(5) : 1,
            associations: 1 + random.below(3))
        if random.chance(0.2) { limits.openingGap = .milliseconds(500) }
        self.limits = limits
        let count = random.chance(0.2) ? 150 + random.below(150) : random.below(60)
        // A day with more than any other, now and then without times.
        let dense = random.chance(0.4) ? random.below(days) : nil
        for _ in 0..<count {
            let day = dense != nil && random.chance(0.5) ? dense ?? 0 : random.below(days)
            add(day: day, at: .min, &random)
        }
    }

    func add(day: Int? = nil, at now: Moment, _ random: inout Chance) {
        nextStudy += 1
        var record = StudyRecord()
        record[.studyInstanceUID] = "1.2.\(id).\(nextStudy * 7_919 % 100_003)"
        record[.studyDate] = random.chance(0.02) ? "" : firstDay.adding(days: day ?? random.below(days)).da
        record[.studyTime] =
            random.chance(0.05) ? "" : DICOMTime(hour: random.below(24), minute: random.below(60))?.tm ?? ""
        record[.patientID] = "\(random.below(10))\(random.below(1_000))"
        record[.modalitiesInStudy] = ["CT", "MR", "US"][random.below(3)]
        record[.studyDescription] = "0"
        studies[record.studyInstanceUID] = Study(
            record: record, date: record.studyDate, time: record.studyTime, since: now, changed: now)
    }

    /// Arrivals, corrections and deletions of a living archive.
    func live(at now: Moment, deletes: Bool, _ random: inout Chance) {
        let alive = studies.values.filter { $0.until == nil }.map(\.record.studyInstanceUID).sorted()
        switch random.below(deletes ? 3 : 2) {
        case 0: add(at: now, &random)
        case 1:
            guard !alive.isEmpty else { return }
            let uid = alive[random.below(alive.count)]
            studies[uid]?.record[.studyDescription] = "\(now)"
            studies[uid]?.changed = now
        default:
            guard !alive.isEmpty else { return }
            studies[alive[random.below(alive.count)]]?.until = now
        }
    }

    // MARK: Network

    func goDown(until: Moment) {
        downUntil = until
        connections = [:]
    }

    enum Greeting {
        case open(Int)
        case failed(DIMSEError)
    }

    func connect(at now: Moment, _ random: inout Chance) -> Greeting {
        guard now >= downUntil else { return .failed(DIMSEError(.connectFailed, "down")) }
        if random.chance(faults) {
            var rejected = DIMSEError(.associationRejected, "too many")
            rejected.rejection = Rejection(result: 2, source: 3, reason: 2)
            return .failed(random.chance(0.5) ? rejected : DIMSEError(.connectionClosed, "closed"))
        }
        nextConnection += 1
        connections[nextConnection] = 0
        mostOpen = max(mostOpen, connections.count)
        return .open(nextConnection)
    }

    func close(_ connection: Int) { connections[connection] = nil }
    func isOpen(_ connection: Int) -> Bool { connections[connection] != nil }

    struct Reply {
        var rows: [StudyRecord]
        var error: DIMSEError?
        /// From the request to the end of its answer.
        var took: Moment
    }

    func echo(_ connection: Int, at now: Moment) -> Reply {
        guard isOpen(connection) else { return Reply(rows: [], error: DIMSEError(.connectionClosed, ""), took: 1_000) }
        requests.append(now)
        return Reply(rows: [], error: nil, took: 2_000)
    }

    func find(_ question: Question, _ connection: Int, at now: Moment, _ random: inout Chance) -> Reply {
        guard isOpen(connection) else { return Reply(rows: [], error: DIMSEError(.connectionClosed, ""), took: 1_000) }
        let asked = connections[connection] ?? 0
        if let queriesPerAssociation, asked >= queriesPerAssociation {
            // It closes before it reads: no question was answered.
            close(connection)
            return Reply(rows: [], error: DIMSEError(.connectionClosed, ""), took: 1_000)
        }
        connections[connection] = asked + 1
        requests.append(now)
        var matches = matches(question)
        var took = 5_000 + Moment(matches.count) * 500 + Moment(random.below(200_000))
        if random.chance(faults) {
            if let fault = fault(matches, took, connection, &random) { return fault }
            took += 20_000_000
        }
        switch cap {
        case .silent(let most): matches = Array(matches.prefix(most))
        case .cropped(let most) where matches.count > most,
            .refused(let most) where question.after != nil && matches.count > most:
            var cropped = DIMSEError(.findFailed, "more")
            cropped.status = question.after == nil ? 0xFE00 : 0xB001
            return Reply(rows: Array(matches.prefix(most)), error: cropped, took: took)
        case .refused(let most) where matches.count > most && question.range.uids == nil:
            var refused = DIMSEError(.findFailed, "C000")
            refused.status = 0xC000
            return Reply(rows: [], error: refused, took: took)
        default: break
        }
        return Reply(rows: matches, error: nil, took: took)
    }

    /// nil: it is only slow; what it sends is as ever.
    private func fault(
        _ matches: [StudyRecord], _ took: Moment, _ connection: Int, _ random: inout Chance
    ) -> Reply? {
        switch random.below(4) {
        case 0:
            close(connection)
            return Reply(
                rows: Array(matches.prefix(random.below(matches.count + 1))), error: DIMSEError(.aborted, ""),
                took: took)
        case 1:
            close(connection)
            return Reply(rows: [], error: DIMSEError(.timedOut, "no response"), took: 60_000_000)
        case 2:
            var refused = DIMSEError(.findFailed, "A700")
            refused.status = 0xA700
            return Reply(rows: [], error: refused, took: took)
        default: return nil
        }
    }

    /// In the order of a hash of the UID: what a cap leaves out has no pattern.
    private func matches(_ question: Question) -> [StudyRecord] {
        let range = question.range
        return studies.values.filter { study in
            guard study.until == nil else { return false }
            let record = study.record
            if let uids = range.uids { return uids.contains(record.studyInstanceUID) }
            if let dates = range.dates, dates.lower != nil || dates.upper != nil {
                guard let date = study.date, dates.contains(date) else { return false }
            }
            if let times = range.times, !ignoresTimes {
                guard let time = study.time, times.contains(time) else { return false }
            }
            if let modality = range.modality, !record.modalities.contains(modality) { return false }
            if let prefix = range.patientPrefix, !record.patientID.hasPrefix(prefix) { return false }
            if let patient = range.patientID, record.patientID != patient { return false }
            return true
        }.map(\.record).sorted { $0.studyInstanceUID < $1.studyInstanceUID }
            .filter { record in question.prior.map { record.studyInstanceUID > $0 } ?? true }
    }

    /// Of a match: its UID, by which they are sent in order.
    static func recordKey(of record: StudyRecord) -> RecordKey? {
        var match = DataSet()
        match.setBytes(.recordKey, vr: .OB, Array(record.studyInstanceUID.utf8))
        return RecordKey(of: match)
    }

    // MARK: What it saw

    /// As `overspending`, of associations only: cheap enough to be asked often.
    func overspendingNow(jumps: [Moment]) -> String? {
        mostOpen > limits.associations ? "source \(id): \(mostOpen) associations open" : nil
    }

    /// The first window in which there were more requests than the budget allows, as it is counted at the source: rate ×
    /// (w + 100 ms) + burst; a clock that jumped ahead may have cost one burst more, each time.
    func overspending(jumps: [Moment]) -> String? {
        let times = requests.sorted()
        for window: Moment in [50_000, 200_000, 1_000_000, 3_000_000, 10_000_000, 60_000_000, 600_000_000] {
            var first = 0
            for last in times.indices {
                while times[last] - times[first] >= window { first += 1 }
                let extra = jumps.count { $0 >= times[first] - window && $0 <= times[last] }
                let allowed =
                    limits.queriesPerSecond * Double(window + 100_000) / 1_000_000 + Double(limits.burst * (1 + extra))
                if Double(last - first + 1) > allowed + 0.001 {
                    return "source \(id): \(last - first + 1) requests in \(Double(window) / 1e6) s, \(allowed) allowed"
                }
            }
        }
        return mostOpen > limits.associations ? "source \(id): \(mostOpen) associations open" : nil
    }
}

extension Question {
    /// The UID that is the key of the record to go on after.
    fileprivate var prior: String? {
        guard after != nil, case .bytes(let key)? = identifier()[.priorRecordKey]?.content else { return nil }
        return String(decoding: key, as: UTF8.self)
    }
}
