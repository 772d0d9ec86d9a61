/// What an index and a report of this enterprise must say: the contents of `truth.json`.
package struct Truth: Codable, Hashable, Sendable {
    package struct Source: Codable, Hashable, Sendable {
        package let name: String
        package let issuer: String
    }

    package struct Study: Codable, Hashable, Sendable {
        package let studyUID: String
        package let copies: [Copy]

        enum CodingKeys: String, CodingKey {
            case studyUID = "study_uid"
            case copies
        }
    }

    package struct Copy: Codable, Hashable, Sendable {
        package let source: String
        /// The human that its patient group names, whatever the errors in it: a number.
        package let person: Int
        /// False: no date range finds it, so that a sweep by date must not have it.
        package let reachable: Bool
        /// Series that this source shows.
        package let series: Int
        /// By keyword, exactly as this source answers it; what it never returns is absent.
        package let attributes: [String: String]
    }

    /// A study that more than one source shows to a sweep by date.
    package struct Duplicate: Codable, Hashable, Sendable {
        package let studyUID: String
        package let sources: [String]

        enum CodingKeys: String, CodingKey {
            case studyUID = "study_uid"
            case sources
        }
    }

    /// One row of a report; classes and severities are those of the project's table.
    package struct Discrepancy: Codable, Hashable, Sendable {
        package let discrepancyClass: String
        package let severity: String
        package let studyUID: String
        /// The other study of a probable copy; greater than `studyUID`.
        package let otherUID: String?
        package let sources: [String]

        enum CodingKeys: String, CodingKey {
            case discrepancyClass = "class"
            case severity
            case studyUID = "study_uid"
            case otherUID = "other_uid"
            case sources
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(discrepancyClass, forKey: .discrepancyClass)
            try container.encode(severity, forKey: .severity)
            try container.encode(studyUID, forKey: .studyUID)
            // Written as null and not left out: the key is part of the row's identity.
            try container.encode(otherUID, forKey: .otherUID)
            try container.encode(sources, forKey: .sources)
        }
    }

    package let seed: UInt64
    package let sources: [Source]
    package let studies: [Study]
    package let duplicates: [Duplicate]
    package let discrepancies: [Discrepancy]
    /// Instead of those above, for the studies with a copy that no date range finds, once a pass over all patients has.
    package let undatedDiscrepancies: [Discrepancy]
    package let nearMisses: [NearMiss]
    package let expects: [Expectation]

    enum CodingKeys: String, CodingKey {
        case seed, sources, studies, duplicates, discrepancies
        case undatedDiscrepancies = "discrepancies_with_undated"
        case nearMisses = "near_misses"
        case expects
    }
}

extension Truth {
    /// What looks like a discrepancy and is none: nothing may be reported of it.
    package struct NearMiss: Codable, Hashable, Sendable {
        package let kind: String
        package let studyUID: String
        package let otherUID: String?

        enum CodingKeys: String, CodingKey {
            case kind
            case studyUID = "study_uid"
            case otherUID = "other_uid"
        }
    }

    /// What has to be found when every copy is known, those without a date, too.
    package var discrepanciesWithUndated: [Discrepancy] {
        let undated = Set(studies.filter { $0.copies.contains { !$0.reachable } }.map(\.studyUID))
        return discrepancies.filter { !undated.contains($0.studyUID) } + undatedDiscrepancies
    }
}

/// `to` should hold what `from` holds, of studies since a date (`YYYYMMDD`, inclusive).
package struct Expectation: Codable, Hashable, Sendable {
    package let from: String
    package let to: String
    package let since: String
}
