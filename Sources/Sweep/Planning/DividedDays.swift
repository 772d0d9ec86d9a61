import DICOM
import StudyIndex

/// Days that are asked by their times without a look at the whole, which would be more than the source sends.
///
/// Times do not show studies that have none (F38). What may be missed by this, and what keeps it small:
/// - Crowded days on which studies without a time are usual: answers that were cut show rows of such days. A thousand of
///   them, all with a time, are wanted before a day is divided unseen; one without a time, and the next days are looked at
///   again and asked by a finer axis as well; and every so many days one is looked at in any case.
/// - Studies without a time that are rarer than that. An answer that is cut misses most of them as well.
/// - A day that was expected to be crowded and is not: its parts show it, and it is asked whole after all.
/// - At a source that refuses what is too much, all of them: it shows nothing of such a day, asked or not.
///
/// A day that was divided is enumerated and never proven, whichever way it came to it; a pass over all patients is what
/// finds the rest.
struct DividedDays: Sendable {
    private struct Parts: Sendable {
        var count: Int
        var answered = 0
        var rows = 0
        /// Of a day's studies, those that are made at their times.
        var share = 0.0
    }

    /// Rows that answers have shown of crowded days, since the last of them without a time.
    private var rowsWithTime = 0
    /// Days that were divided unseen since rows of one were shown.
    private var unseen = 0
    /// Until they are known to be crowded.
    private var doubtful: [DICOMDate: Parts] = [:]
    /// They had no more than the source sends: they are asked whole.
    private var whole: Set<DICOMDate> = []

    private static let enoughRows = 1_000
    private static let mostUnseen = 16

    /// Whether what was shown of crowded days allows to divide another unseen.
    var haveTimes: Bool { rowsWithTime >= Self.enoughRows && unseen < Self.mostUnseen }

    func isAskedWhole(_ day: DICOMDate) -> Bool { whole.contains(day) }

    /// An answer that was cut has shown these of a crowded day.
    mutating func show(_ records: [StudyRecord]) {
        guard !records.isEmpty else { return }
        rowsWithTime = records.allSatisfy { $0.studyTime != nil } ? rowsWithTime + records.count : 0
        unseen = 0
    }

    /// `isKnown`: rows of this day were shown before.
    mutating func divide(_ day: DICOMDate, parts: Int, isKnown: Bool) {
        doubtful[day] = Parts(count: parts)
        if !isKnown { unseen += 1 }
    }

    /// One of its parts becomes two.
    mutating func dividePart(of day: DICOMDate) { doubtful[day]?.count += 1 }

    /// One of its parts alone has more than the source sends.
    mutating func overflowed(_ day: DICOMDate) { doubtful[day] = nil }

    /// One part of a day is answered, with `share` of its studies. Returns whether the day is to be asked whole after all,
    /// because it has no more than `most`: a holiday, or before the archive grew.
    mutating func answered(_ day: DICOMDate, rows: Int, share: Double, most: Double) -> Bool {
        guard var parts = doubtful[day] else { return false }
        parts.answered += 1
        parts.rows += rows
        parts.share += share
        let isLast = parts.answered == parts.count
        // The others may be answered to another process.
        let isFew =
            isLast ? Double(parts.rows) <= most : parts.share > 0.1 && Double(parts.rows) < 0.6 * most * parts.share
        doubtful[day] = isFew || isLast ? nil : parts
        if isFew { whole.insert(day) }
        return isFew
    }
}
