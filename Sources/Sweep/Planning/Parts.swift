import DICOM
import StudyIndex

/// What is asked instead of a range whose answer may lack studies.
extension Planner {
    /// A second is the narrowest time range asked: below it lie fractions that string-comparing archives misread (F18).
    static let narrowestTimes = 1_000_000  // microseconds
    /// Beginnings of patient IDs are not made longer than this.
    static let longestPrefix = 16
    private static let mostTimes = 24

    /// Ranges that together cover `range`; empty when there is no narrower question.
    func parts(
        of range: SliceRange, _ answer: Answer, _ records: [StudyRecord], _ experience: Experience
    ) -> [SliceRange] {
        switch range.axis {
        case .dates:
            guard let dates = range.dates else { return [] }
            if range.day != nil { return parts(ofDay: range, answer, records, experience) }
            let crowdedDay = experience.crowdedDay(in: dates, records, most: mostRows(experience))
            let newest = experience.density.isKnown ? nil : Self.newestDay(records)
            let parts =
                Self.around(crowdedDay ?? newest ?? Self.placeholder(in: dates), in: dates)
                ?? Self.halves(of: dates, experience.density)
            return parts.map { SliceRange(dates: $0) }
        case .times:
            let times = timeParts(of: range, answer, records, experience)
            return times.isEmpty ? finerParts(of: range, records, experience) : times
        case .modalities: return prefixParts(of: range, records, experience)
        case .prefixes: return prefixParts(of: range, records, experience)
        case .patient: return []
        case .uids: return []
        }
    }

    // MARK: Days

    /// Where an archive of which nothing is known yet seems to begin; nil: it sends the oldest first, and does not show that.
    private static func newestDay(_ records: [StudyRecord]) -> DICOMDate? {
        let days = records.compactMap(\.studyDate)
        return days == days.sorted() ? nil : days.max()
    }

    /// What is after a day, the day, and what is before it; nil: it is not within, or halves are the same.
    private static func around(_ day: DICOMDate?, in dates: DateRange) -> [DateRange]? {
        guard let day, let upper = dates.upper, dates.contains(day), dates.lower.map({ $0.days(to: upper) > 1 }) ?? true
        else { return nil }
        var parts = [DateRange(day: day)]
        if day < upper { parts.insert(DateRange(lower: day.adding(days: 1), upper: upper), at: 0) }
        if dates.lower.map({ day > $0 }) ?? true {
            parts.append(DateRange(lower: dates.lower, upper: day.adding(days: -1)))
        }
        return parts
    }

    /// Where archives file studies of which they do not know the date (F24): what a range of long ago has is nearly always
    /// there.
    private static func placeholder(in dates: DateRange) -> DICOMDate? {
        guard let upper = dates.upper, dates.lower == nil || upper.year < firstYearOfArchives else { return nil }
        return placeholders.first { dates.contains($0) }
    }

    private static let firstYearOfArchives = 1990
    private static let placeholders = ["19000101", "19700101", "00010101"].compactMap { DICOMDate($0) }

    /// Days partition: nothing is asked twice, and nothing falls between.
    static func halves(of dates: DateRange, _ density: Density = Density()) -> [DateRange] {
        switch (dates.lower, dates.upper) {
        case (let lower?, let upper?):
            let days = lower.days(to: upper)
            guard days > 0 else { return [] }
            let middle = middle(lower, upper, density)
            return [
                DateRange(lower: middle.adding(days: 1), upper: upper), DateRange(lower: lower, upper: middle),
            ]
        case (nil, let upper?): return openHalves(nearEnd: upper, direction: -1)
        case (let lower?, nil): return openHalves(nearEnd: lower, direction: 1)
        case (nil, nil): return []
        }
    }

    /// The day before `upper` up to which half of the studies are expected.
    private static func middle(_ lower: DICOMDate, _ upper: DICOMDate, _ density: Density) -> DICOMDate {
        let days = lower.days(to: upper)
        guard density.isKnown, days < 400 else { return lower.adding(days: days / 2) }
        let half = density.studies(from: lower, to: upper) / 2
        let week = density.week(from: lower)
        var rows = 0.0
        for offset in 0..<days {
            rows += week[offset % 7]
            if rows >= half, rows > 0 { return lower.adding(days: offset) }
        }
        return lower.adding(days: days / 2)
    }

