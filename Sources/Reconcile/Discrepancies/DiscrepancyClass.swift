/// What kind of disagreement a row names (F162). The raw values are fixed: reports, the index and users know them.
package enum DiscrepancyClass: String, Sendable, Hashable, Codable, CaseIterable {
    /// Copies of one Study Instance UID that belong to different people.
    case differentPatients = "different-patients"
    case patientName = "patient-name-mismatch"
    case birthDate = "birth-date-mismatch"
    case sex = "sex-mismatch"
    case patientID = "patient-id-mismatch"
    /// One Patient ID, which a source has rewritten to keep its own unique (F164).
    case rewrittenPatientID = "patient-id-rewritten"
    /// One source has the state before a marriage, a merge or a correction (F165).
    case stalePatient = "stale-demographics"
    case issuer = "issuer-mismatch"
    case accession = "accession-mismatch"
    /// One accession number for studies of different patients of one issuer.
    case reusedAccession = "accession-reused"
    case studyDate = "study-date-mismatch"
    case studyTime = "study-time-mismatch"
    case description = "description-mismatch"
    case referringPhysician = "referring-physician-mismatch"
    case seriesCount = "series-count-mismatch"
    case instanceCount = "instance-count-mismatch"
    /// A copy that holds a part of what another holds, as prefetching and local objects make them (F167).
    case subsetCopy = "subset-copy"
    case zeroImages = "zero-images"
    case noStudyDate = "no-study-date"
    case implausibleStudyDate = "implausible-study-date"
    case unparsableValue = "unparsable-value"
    case impossibleValue = "impossible-value"
    /// Text that lost characters on its way through a character set, and differs in nothing else (N3).
    case characterSet = "character-set-difference"
    /// The same examination under a second Study Instance UID: a suggestion, never a merge (F163).
    case probableCopy = "probable-copy"
    /// A source does not hold what it is configured to hold (`expects`).
    case missingCopy = "missing-copy"

    /// A row of it is about two studies.
    package var isOfPairs: Bool { self == .probableCopy || self == .reusedAccession }

    /// Classes that the copies of one study decide.
    package static let ofStudies = allCases.filter { !$0.isOfPairs && $0 != .missingCopy }
    package static let ofPairs = allCases.filter(\.isOfPairs)
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
