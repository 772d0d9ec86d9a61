import DICOM

/// What a report says of time: how much was open on each day, and what has happened since the last one.
extension Report {
    /// How many discrepancies were open, or acknowledged, at the end of a day.
    package struct TrendDay: Sendable, Hashable, Codable {
        /// `YYYY-MM-DD`.
        package let day: String
        /// By severity.
        package let open: [String: Int]

        package init(day: String, open: [String: Int]) {
            self.day = day
            self.open = open
        }
    }

    /// What became of a discrepancy.
    package struct Change: Sendable, Hashable {
        package let at: String
        /// `found`, `reopened`, `worsened`, `acknowledged` or `resolved`.
        package let event: String
        package let discrepancyClass: DiscrepancyClass
        package let severity: String
        package let studyUID: String
        package let otherUID: String?
        package let sources: [String]
        package let number: Int
        package let actor: String
        package let note: String

        package init(
            at: String, event: String, discrepancyClass: DiscrepancyClass, severity: String, studyUID: String,
            otherUID: String? = nil, sources: [String], number: Int, actor: String = "", note: String = ""
        ) {
            self.at = at
            self.event = event
            self.discrepancyClass = discrepancyClass
            self.severity = severity
            self.studyUID = studyUID
            self.otherUID = otherUID
            self.sources = sources
            self.number = number
            self.actor = actor
            self.note = note
        }
    }

    /// Of the studies that one source should hold as another does: what is known of them (F168).
    package struct Readiness: Sendable, Hashable {
        package struct Group: Sendable, Hashable {
            /// `matched`, `mismatched`, `missing` or `unreachable`.
            package let outcome: String
            /// A class of discrepancies, or a code in capitals; "" where they match.
            package let reason: String
            package let count: Int
            /// Empty where they match.
            package let studies: [String]

            package init(outcome: String, reason: String, count: Int, studies: [String]) {
                self.outcome = outcome
                self.reason = reason
                self.count = count
                self.studies = studies
            }
        }

        package let expectation: Expectation
        package let groups: [Group]

        package init(expectation: Expectation, groups: [Group]) {
            self.expectation = expectation
            self.groups = groups
        }

        package static let outcomes = ["matched", "mismatched", "missing", "unreachable"]

        package var total: Int { groups.reduce(0) { $0 + $1.count } }
        package func count(_ outcome: String) -> Int {
            groups.reduce(0) { $0 + ($1.outcome == outcome ? $1.count : 0) }
        }
    }
}
