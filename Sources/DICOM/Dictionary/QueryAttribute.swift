/// A level of the query/retrieve information models (PS3.4 §C.3).
package enum QueryLevel: String, Sendable, CaseIterable, Comparable {
    case patient = "PATIENT"
    case study = "STUDY"
    case series = "SERIES"
    case image = "IMAGE"

    private var depth: Int {
        switch self {
        case .patient: 0
        case .study: 1
        case .series: 2
        case .image: 3
        }
    }

    package static func < (left: QueryLevel, right: QueryLevel) -> Bool { left.depth < right.depth }
}

/// How a key is matched (PS3.4 §C.2.2.2).
package enum Matching: Sendable, Hashable {
    /// Returned, never matched.
    case none
    case singleValue
    case wildcard
    case uidList
    case dateRange
    case timeRange
    /// As `wildcard`, without case and accents (F143).
    case personName
    case integer
    /// Any of several values in any of several (ModalitiesInStudy, F126).
    case multiValue
}

/// One attribute that queries and answers use.
package struct QueryAttribute: Sendable, Hashable {
    package let keyword: String
    package let tag: Tag
    package let vr: VR
    package let level: QueryLevel
    package let matching: Matching
    /// Its column in the index; nil: not in the index.
    package let column: String?
    /// Position in `AttributeDictionary.all`; those with a column come first, so that it is also the column's position.
    package let ordinal: Int

    /// Whether a C-FIND at `level` asks for it where the user names nothing else (F33).
    package func isReturnKey(at level: QueryLevel) -> Bool {
        switch keyword {
        case "SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveURL", "TimezoneOffsetFromUTC": false
        default:
            self.level == level || (level == .study && self.level == .patient)
                || (level == .series && keyword == "StudyInstanceUID")
                || (level == .image && (keyword == "StudyInstanceUID" || keyword == "SeriesInstanceUID"))
        }
    }
}
