import DICOM
import DIMSE
import StudyIndex

/// Gathers the matches of one C-FIND as they arrive, or of the several that a slice takes.
package struct SliceAnswer: Sendable {
    /// More rows than one transaction should merge. The answer is given up and its range split (F12).
    static let maximumRows = 10_000

    private(set) var studies: [StudyRecord] = []
    private(set) var series: [SeriesRecord] = []
    private(set) var rawRows = 0
    /// Matches that could not be read or name no study (F46, F77): counted, never guessed at.
    private(set) var unreadable = 0
    private(set) var outside: [SliceRange.Axis: Int] = [:]
    /// Of the last match of a Repository Query; nil: there is none, or it has no key.
    private(set) var lastKey: RecordKey?

    package init() {}

    struct TooManyRows: Error {}

    package mutating func receive(_ response: FindResponse, for question: Question) throws {
        if question.level == .series {
            try receive(try? SeriesRecord(response.dataSet()), for: question)
        } else if question.after != nil {
            let match = try? response.dataSet()
            try receive(match.map(StudyRecord.init), for: question, key: match.flatMap(RecordKey.init))
        } else {
            try receive(try? response.record(), for: question)
        }
    }

    package mutating func receive(
        _ record: StudyRecord?, for question: Question, key: RecordKey? = nil
    ) throws {
        try count()
        lastKey = key
        guard let record, !record.studyInstanceUID.isEmpty else {
            unreadable += 1
            return
        }
        if let axis = question.broken(by: record) { outside[axis, default: 0] += 1 }
        studies.append(record)
    }

    /// A series answer need not repeat the study that was asked for.
    package mutating func receive(_ record: SeriesRecord?, for question: Question) throws {
        try count()
        guard var record, !record.seriesInstanceUID.isEmpty else {
            unreadable += 1
            return
        }
        if record.studyInstanceUID.isEmpty, let uids = question.range.uids, uids.count == 1 {
            record[.studyInstanceUID] = uids[0]
        }
        if let uids = question.range.uids, !uids.contains(record.studyInstanceUID) { outside[.uids, default: 0] += 1 }
        series.append(record)
    }

    private mutating func count() throws {
        guard rawRows < Self.maximumRows else { throw TooManyRows() }
        rawRows += 1
    }

    /// Adds the answer to the slice's next question.
    mutating func add(_ other: SliceAnswer) {
        studies += other.studies
        series += other.series
        rawRows += other.rawRows
        unreadable += other.unreadable
        outside.merge(other.outside, uniquingKeysWith: +)
        lastKey = other.lastKey
    }

    /// One record per study, or per study and patient where a source names two (F47).
    func merged() -> [StudyRecord] { StudyRecord.merged(studies) }
}
