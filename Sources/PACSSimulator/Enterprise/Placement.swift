/// Who was examined when, and where copies ended up.
extension EnterpriseBuilder {
    mutating func placeStudies() {
        patients = (0..<max(8, count * 2 / 5)).map { index in
            let script = Script.allCases[random.weighted(Script.weights)]
            return Patient(index: index, script: script, lastDay: firstDay, random: &random)
        }
        // The second halves of pairs are added when they are injected.
        let singles = count - min(InjectionKind.pairs.count * injections(per: count), count / 4)
        for overfull in overfullDays() {
            for _ in 0..<overfull.studies { place(day: overfull.day, home: overfull.source, isOfOverfullDay: true) }
        }
        while drafts.count < singles { placeFiller() }
    }

    /// One more ordinary study.
    mutating func placeFiller() {
        place(day: ordinaryDay(), home: random.weighted(sources.map(\.share)), isOfOverfullDay: false)
    }

    /// How many studies get each kind of discrepancy.
    func injections(per count: Int) -> Int { count >= 100 ? max(3, count / 300) : min(1, count / 8) }

    /// Days with more studies at one capped source than it answers, so that a sweep has to divide days by time, without
    /// anything that announces them: at most about one a year of the archive; none in enterprises that are too small for them.
    private mutating func overfullDays() -> [(source: Int, day: Day, studies: Int)] {
        var days: [(source: Int, day: Day, studies: Int)] = []
        var rest = count * 35 / 100
        var taken: Set<Int> = []
        for _ in 0..<min(1 + count / 10_000, 10) {
            for name in ["pacs-b", "pacs-h", "pacs-c", "pacs-a"] {
                let source = source(named: name)
                guard let cap = sources[source].temper.cap else { continue }
                let studies = cap.count + 31 + random.below(25)
                guard studies <= rest else { continue }
                // Before the expectations begin, so that no target of one is overfull with them.
                var day = Day(2021, 2, 1) + random.below(1300)
                while day.weekday % 6 == 0 || taken.contains(day.number) { day = day + 1 }
                taken.insert(day.number)
                days.append((source, day, studies))
                rest -= studies
            }
        }
        return days
    }

    /// Working days of ten years, most of them recent; one in five hundred carries a placeholder (F24).
    private mutating func ordinaryDay() -> Day {
        if random.chance(0.002) { return random.chance(0.75) ? Day(1900, 1, 1) : Day(2099, 12, 31) }
        let age =
            switch random.weighted([12, 33, 30, 25]) {
            case 0: random.below(30)
            case 1: random.below(365)
            case 2: random.within(365...1095)
            default: random.within(1095...(lastDay.number - firstDay.number))
            }
        let day = lastDay + -age
        let isWeekend = day.weekday % 6 == 0
        return isWeekend && random.chance(0.8) ? day + (day.weekday == 0 ? -2 : -1) : day
    }

    private mutating func place(day: Day, home: Int, isOfOverfullDay: Bool) {
        let number = drafts.count
        let patient = random.below(patients.count)
        let uid = studyUID(number: number, home: home, day: day)
        let values = commonValues(number: number, patient: patients[patient], home: home, day: day)
        let holders = holders(home: home, day: day, isOfOverfullDay: isOfOverfullDay)
        var draft = Draft(uid: uid, patient: patient, day: day, isOfOverfullDay: isOfOverfullDay, copies: [])
        for holder in holders {
            var values = values
            values[.studyInstanceUID] = uid
            localise(&values, patient: patients[patient], at: holder)
            draft.copies.append(
                Draft.Copy(source: holder, person: patient, script: patients[patient].script, values: values))
            count(holder, day, by: 1)
        }
        drafts.append(draft)
    }

    /// One to four sources, the home first; the targets of expectations always among them.
    private mutating func holders(home: Int, day: Day, isOfOverfullDay: Bool) -> [Int] {
        var holders = [home]
        let wanted = 1 + (isOfOverfullDay ? (random.chance(0.1) ? 1 : 0) : random.weighted([52, 30, 13, 5]))
        while holders.count < wanted {
            let other = random.weighted([12, 10, 12, 26, 10, 10, 10, 10])
            if !holders.contains(other) { holders.append(other) }
        }
        var required: Set<Int> = [home]
        for expectation in expectations where day.da >= expectation.since {
            let from = source(named: expectation.from)
            let to = source(named: expectation.to)
            guard holders.contains(from) else { continue }
            if required.union([from, to]).count > 4 {
                holders.removeAll { $0 == from }
                continue
            }
            required.formUnion([from, to])
            if !holders.contains(to) { holders.append(to) }
        }
        while holders.count > 4, let surplus = holders.lastIndex(where: { !required.contains($0) }) {
            holders.remove(at: surplus)
        }
        return holders.sorted()
    }

    /// Some roots end in a component with leading zeros, which must be kept as they are (F73).
    mutating func studyUID(number: Int, home: Int, day: Day) -> String {
        let tail = random.chance(0.003) ? ".00\(number % 10)" : ""
        return "1.2.826.0.1.3680043.9.7133.\(home + 1).\(day.da).\(random.within(100_000...999_999)).\(number)\(tail)"
    }
}
