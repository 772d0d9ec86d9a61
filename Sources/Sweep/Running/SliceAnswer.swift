import DICOM
import DIMSE
import StudyIndex

/// Gathers the matches of one C-FIND as they arrive.
struct SliceAnswer {
    /// More rows than one transaction should merge. The answer is given up and its range split (F12).
    static let maximumRows = 50_000

    private(set) var rows: [StudyRecord] = []
    private(set) var rawRows = 0
    /// Matches that could not be read or name no study (F46, F77): counted, never guessed at.
    private(set) var unreadable = 0
    private var outsideDates = 0
    private var outsideTimes = 0

    struct TooManyRows: Error {}

    mutating func receive(_ response: FindResponse, for question: SliceQuestion) throws {
        guard rawRows < Self.maximumRows else { throw TooManyRows() }
        rawRows += 1
        guard let record = try? response.record(), !record.studyInstanceUID.isEmpty else {
            unreadable += 1
            return
        }
        switch question.place(record) {
        case .inside: break
        case .outsideDates: outsideDates += 1
        case .outsideTimes: outsideTimes += 1
        }
        rows.append(record)
    }

    /// One record per study, or per study and patient where a source names two (F47).
    func merged() -> [StudyRecord] { StudyRecord.merged(rows) }

    func summary(end: AnswerEnd, distinctStudies: Int) -> Answer {
        Answer(
            end: end, rawRows: rawRows, distinctStudies: distinctStudies, outsideDates: outsideDates,
            outsideTimes: outsideTimes)
    }
}
