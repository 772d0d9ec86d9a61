import DICOM
import DIMSE
import Logging
import StudyIndex

/// Takes slices of one source from the ledger, asks the source, and gives the ledger what came of it, until the run
/// has nothing more for this source. Any number of workers, in any number of processes, do so side by side.
struct Worker: Sendable {
    let name: String
    let run: RunID
    let source: SweepSource
    let index: StudyIndex
    let condition: SourceCondition
    let planner: Planner
    let clock: any Clock<Duration>
    let report: @Sendable (SweepEvent) -> Void
    let logger: Logger

    /// A quarter of the lease: two renewals may be lost before the slice could be leased again.
    private static let renewal = Duration.seconds(15)

    func work() async throws {
        var session = SourceSession(source: source, index: index, condition: condition, clock: clock)
        do {
            while !condition.isAbandoned {
                switch try await index.claim(run: run, source: source.id, worker: name) {
                case .drained:
                    try await session.close()
                    return
                case .wait(let duration):
                    // Another worker holds the rest. An idle association would only occupy a place at the source.
                    try await session.close()
                    try await clock.sleep(for: duration)
                case .slice(let slice):
                    try await end(slice, with: ask(slice, on: &session))
                }
            }
            try await session.close()
        } catch {
            try? await session.close()
            throw error
        }
    }

    private struct Ending {
        var outcome: SliceOutcome
        var records: [StudyRecord]
        var kind: SliceEnd.Kind
        var rawRows: Int
        var duration: Duration
        /// How long this worker leaves the source in peace after a failure.
        var rest: Duration?
        /// Why the source is not asked any more in this run.
        var giveUp: String?
    }

    private func ask(_ slice: ClaimedSlice, on session: inout SourceSession) async throws -> Ending {
        let question = SliceQuestion(range: slice.range)
        var answer = SliceAnswer()
        let start = ContinuousClock.now
        var setback: Setback?
        // Cancelled and awaited when this scope ends.
        async let _ = keepLease(of: slice)
        do {
            try await session.find(question.identifier()) { try answer.receive($0, for: question) }
        } catch let error as DIMSEError {
            setback = Setback(error, rows: answer.rawRows)
        } catch is SliceAnswer.TooManyRows {
            setback = .tooBroad(.outOfTime)
        }
        let records = answer.merged()
        let duration = ContinuousClock.now - start
        switch setback {
        case nil:
            return judged(.success, slice, answer, records, duration)
        case .tooBroad(let end):
            var ending = judged(end, slice, answer, records, duration)
            if condition.refused(narrow: slice.range.axis == .times) {
                ending.giveUp = "it refuses even ranges within a day"
            }
            return ending
        case .transient(let failure):
            let rest = condition.failed(jitter: .random(in: 0...1))
            var ending = failed(failure, transient: true, answer, records, duration)
            ending.rest = rest
            if rest == nil {
                ending.giveUp = "\(failure.message), \(SourceCondition.failuresUntilAbandoned) times in a row"
            }
            return ending
        case .permanent(let failure):
            var ending = failed(failure, transient: false, answer, records, duration)
            ending.giveUp = failure.message
            return ending
        }
    }

    private func judged(
        _ end: AnswerEnd, _ slice: ClaimedSlice, _ answer: SliceAnswer, _ records: [StudyRecord], _ duration: Duration
    ) -> Ending {
        let summary = answer.summary(end: end, distinctStudies: records.count)
        let verdict = planner.judge(
            slice.range, summary, largestAnswer: max(condition.largestAnswer, slice.largestAnswer))
        if end == .success { condition.answered(rows: answer.rawRows) }
        let proof = SliceProof(
            rawRows: answer.rawRows, distinctUIDs: records.count,
            filteredOut: summary.outsideDates + summary.outsideTimes + answer.unreadable, finalStatus: end.status,
            duration: duration)
        switch verdict {
        case .complete where answer.unreadable > 0:
            // A row that cannot be read may be a study that nobody will ever see here.
            return Ending(
                outcome: .irreducible(proof, reason: "\(answer.unreadable) unreadable rows"), records: records,
                kind: .irreducible, rawRows: answer.rawRows, duration: duration)
        case .complete:
            return Ending(
                outcome: .complete(proof), records: records, kind: .complete, rawRows: answer.rawRows,
                duration: duration)
        case .split(let ranges, let reason):
            let children = ranges.map { NewSlice(sourceID: slice.sourceID, level: slice.level, range: $0) }
            return Ending(
                outcome: .split(proof, reason: reason.rawValue, children: children), records: records,
                kind: .split(into: children.count), rawRows: answer.rawRows, duration: duration)
        case .irreducible(let reason):
            return Ending(
                outcome: .irreducible(proof, reason: reason.rawValue), records: records, kind: .irreducible,
                rawRows: answer.rawRows, duration: duration)
        }
    }

    private func failed(
        _ failure: Failure, transient: Bool, _ answer: SliceAnswer, _ records: [StudyRecord], _ duration: Duration
    ) -> Ending {
        logger.warning(
            "slice failed",
            metadata: ["source": "\(source.name)", "code": "\(failure.code)", "reason": "\(failure.message)"])
        return Ending(
            outcome: .failed(
                code: failure.code, message: failure.message, transient: transient, retryAfter: failure.retryAfter),
            records: records, kind: transient ? .retry : .dead, rawRows: answer.rawRows, duration: duration)
    }

    private func end(_ slice: ClaimedSlice, with ending: Ending) async throws {
        do {
            let merged = try await index.finish(slice, outcome: ending.outcome, records: ending.records)
            report(
                .sliceEnded(
                    source: source.name,
                    ended: SliceEnd(
                        kind: ending.kind, rawRows: ending.rawRows, merged: merged, duration: ending.duration)))
        } catch let error as IndexError where error.code == .fenced {
            // The lease ran out and somebody else has the slice: what we learned is theirs to learn.
            logger.warning("slice was leased again", metadata: ["source": "\(source.name)", "slice": "\(slice.id)"])
        }
        if let reason = ending.giveUp { try await abandon(reason) }
        if let rest = ending.rest { try await clock.sleep(for: rest) }
    }

    private func abandon(_ reason: String) async throws {
        guard condition.abandon() else { return }
        try await index.abandon(run: run, source: source.id, reason: reason)
        report(.abandoned(source: source.name, reason: reason))
    }

    /// Renews the slice's lease while the source answers.
    private func keepLease(of slice: ClaimedSlice) async {
        while (try? await clock.sleep(for: Self.renewal)) != nil {
            guard (try? await index.renew(slice)) == true else { return }
        }
    }
}

extension AnswerEnd {
    var status: UInt16? {
        switch self {
        case .success: 0x0000
        case .cropped(let status), .refused(let status): status
        case .outOfTime: nil
        }
    }
}
