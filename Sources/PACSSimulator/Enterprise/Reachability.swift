/// What a sweep by date can reach, and what would mislead it.
extension EnterpriseBuilder {
    /// Leaves StudyDate blank, or written so that this source's own matching never finds it, in one of a hundred copies.
    mutating func blankDates() {
        for study in drafts.indices where !drafts[study].isTaken && random.chance(0.02) {
            guard isFreeOfExpectations(drafts[study]) else { continue }
            let copy = random.below(drafts[study].copies.count)
            let source = drafts[study].copies[copy].source
            let canRead = sources[source].temper.parsesDates
            drafts[study].copies[copy].values[.studyDate] = canRead && random.chance(0.5) ? "unknown" : ""
            drafts[study].copies[copy].isReachable = false
            drafts[study].isTaken = true
            count(source, drafts[study].day, by: -1)
        }
    }

    /// A source that ignores time keys cannot be asked for less than a day, and a day whose count looks like a cap (F1)
    /// would stay a hole for ever: take one copy away from such days.
    mutating func avoidRoundDays() {
        for source in sources.indices where sources[source].temper.ignoresTimeKeys {
            let round = density[source].filter { $0.value >= 100 && $0.value % 50 == 0 }.keys
            for number in round.sorted() {
                let surplus = drafts.firstIndex { draft in
                    draft.day.number == number && !draft.isTaken && draft.copies.count > 1
                        && draft.copies.contains { $0.source == source } && isFreeOfExpectations(draft)
                }
                guard let surplus else { continue }
                drafts[surplus].copies.removeAll { $0.source == source }
                count(source, Day(number: number), by: -1)
            }
        }
    }

    private func isFreeOfExpectations(_ draft: Draft) -> Bool {
        !expectations.contains { expectation in
            draft.day.da >= expectation.since
                && draft.copies.contains { sources[$0.source].name == expectation.from }
        }
    }
}
