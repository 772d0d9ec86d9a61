import StudyIndex

/// What a source was found to support (F20): it gates every shape of question. Nothing known is no reason to forbid: the
/// answers are checked anyway.
package struct Capabilities: Sendable, Hashable {
    /// Whether a matching key filters.
    package enum Key: String, Sendable, CaseIterable {
        case works
        /// Accepted, and does not filter (F19).
        case ignored
        /// Refused, aborted or not answered.
        case refused
    }

    /// Of StudyTime within one day; nil: unknown.
    package var timeRanges: Key?
    package var modalities: Key?
    /// Of PatientID with a trailing `*`.
    package var patientPrefixes: Key?
    package var dateRanges: Key?
    /// A SERIES question with a range of dates and no Study Instance UID (F34).
    package var relationalSeries: Key?
    /// Repository Queries: an answer can be gone on with after any of its records (F9).
    package var recordKeys: Key?
    /// C-FINDs that one association takes (F83); nil: many.
    package var queriesPerAssociation: Int?
    /// The most rows that it sends without saying that there are more (F1).
    package var silentCap: Int?
    /// The most rows that it sends before it says that there are more (F2).
    package var announcedCap: Int?
    /// The most rows that a source has sent which refuses what is too broad (F3): no more is asked of it at once.
    package var mostRowsAccepted: Int?
    /// Of one small question.
    package var latency: Duration?

    package init() {}

    package init(_ learned: [StudyIndex.Capability]) {
        for capability in learned {
            let value = capability.value
            switch capability.name {
            case Name.timeRanges: timeRanges = Key(rawValue: value)
            case Name.modalities: modalities = Key(rawValue: value)
            case Name.patientPrefixes: patientPrefixes = Key(rawValue: value)
            case Name.dateRanges: dateRanges = Key(rawValue: value)
            case Name.relationalSeries: relationalSeries = Key(rawValue: value)
            case Name.recordKeys: recordKeys = Key(rawValue: value)
            case Name.queriesPerAssociation: queriesPerAssociation = Int(value)
            case CapabilityName.silentCap: silentCap = Int(value)
            case CapabilityName.announcedCap: announcedCap = Int(value)
            case CapabilityName.mostRowsAccepted: mostRowsAccepted = Int(value)
            case Name.latency: latency = Int(value.prefix { $0.isNumber }).map { .milliseconds($0) }
            default: break
            }
        }
    }

    /// As they are stored.
    package enum Name {
        package static let timeRanges = "time_ranges"
        package static let modalities = "modalities_in_study"
        package static let patientPrefixes = "patient_id_wildcard"
        package static let dateRanges = "date_ranges"
        package static let relationalSeries = "relational_series"
        package static let recordKeys = "record_keys"
        package static let queriesPerAssociation = "queries_per_association"
        /// Whether a probe has found studies to ask about; there is one for every source that was probed.
        package static let probed = "probed"
        // Told to people, and decided by nobody.
        static let models = "information_models"
        static let openDates = "open_date_ranges"
        static let uidQuery = "uid_query"
        /// The most UIDs in a list that were all found; 1: lists are of no use (F48).
        static let longestUIDList = "uid_list"
        static let nameCase = "name_case"
        static let missingKeys = "attributes_never_returned"
        static let series = "series_of_a_study"
        static let characterSet = "character_set"
        static let latency = "latency"
    }
}
