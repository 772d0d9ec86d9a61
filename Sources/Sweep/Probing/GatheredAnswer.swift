import DICOM
import DIMSE
import Synchronization

/// Gathers a probe's matches as they arrive, on whatever task they do.
final class GatheredAnswer: Sendable {
    private let state = Mutex(ProbeAnswer())

    var answer: ProbeAnswer { state.withLock { $0 } }

    func add(_ response: FindResponse, level: QueryLevel) throws {
        let dataSet = try? response.dataSet()
        try state.withLock { answer in
            answer.rows += 1
            guard answer.rows <= ProbeAsker.mostRows else { throw SliceAnswer.TooManyRows() }
            if response.keysUnsupported { answer.withUnsupportedKeys += 1 }
            guard let dataSet else { return }
            if let key = RecordKey(of: dataSet) { answer.keys.append(key) }
            answer.characterSets.insert(dataSet.text(.specificCharacterSet) ?? "")
            if level == .series {
                answer.series.append(SeriesRecord(dataSet))
            } else {
                answer.records.append(StudyRecord(dataSet))
            }
        }
    }
}
