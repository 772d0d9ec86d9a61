/// How one simulated PACS behaves, for better or worse.
package struct Temper: Sendable {
    /// What it does when more studies match than it wants to send.
    package enum Cap: Hashable, Sendable {
        /// Sends so many and ends in Success (F1).
        case silent(Int)
        /// Sends so many and ends in FE00, although nobody cancelled (F2).
        case cancelled(Int)
        /// Sends none and ends in C000 with an Error Comment; a question by UID is not refused (F3).
        case refused(Int)

        package var count: Int {
            switch self {
            case .silent(let count), .cancelled(let count), .refused(let count): count
            }
        }
    }

    /// In which character set it answers.
    package enum Text: Hashable, Sendable {
        /// Each study in the set in which it was stored, declared.
        case asStored
        /// Everything in one set, declared.
        case always(CharacterEncoding)
        /// Everything in one set, without (0008,0005) (F60); what the set lacks becomes `?` (N3).
        case undeclared(CharacterEncoding)
    }

    package var cap: Cap?
    /// StudyTime is accepted as a key and does not filter (F19).
    package var ignoresTimeKeys = false
    /// Dates and times are parsed (`2020.01.01` is a date) or compared as the strings they are.
    package var parsesDates = true
    package var text: Text = .asStored
    /// After so many queries it aborts the association.
    package var queriesPerAssociation: Int?
    /// SERIES questions without a Study Instance UID are answered (F34).
    package var takesRelationalQuestions = false
    /// Repository Queries are answered, so many records at a time (F9); with a silent cap it does not say that there are
    /// more. nil: it has no such service.
    package var recordsPerPage: Int?
    /// Several PDVs in one P-DATA-TF.
    package var packsSeveralPDVs = false
    /// Waits this long before each batch of 100 responses, and before an empty answer.
    package var latency: Duration?
    /// After so many rows it ends in this status, whatever it has left (F8).
    package var breaksOff: (rows: Int, status: UInt16)?
    /// It sends the studies that it has, whatever was asked for, and Success.
    package var ignoresKeys = false
    /// Neither returned nor matched.
    package var unsupported: Set<Attribute> = []
    /// What is unsupported comes back empty, instead of not at all (F45).
    package var returnsUnsupportedEmpty = false

    package init(cap: Cap? = nil) {
        self.cap = cap
    }
}

/// One of the eight sources: its name on the network, its issuer and its temper.
package struct SourceProfile: Sendable {
    package let name: String
    package let aeTitle: String
    /// Issuer of Patient ID, whether it sends it or not.
    package let issuer: String
    package let temper: Temper
    /// In what proportion studies have their home here.
    let share: Int
    package let priority: Int
    /// `limits.max_results` in concord.yaml: known to the administrator, not learned.
    package var knownCap: Int?

    /// The same source in another temper.
    package func tempered(_ adjust: (inout Temper) -> Void) -> SourceProfile {
        var temper = temper
        adjust(&temper)
        return SourceProfile(
            name: name, aeTitle: aeTitle, issuer: issuer, temper: temper, share: share, priority: priority,
            knownCap: knownCap)
    }

    package func sends(_ attribute: Attribute) -> Bool { !temper.unsupported.contains(attribute) }

    /// The set in which a patient of this script is written here.
    package func encoding(for script: Script) -> CharacterEncoding {
        switch temper.text {
        case .asStored: script.localEncoding
        case .always(let encoding), .undeclared(let encoding): encoding
        }
    }
}

extension SourceProfile {
    /// The eight: `pacs-a`, `pacs-b` and `pacs-d` share HOSP-A, `pacs-e` and `pacs-f` share REGION-E, three have their own.
    package static let all: [SourceProfile] = [
        profile("a", 1, "HOSP-A", share: 22, Temper(cap: .silent(500))) {
            $0.unsupported = [.timezoneOffsetFromUTC]
        },
        // Like dcmqrscp: what it does not support it leaves out, and ignores as a filter (N4).
        profile("b", 2, "HOSP-A", share: 12, Temper(cap: .cancelled(200)), knownCap: 200) {
            $0.unsupported = [
                .issuerOfPatientID, .modalitiesInStudy, .numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances,
                .instanceAvailability, .retrieveAETitle, .timezoneOffsetFromUTC,
            ]
            $0.parsesDates = false
        },
        profile("c", 3, "HOSP-C", share: 14, Temper(cap: .refused(300))) {
            $0.text = .always(.utf8)
            $0.unsupported = [.timezoneOffsetFromUTC]
        },
        // Its time keys do nothing, so a day that it could not answer whole would be irreducible: no cap.
        profile("d", 4, "HOSP-A", share: 10, Temper()) {
            $0.takesRelationalQuestions = true
            $0.ignoresTimeKeys = true
            $0.text = .always(.utf8)
            $0.unsupported = [.timezoneOffsetFromUTC]
        },
        profile("e", 5, "REGION-E", share: 12, Temper()) {
            $0.queriesPerAssociation = 1
            $0.unsupported = [.instanceAvailability, .studyID, .timezoneOffsetFromUTC]
        },
        profile("f", 6, "REGION-E", share: 10, Temper()) {
            $0.packsSeveralPDVs = true
            $0.latency = .milliseconds(15)
            $0.text = .always(.gb18030)
            $0.unsupported = [.issuerOfPatientID, .timezoneOffsetFromUTC]
        },
        profile("g", 7, "HOSP-G", share: 10, Temper()) {
            $0.text = .undeclared(.latin1)
            $0.unsupported = [.issuerOfPatientID, .instanceAvailability, .timezoneOffsetFromUTC]
            $0.returnsUnsupportedEmpty = true
        },
        profile("h", 8, "HOSP-H", share: 10, Temper(cap: .silent(347))) {
            $0.parsesDates = false
            $0.unsupported = [.issuerOfPatientID, .numberOfStudyRelatedSeries, .timezoneOffsetFromUTC]
        },
    ]

    /// Keeps every study's own set and has no faults.
    static let complete = profile("replay", 1, "HOSP-A", share: 1, Temper()) { _ in }

    private static func profile(
        _ letter: String, _ priority: Int, _ issuer: String, share: Int, _ temper: Temper, knownCap: Int? = nil,
        _ adjust: (inout Temper) -> Void
    ) -> SourceProfile {
        var temper = temper
        adjust(&temper)
        return SourceProfile(
            name: "pacs-\(letter)", aeTitle: "PACS\(letter.uppercased())", issuer: issuer, temper: temper, share: share,
            priority: priority, knownCap: knownCap)
    }
}