    /// An open range sheds ten years at its closed end; what remains stays open until it reaches the calendar's end.
    private static func openHalves(nearEnd: DICOMDate, direction: Int) -> [DateRange] {
        let tenYears = 3_652
        let far = nearEnd.adding(days: direction * tenYears)
        guard far.year > 1, far.year < 9_999 else {
            // No further than the calendar goes: the open range becomes a closed one, which is halved down to a day.
            let last: DICOMDate = direction > 0 ? .latest : .earliest
            return [DateRange(lower: min(last, nearEnd), upper: max(last, nearEnd))]
        }
        let beyond = far.adding(days: direction)
        return direction > 0
            ? [DateRange(lower: beyond, upper: nil), DateRange(lower: nearEnd, upper: far)]
            : [DateRange(lower: far, upper: nearEnd), DateRange(lower: nil, upper: beyond)]
    }

    // MARK: Within a day

    /// A day is asked by its times. Where the answer has studies without a time, or times are of no use here, it is asked
    /// by another axis as well, which reaches them.
    private func parts(
        ofDay range: SliceRange, _ answer: Answer, _ records: [StudyRecord], _ experience: Experience
    ) -> [SliceRange] {
        let untimed = records.contains { $0.studyTime == nil }
        let timesFilter =
            (capabilities.timeRanges == nil || capabilities.timeRanges == .works) && !experience.isUnusable(.times)
        let times = timesFilter && (records.isEmpty || records.contains { $0.studyTime != nil })
        var parts: [SliceRange] = []
        if times { parts += timeParts(of: range, answer, records, experience) }
        if untimed || !times { parts += finerParts(of: range, records, experience) }
        return parts
    }

    /// The times of a day that will be more than the source sends, so that the whole of it need not be asked; nil: that is
    /// not known, or studies without a time might be missed.
    package func partsOfCrowdedDay(
        _ range: SliceRange, _ experience: Experience, isCrowded: Bool = false
    ) -> [SliceRange]? {
        guard range.axis == .dates, let day = range.day, (capabilities.timeRanges ?? .works) == .works,
            !experience.isUnusable(.times), !experience.dividedDays.isAskedWhole(day), let most = mostRows(experience),
            experience.density.newest.map({ day <= $0 }) ?? true
        else { return nil }
        // Where no probe has shown it, a part of another day may have.
        let timesFilter = capabilities.timeRanges == .works || experience.filters(.times)
        let isExpected =
            timesFilter && experience.dividesUnseen && experience.timesOfDay.isKnown
            && experience.density.week(from: day)[0] > 1.05 * most
        guard isExpected || isCrowded || experience.crowdedDays[day] != nil else { return nil }
        let nothing = Answer(end: .success, rawRows: Int(most), distinct: 0)
        let parts = timeParts(of: range, nothing, [], experience)
        return parts.isEmpty ? nil : parts
    }

    /// The parts of times of a crowded day that are expected to be more than the source sends, as other parts have shown; nil:
    /// they are not, and are asked as they are.
    package func partsOfCrowdedTimes(_ range: SliceRange, _ experience: Experience) -> [SliceRange]? {
        guard range.axis == .times, let day = range.day, let times = range.times, let most = mostRows(experience),
            !experience.dividedDays.isAskedWhole(day)
        else { return nil }
        let studies = experience.studies(of: day, times, above: most)
        // What would surely be cut is asked in vain, however many parts it takes.
        guard studies > 1.1 * most || Self.parts(of: studies, most: most, fewest: 1) > 1 else { return nil }
        let nothing = Answer(end: .success, rawRows: Int(most), distinct: 0)
        let parts = timeParts(of: range, nothing, [], experience)
        return parts.isEmpty ? nil : parts
    }

