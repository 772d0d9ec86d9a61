import DICOM
import StudyIndex

@testable import Sweep

/// Ten years of a PACS, most of them recent, with weekends and, on a few days that nothing announces, more studies than it
/// answers. Of two hundred studies on other days one has no time, and one in five hundred a date that cannot be true.
struct Archive {
    let cap: FirstSweepTests.Cap
    /// Seconds since midnight, in order, by days since 1970; -1: no time.
    private var days: [Int: [Int]] = [:]
    private let last: DICOMDate

    init(cap: FirstSweepTests.Cap, studies: Int, surprises: Int, seed: UInt64) {
        self.cap = cap
        let last = DICOMDate(year: 2026, month: 6, day: 30) ?? .latest
        self.last = last
        var random = Chance(seed: seed)
        func add(_ day: Int, _ random: inout Chance) {
            // Mostly from seven to six.
            let hour = random.chance(0.15) ? random.below(24) : 7 + (random.below(11) + random.below(11)) / 2
            days[day, default: []].append(hour * 3_600 + random.below(3_600))
        }
        for _ in 0..<studies {
            let age =
                switch random.below(100) {
                case 0..<12: random.below(30)
                case 12..<45: random.below(365)
                case 45..<75: 365 + random.below(730)
                default: 1_095 + random.below(2_735)
                }
            var day = last.daysSince1970 - age
            let weekday = (day + 4) % 7
            if weekday % 6 == 0, random.chance(0.8) { day += weekday == 0 ? -2 : -1 }
            add(day, &random)
        }
        let first = (DICOMDate(year: 2021, month: 2, day: 1) ?? .earliest).daysSince1970
        for _ in 0..<surprises {
            var day = first + random.below(1_300)
            while (day + 4) % 7 % 6 == 0 { day += 1 }
            for _ in 0..<(cap.rows + 31 + random.below(25)) { add(day, &random) }
        }
        for date in ["19000101", "20991231"] {
            for _ in 0..<(studies / 1_000) { add(DICOMDate(date)?.daysSince1970 ?? 0, &random) }
        }
        for (day, seconds) in days.sorted(by: { $0.key < $1.key }) where seconds.count * 5 < cap.rows * 4 {
            days[day] = seconds.map { random.chance(0.005) ? -1 : $0 }
        }
        for day in days.keys { days[day]?.sort() }
    }

    /// Each working day has twice what the source sends but for holidays, on which most studies have no time.
    init(holidaysAmongCrowdedDays cap: FirstSweepTests.Cap) {
        self.cap = cap
        last = DICOMDate(year: 2026, month: 6, day: 30) ?? .latest
        var random = Chance(seed: 1)
        for age in 0..<400 {
            let isHoliday = age % 25 == 24
            days[last.daysSince1970 - age] = (0..<(isHoliday ? cap.rows / 5 : 2 * cap.rows)).map { number in
                isHoliday && number % 3 > 0 ? -1 : random.below(86_400)
            }.sorted()
        }
    }

    var total: Int { days.values.reduce(0) { $0 + $1.count } }

    func answer(_ range: SliceRange) -> ([StudyRecord], UInt16) {
        let lower = max(range.dates?.lower?.daysSince1970 ?? .min, days.keys.min() ?? 0)
        let upper = min(range.dates?.upper?.daysSince1970 ?? .max, days.keys.max() ?? 0)
        var matches: [(day: Int, number: Int, second: Int)] = []
        guard lower <= upper else { return ([], 0) }
        for day in lower...upper {
            for (number, second) in (days[day] ?? []).enumerated() {
                if let times = range.times {
                    guard let time = DICOMTime(microseconds: second * 1_000_000), times.contains(time) else { continue }
                }
                let patient = Self.patient(day, number)
                if let prefix = range.patientPrefix, !patient.hasPrefix(prefix) { continue }
                if let asked = range.patientID, asked != patient { continue }
                matches.append((day, number, second))
            }
        }
        switch cap {
        case .refused(let most) where matches.count > most: return ([], 0xC000)
        case .cropped(let most) where matches.count > most: return (records(matches.prefix(most)), 0xFE00)
        case .silent(let most): return (records(matches.prefix(most)), 0)
        default: return (records(matches[...]), 0)
        }
    }

    private func records(_ matches: ArraySlice<(day: Int, number: Int, second: Int)>) -> [StudyRecord] {
        matches.map { day, number, second in
            var record = StudyRecord()
            record[.studyInstanceUID] = "1.\(day).\(number)"
            record[.studyDate] = last.adding(days: day - last.daysSince1970).da
            record[.studyTime] = DICOMTime(microseconds: second * 1_000_000)?.tm ?? ""
            record[.patientID] = Self.patient(day, number)
            return record
        }
    }

    private static func patient(_ day: Int, _ number: Int) -> String { "\((day * 31 + number * 7_919) % 99_991)" }

    /// As `concord bench sweep` counts them.
    var least: Int {
        let most: Int = if case .silent(let rows) = cap { rows - 1 } else { cap.rows }
        var questions = 0
        var rows = 0
        func close() {
            if rows > 0 { questions += 1 }
            rows = 0
        }
        for (_, seconds) in days.sorted(by: { $0.key < $1.key }) {
            if seconds.count <= most {
                if rows + seconds.count > most { close() }
                rows += seconds.count
                continue
            }
            close()
            for _ in seconds {
                if rows + 1 > most { close() }
                rows += 1
            }
            close()
        }
        close()
        return questions
    }
}
