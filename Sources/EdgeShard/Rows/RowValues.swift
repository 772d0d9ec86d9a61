import DICOM

/// Rows as they are written; in the order of `ShardSchema`'s columns, without the key.
extension ShardStudy.Copy {
    func values(study: Int, _ values: SearchedValues, otherPatient: String?) -> [SQLiteValue] {
        // The Study Instance UID is the study's.
        let texts = record.texts.dropFirst().map { SQLiteValue($0?.storable) }
        let derived: [SQLiteValue] = [
            .text(issuer.storable), SQLiteValue(values.nameKey?.storable), SQLiteValue(values.physicianKey?.storable),
            SQLiteValue(values.studyDay?.daysSince1970), SQLiteValue(values.studyClock?.microseconds),
            SQLiteValue(values.birthDay?.daysSince1970), SQLiteValue(values.modalities.map(ListColumn.text)),
            SQLiteValue(values.seriesCount), SQLiteValue(values.instanceCount),
            SQLiteValue(record.lossy.isEmpty ? nil : ListColumn.text(record.lossy.map(\.hex).sorted())),
            SQLiteValue(otherPatient?.storable), .integer(areSeriesKnown ? 1 : 0),
        ]
        return [.integer(Int64(study)), .integer(Int64(source))] + texts + derived
    }
}

extension ShardStudy.Series {
    func values(study: Int) -> [SQLiteValue] {
        // The second text is the Study Instance UID.
        let texts = record.texts.enumerated().filter { $0.offset != 1 }.map { SQLiteValue($0.element?.storable) }
        let lossy = record.lossy.isEmpty ? nil : ListColumn.text(record.lossy.map(\.hex).sorted())
        return [.integer(Int64(study)), .integer(Int64(source))] + texts + [SQLiteValue(lossy)]
    }
}

/// Several values in one text: each between backslashes, so that one is found by the text `\value\`.
enum ListColumn {
    static func text(_ values: [String]) -> String {
        values.isEmpty ? "" : "\\" + values.joined(separator: "\\") + "\\"
    }

    static func values(_ text: String) -> [String] { text.split(separator: "\\").map(String.init) }
}

extension String {
    /// As the index stores texts, and as searches compare them: without spaces at the ends and without NUL (F69).
    var storable: String {
        let text = trimmingSpaces()
        return text.utf8.contains(0) ? text.replacing("\u{0}", with: "\u{FFFD}") : text
    }
}
