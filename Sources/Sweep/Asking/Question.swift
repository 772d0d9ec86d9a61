import DICOM
import DIMSE
import StudyIndex

/// One C-FIND of a sweep, and the check of what comes back against it.
package struct Question: Sendable, Hashable {
    package var level: QueryLevel
    package var range: SliceRange
    /// Asked as a Repository Query: what comes after this record; nil: a C-FIND as any source takes it.
    package var after: RecordKey?

    package init(level: QueryLevel = .study, range: SliceRange, after: RecordKey? = nil) {
        self.level = level
        self.range = range
        self.after = after
    }

    /// nil: the best that the source accepts.
    var model: FindModel? { after == nil ? nil : .repository }

    /// Keys of a sweep, each sent with zero length (F26, F50). TimezoneOffsetFromUTC is left out: a source would read it as
    /// an adjustment of all dates and times (F28).
    private static let studyKeys = AttributeDictionary.observation.map(\.tag).filter { $0 != .timezoneOffsetFromUTC }
    private static let seriesKeys = AttributeDictionary.seriesObservation.map(\.tag)

    /// - Parameter institution: also ask for InstitutionName, which is no attribute of studies: some sources look at all their
    ///   series for it.
    package func identifier(institution: Bool = false) -> DataSet {
        var identifier = DataSet()
        // Some archives declare their own character set only when the request has one (F59).
        identifier.set(.specificCharacterSet, "ISO_IR 100")
        identifier.set(.queryRetrieveLevel, level.rawValue)
        for tag in level == .series ? Self.seriesKeys : Self.studyKeys { identifier.setEmpty(tag) }
        if institution, level == .study { identifier.setEmpty(.institutionName) }
        if let dates = range.dates { identifier.set(.studyDate, dates.da) }
        if let times = range.times { identifier.set(.studyTime, times.tm) }
        if let modality = range.modality { identifier.set(.modalitiesInStudy, modality) }
        if let prefix = range.patientPrefix, !prefix.isEmpty { identifier.set(.patientID, prefix + "*") }
        if let patient = range.patientID { identifier.set(.patientID, patient) }
        if let uids = range.uids { identifier.set(.studyInstanceUID, uids.joined(separator: "\\")) }
        after?.ask(in: &identifier)
        return identifier
    }

    /// The constraint that a match breaks, if any. Unknown values break none: nothing shows that the source ignored the key.
    func broken(by record: StudyRecord) -> SliceRange.Axis? {
        if let uids = range.uids, !uids.contains(record.studyInstanceUID) { return .uids }
        if let dates = range.dates, let date = record.studyDate, !dates.contains(date) { return .dates }
        if let times = range.times, let time = record.studyTime, !times.contains(time) { return .times }
        if let modality = range.modality, !record.modalities.isEmpty, !record.modalities.contains(modality) {
            return .modalities
        }
        if let prefix = range.patientPrefix, !record.patientID.isEmpty, !record.patientID.hasPrefix(prefix) {
            return .prefixes
        }
        if let patient = range.patientID, !record.patientID.isEmpty, record.patientID != patient { return .patient }
        return nil
    }
}
