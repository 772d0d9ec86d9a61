import DICOM
import PostgresClient

extension PagePosition {
    init(_ row: PostgresRow) {
        self.init(day: row.int(1), clock: row.int(2), studyUID: row.string(3) ?? "", patient: row.string(4) ?? "")
    }

    /// A row's place in the order of answers is after this one; `last` decides between rows of the same time.
    func follows(_ last: String, _ texts: [String], _ parameters: inout SearchParameters) -> String {
        let day = parameters.add(self.day.flatMap { Int32(exactly: $0) }.map { .date($0) } ?? .null) + "::date"
        let clock = parameters.add(self.clock.map { .int(Int64($0)) } ?? .null) + "::int8"
        let values = texts.map { parameters.add(.text($0.storable)) }
        let rest = values.count == 1 ? values[0] : "(\(values.joined(separator: ", ")))"
        return """
            (study_day < \(day) OR (study_day IS NULL AND \(day) IS NOT NULL)
             OR (study_day IS NOT DISTINCT FROM \(day)
                 AND (study_clock < \(clock) OR (study_clock IS NULL AND \(clock) IS NOT NULL)
                      OR (study_clock IS NOT DISTINCT FROM \(clock) AND \(last) \(rest)))))
            """
    }

    /// The days of this place and of those after it, each a range of an index.
    func days(_ column: String, _ parameters: inout SearchParameters) -> [String] {
        guard let day = day.flatMap({ Int32(exactly: $0) }) else { return ["\(column) IS NULL"] }
        return ["\(column) <= \(parameters.add(.date(day)))", "\(column) IS NULL"]
    }
}
