import DICOM
import StudyIndex

extension Planner {
    /// The first dates that archives really hold studies of; what lies before is asked as one open range (F24).
    private static let firstYear = 1990
    private static let firstMonthlyYear = 2000

    /// The slices that a sweep of `dates` starts with, newest first: open ends stay open ranges, so that absurd dates
    /// on both sides are reached (F24); between them years, then months. Answers that are too large split by themselves.
    package static func roots(of dates: DateRange, today: DICOMDate) -> [SliceRange] {
        let tomorrow = today.adding(days: 1)
        var ranges: [DateRange] = []
        if dates.upper == nil {
            ranges.append(DateRange(lower: max(dates.lower ?? tomorrow, tomorrow), upper: nil))
        }
        guard let first = DICOMDate(year: firstYear, month: 1, day: 1) else { return [] }
        let lower = dates.lower ?? first
        var upper = dates.upper ?? today
        while upper >= lower {
            let start = max(blockStart(containing: upper), lower)
            ranges.append(DateRange(lower: start, upper: upper))
            upper = start.adding(days: -1)
        }
        if dates.lower == nil {
            ranges.append(DateRange(lower: nil, upper: min(first.adding(days: -1), upper)))
        }
        return ranges.map { SliceRange(dates: $0) }
    }

    private static func blockStart(containing date: DICOMDate) -> DICOMDate {
        let month = date.year >= firstMonthlyYear ? date.month : 1
        return DICOMDate(year: date.year, month: month, day: 1) ?? date
    }

    /// Two ranges that together cover `range`; empty when there is no narrower question.
    ///
    /// Dates partition. Times overlap at their border, where the same study may come twice and none can fall between
    /// (F18); a TM range is only ever asked of a single day (F15).
    static func halves(of range: SliceRange) -> [SliceRange] {
        switch range.axis {
        case .dates:
            guard let dates = range.dates else { return [] }
            return dateHalves(of: dates)
        case .times:
            guard let dates = range.dates, let times = range.times else { return [] }
            return timeHalves(of: times).map { SliceRange(dates: dates, times: $0) }
        case .uids:
            return []
        }
    }

    private static func dateHalves(of dates: DateRange) -> [SliceRange] {
        switch (dates.lower, dates.upper) {
        case (let lower?, let upper?):
            let days = lower.days(to: upper)
            guard days > 0 else {
                return timeHalves(of: TimeRange(lower: .midnight, upper: .endOfDay)).map {
                    SliceRange(dates: dates, times: $0)
                }
            }
            let middle = lower.adding(days: days / 2)
            return [
                SliceRange(dates: DateRange(lower: middle.adding(days: 1), upper: upper)),
                SliceRange(dates: DateRange(lower: lower, upper: middle)),
            ]
        case (nil, let upper?):
            return openHalves(nearEnd: upper, direction: -1)
        case (let lower?, nil):
            return openHalves(nearEnd: lower, direction: 1)
        case (nil, nil):
            return []
        }
    }

    /// An open range sheds ten years at its closed end; what remains stays open until it reaches the calendar's end.
    private static func openHalves(nearEnd: DICOMDate, direction: Int) -> [SliceRange] {
        let tenYears = 3_652
        let far = nearEnd.adding(days: direction * tenYears)
        guard far.year > 1, far.year < 9_999 else {
            // No further than the calendar goes: the open range becomes a closed one, which bisects down to a day.
            let last = direction > 0 ? DICOMDate(year: 9_999, month: 12, day: 31) : DICOMDate(year: 1, month: 1, day: 1)
            guard let last else { return [] }
            return [SliceRange(dates: DateRange(lower: min(last, nearEnd), upper: max(last, nearEnd)))]
        }
        let beyond = far.adding(days: direction)
        return direction > 0
            ? [
                SliceRange(dates: DateRange(lower: beyond, upper: nil)),
                SliceRange(dates: DateRange(lower: nearEnd, upper: far)),
            ]
            : [
                SliceRange(dates: DateRange(lower: far, upper: nearEnd)),
                SliceRange(dates: DateRange(lower: nil, upper: beyond)),
            ]
    }

    private static func timeHalves(of times: TimeRange) -> [TimeRange] {
        let lower = times.lower ?? .midnight
        let upper = times.upper ?? .endOfDay
        guard upper.microseconds - lower.microseconds > narrowestTimeRange else { return [] }
        // Whole seconds at the border: fractions there are what archives compare wrongly.
        let middleSecond = (lower.microseconds + upper.microseconds) / 2 / 1_000_000
        guard let middle = DICOMTime(microseconds: middleSecond * 1_000_000), middle > lower, middle < upper else {
            return []
        }
        return [TimeRange(lower: lower, upper: middle), TimeRange(lower: middle, upper: upper)]
    }
}