    /// As many times as are expected to bring what the source sends, and the rest, which is divided when it is claimed, by what
    /// others have shown until then. Times overlap at their borders, where the same study may come twice and none can fall
    /// between (F18). A TM range is only ever asked of a single day (F15).
    private func timeParts(
        of range: SliceRange, _ answer: Answer, _ records: [StudyRecord], _ experience: Experience
    ) -> [SliceRange] {
        guard let day = range.day else { return [] }
        let lower = range.times?.lower ?? .midnight
        let upper = range.times?.upper ?? .endOfDay
        guard upper.microseconds - lower.microseconds > Self.narrowestTimes else { return [] }
        let sample = records.compactMap { $0.studyTime?.microseconds }
        let sent = mostRows(experience) ?? Double(max(answer.rawRows, Self.smallestSilentCap))
        let expected = max(experience.studies(of: day, range.times, above: sent), 1.2 * sent)
        let count = Self.parts(of: expected, most: sent)
        var borders = experience.timesOfDay.borders(
            of: lower.microseconds...upper.microseconds, parts: count, sample: sample)
        borders = Self.wholeSeconds(borders, between: lower, upper)
        if borders.isEmpty {
            // All of the sample lies at one end: the middle makes progress.
            borders = Self.wholeSeconds([(lower.microseconds + upper.microseconds) / 2], between: lower, upper)
        }
        let ends = ([lower.microseconds] + borders + [upper.microseconds]).compactMap(DICOMTime.init(microseconds:))
        guard ends.count > 2 else { return [] }
        return [(ends[0], ends[1]), (ends[1], ends[ends.count - 1])].map { from, to in
            SliceRange(dates: range.dates, times: TimeRange(lower: from, upper: to))
        }
    }

    /// Into how many times a day is divided best: each that has too many is asked in vain, and divided again.
    private static func parts(of studies: Double, most: Double, fewest: Int = 2) -> Int {
        let questions = (fewest...mostTimes).map { count in
            let rows = studies / Double(count)
            let overflow = overflow(rows, most: most, deviation: (rows + 0.005 * rows * rows).squareRoot())
            return (count: count, all: Double(count) * (1 + overflow * max(2, 1.2 * rows / most)))
        }
        return questions.min { $0.all < $1.all }?.count ?? 2
    }

    /// Whole seconds at borders: fractions there are what archives compare wrongly.
    private static func wholeSeconds(_ borders: [Int], between lower: DICOMTime, _ upper: DICOMTime) -> [Int] {
        Set(borders.map { $0 / 1_000_000 * 1_000_000 }).filter { $0 > lower.microseconds && $0 < upper.microseconds }
            .sorted()
    }

    /// By modality where that filters, else by the beginnings of patient IDs.
    private func finerParts(
        of range: SliceRange, _ records: [StudyRecord], _ experience: Experience
    ) -> [SliceRange] {
        let modalities = experience.modalities.union(records.flatMap(\.modalities))
        if capabilities.modalities == .works, !experience.isUnusable(.modalities), modalities.count > 1,
            records.allSatisfy({ !$0.modalities.isEmpty })
        {
            return modalities.sorted().map { modality in
                var part = range
                part.modality = modality
                return part
            }
        }
        return prefixParts(of: range, records, experience)
    }

    /// Beginnings of patient IDs one character longer: those that were seen, and the digits and capital letters, of which
    /// most patient IDs are made. The ID that is just as long as the beginning is asked for by itself.
    private func prefixParts(
        of range: SliceRange, _ records: [StudyRecord], _ experience: Experience
    ) -> [SliceRange] {
        guard capabilities.patientPrefixes == nil || capabilities.patientPrefixes == .works,
            !experience.isUnusable(.prefixes)
        else { return [] }
        let prefix = range.patientPrefix ?? ""
        guard prefix.count < Self.longestPrefix else { return [] }
        var next = Set("0123456789")
        if prefix.isEmpty {
            next.formUnion("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            next.formUnion(experience.patientLeads)
        }
        for record in records where record.patientID.hasPrefix(prefix) {
            if let character = record.patientID.dropFirst(prefix.count).first { next.insert(character) }
        }
        var parts: [SliceRange] = []
        if !prefix.isEmpty {
            var exact = range
            exact.patientPrefix = nil
            exact.patientID = prefix
            parts.append(exact)
        }
        // A wildcard cannot be asked for as the character that it is (F53), and a backslash separates values.
        return parts
            + next.subtracting("*?\\").sorted().map { character in
                var part = range
                part.patientPrefix = prefix + String(character)
                return part
            }
    }
}
