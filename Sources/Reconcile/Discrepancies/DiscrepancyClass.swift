/// What kind of disagreement a row names (F162). The raw values are fixed: reports, the index and users know them.
package enum DiscrepancyClass: String, Sendable, Hashable, Codable, CaseIterable {
    /// Copies of one Study Instance UID that belong to different people.
    case differentPatients = "different-patients"
    case patientName = "patient-name-mismatch"
    case birthDate = "birth-date-mismatch"
    case sex = "sex-mismatch"
    case patientID = "patient-id-mismatch"
    case issuer = "issuer-mismatch"
    case accession = "accession-mismatch"
    case studyDate = "study-date-mismatch"
    case studyTime = "study-time-mismatch"
    case seriesCount = "series-count-mismatch"
    case instanceCount = "instance-count-mismatch"
    case zeroImages = "zero-images"
    case unparsableValue = "unparsable-value"
    /// The same examination under a second Study Instance UID: a suggestion, never a merge (F163).
    case probableCopy = "probable-copy"
    /// A source does not hold what it is configured to hold (`expects`).
    case missingCopy = "missing-copy"
}

/// How much it matters, most first.
package enum Severity: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case critical, major, minor
    /// Case, padding or format only: the values mean the same.
    case cosmetic

    private var rank: Int {
        switch self {
        case .critical: 0
        case .major: 1
        case .minor: 2
        case .cosmetic: 3
        }
    }

    /// `.critical` is the smallest, so that sorting puts it first.
    package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}
