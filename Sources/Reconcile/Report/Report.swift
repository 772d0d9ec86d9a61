/// All that a report says, before it is rendered. Nothing in it is read from anywhere: the caller hands in what the index
/// knows and the time it was asked.
package struct Report: Sendable {
    /// Totals of one source.
    package struct Source: Sendable, Hashable, Codable {
        package let name: String
        package let issuer: String
        package let studies: Int
        /// Studies that no other source shows.
        package let unique: Int
        package var shared: Int { studies - unique }

        package init(name: String, issuer: String, studies: Int, unique: Int) {
            self.name = name
            self.issuer = issuer
            self.studies = studies
            self.unique = unique
        }
    }

    /// How many studies two sources both show.
    package struct Overlap: Sendable, Hashable, Codable {
        package let first: String
        package let second: String
        package let studies: Int

        package init(first: String, second: String, studies: Int) {
            self.first = first
            self.second = second
            self.studies = studies
        }
    }

    /// A study that several sources show.
    package struct Duplicate: Sendable, Hashable, Codable {
        package let studyUID: String
        package let sources: [String]

        enum CodingKeys: String, CodingKey {
            case studyUID = "study_uid"
            case sources
        }

        package init(studyUID: String, sources: [String]) {
            self.studyUID = studyUID
            self.sources = sources
        }
    }

    /// A discrepancy with what became of it.
    package struct Finding: Sendable, Hashable {
        package let discrepancy: Discrepancy
        /// `open` or `acknowledged`.
        package let state: String
        /// When it was first found: text. "": unknown.
        package let firstSeen: String
        /// What it is acknowledged by; nil: it is not stored.
        package let number: Int?
        /// Who acknowledged it, and what they say.
        package let acknowledgement: String

        package init(
            _ discrepancy: Discrepancy, state: String = "open", firstSeen: String = "", number: Int? = nil,
            acknowledgement: String = ""
        ) {
            self.discrepancy = discrepancy
            self.state = state
            self.firstSeen = firstSeen
            self.number = number
            self.acknowledgement = acknowledgement
        }
    }

    /// A pass over all of a source's patients: it reaches studies that no date range does.
    package struct PatientPass: Sendable, Hashable, Codable {
        package let source: String
        package let at: String
        /// Studies whose date is blank or cannot be read.
        package let undated: Int

        package init(source: String, at: String, undated: Int) {
            self.source = source
            self.at = at
            self.undated = undated
        }
    }

    /// `to` should hold what `from` holds, of studies since a date (`expects` in `concord.yaml`).
    package struct Expectation: Sendable, Hashable, Codable {
        package let from: String
        package let to: String
        package let since: String

        package init(from: String, to: String, since: String) {
            self.from = from
            self.to = to
            self.since = since
        }
    }

    /// When the report was made: text, shown as it is.
    package let generatedAt: String
    /// Up to where the index had been reconciled: text, shown as it is.
    package let watermark: String
    package let sources: [Source]
    package let overlaps: [Overlap]
    package let duplicates: [Duplicate]
    /// Most severe first, then by class and study.
    package let findings: [Finding]
    package let coverage: Coverage
    package let expectations: [Expectation]
    /// The last complete pass over each source's patients, where there was one.
    package let patientPasses: [PatientPass]
    /// The last days, the oldest first.
    package let trend: [TrendDay]
    /// What has happened since `changesSince`, the newest first.
    package let changes: [Change]
    /// Text, shown as it is.
    package let changesSince: String
    package let readiness: [Readiness]

    package init(
        generatedAt: String, watermark: String, sources: [Source], overlaps: [Overlap], duplicates: [Duplicate],
        findings: [Finding], coverage: Coverage, expectations: [Expectation] = [], patientPasses: [PatientPass] = [],
        trend: [TrendDay] = [], changes: [Change] = [], changesSince: String = "", readiness: [Readiness] = []
    ) {
        self.generatedAt = generatedAt
        self.watermark = watermark
        self.sources = sources.sorted { $0.name < $1.name }
        self.overlaps = overlaps
        self.duplicates = duplicates
        self.findings = findings.sorted { Self.key($0.discrepancy) < Self.key($1.discrepancy) }
        self.coverage = coverage
        self.expectations = expectations
        self.patientPasses = patientPasses
        self.trend = trend
        self.changes = changes
        self.changesSince = changesSince
        self.readiness = readiness
    }

    /// Different Study Instance UIDs.
    package var studies: Int { sources.reduce(0) { $0 + $1.unique } + duplicates.count }
    /// Copies of them at all sources.
    package var copies: Int { sources.reduce(0) { $0 + $1.studies } }

    private static func key(_ row: Discrepancy) -> (Severity, String, String, String) {
        (row.severity, row.discrepancyClass.rawValue, row.studyUID, row.otherUID ?? "")
    }
}
