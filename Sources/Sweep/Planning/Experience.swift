import DICOM
import StudyIndex

/// What the answers of this run have shown of a source. Each process learns it for itself, and afresh in every run: it
/// decides how much is asked at once, and never whether an answer is complete.
package struct Experience: Sendable {
    private(set) var density = Density()
    private(set) var timesOfDay = TimesOfDay()
    /// Days of the last range of dates that was answered.
    private(set) var daysAnswered = 0
    /// How far answers were from what was expected, as a part of it.
    private(set) var surprise = 0.15
    private(set) var modalities: Set<String> = []
    /// What patient IDs begin with.
    private(set) var patientLeads: Set<Character> = []
    /// The most rows that an answer ending in Success had.
    private(set) var largestAnswer = 0
    /// Rows after which the source said that there are more; nil: it has not.
    private(set) var croppedAt: Int?
    /// Axes on which a question was answered, and questions on the others that were refused.
    private var answeredAxes: Set<SliceRange.Axis> = []
    private var refusals: [SliceRange.Axis: Int] = [:]
    /// For people.
    var lastFailure = ""

    package init() {}

    /// `isWhole`: the answer has all that there is in its range.
    mutating func learn(_ range: SliceRange, rows: Int, _ records: [StudyRecord], isWhole: Bool) {
        largestAnswer = max(largestAnswer, rows)
        for record in records {
            if let time = record.studyTime { timesOfDay.add(time) }
            modalities.formUnion(record.modalities)
            if let lead = record.patientID.first { patientLeads.insert(lead) }
        }
        guard range.axis == .dates, let dates = range.dates, let upper = dates.upper else { return }
        guard isWhole else { return }
        if let lower = dates.lower {
            let days = lower.days(to: upper) + 1
            if density.isKnown, days < 400 {
                let expected = max(density.studies(from: lower, to: upper), 4)
                surprise += 0.2 * (abs(Double(records.count) - expected) / expected - surprise)
            }
            daysAnswered = days
        }
        density.learn(
            dates, Dictionary(records.compactMap { record in record.studyDate.map { ($0, 1) } }, uniquingKeysWith: +))
    }

    private static let refusalsOfAnUnusableAxis = 4

    mutating func noteAnswer(on axis: SliceRange.Axis) { answeredAxes.insert(axis) }
    mutating func noteRefusal(on axis: SliceRange.Axis) { refusals[axis, default: 0] += 1 }

    /// Narrower questions on this axis are refused like the broad ones, and none was ever answered: its key does not filter.
    /// A refusal, unlike an answer, does not show that.
    func isUnusable(_ axis: SliceRange.Axis) -> Bool {
        !answeredAxes.contains(axis) && refusals[axis, default: 0] >= Self.refusalsOfAnUnusableAxis
    }

    /// Nothing was ever answered, and even ranges within a day are refused: the source is not refusing breadth, it is
    /// refusing us.
    var isRefusedAltogether: Bool {
        answeredAxes.isEmpty && refusals.filter { $0.key != .dates }.values.reduce(0, +) >= 8
    }

    /// A range was too broad: the next is shorter.
    mutating func overflowed(_ range: SliceRange, _ answer: Answer) {
        if case .cropped = answer.end, answer.rawRows > 0 { croppedAt = answer.rawRows }
        guard range.axis == .dates, let lower = range.dates?.lower, let upper = range.dates?.upper else { return }
        daysAnswered = max(1, lower.days(to: upper) / 2)
        surprise = min(0.5, surprise + 0.03)
    }

    mutating func add(modalities: some Sequence<String>, patientLeads: some Sequence<Character>) {
        self.modalities.formUnion(modalities)
        self.patientLeads.formUnion(patientLeads)
    }

    func words(failing: Duration) -> String {
        "failing for \(failing.components.seconds) s\(lastFailure.isEmpty ? "" : ": \(lastFailure)")"
    }
}
