import DICOM
import StudyIndex

/// The C-FIND identifier of a slice, and the check of what comes back against it.
struct SliceQuestion {
    let range: SliceRange

    /// Study-level return keys of a sweep, each sent with zero length (F26, F50). TimezoneOffsetFromUTC is left out: a
    /// source would read it as an adjustment of all dates and times (F28).
    private static let returnKeys = AttributeDictionary.observation.map(\.tag).filter { $0 != .timezoneOffsetFromUTC }

    func identifier() -> DataSet {
        var identifier = DataSet()
        // Some archives declare their own character set only when the request has one (F59).
        identifier.set(.specificCharacterSet, "ISO_IR 100")
        identifier.set(.queryRetrieveLevel, QueryLevel.study.rawValue)
        for tag in Self.returnKeys { identifier.setEmpty(tag) }
        if let dates = range.dates { identifier.set(.studyDate, dates.da) }
        if let times = range.times { identifier.set(.studyTime, times.tm) }
        if !range.uids.isEmpty { identifier.set(.studyInstanceUID, range.uids.joined(separator: "\\")) }
        return identifier
    }

    enum Place { case inside, outsideDates, outsideTimes }

    /// Where a match lies. Unknown dates and times are inside: nothing shows that the source ignored the key.
    func place(_ record: StudyRecord) -> Place {
        if !range.uids.isEmpty, !range.uids.contains(record.studyInstanceUID) { return .outsideDates }
        if let dates = range.dates, let date = record.studyDate, !dates.contains(date) { return .outsideDates }
        if let times = range.times, let time = record.studyTime, !times.contains(time) { return .outsideTimes }
        return .inside
    }
}
