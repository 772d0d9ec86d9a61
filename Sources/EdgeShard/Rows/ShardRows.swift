import DICOM

/// A source as a shard names it.
package struct ShardSource: Sendable, Hashable {
    /// The publisher's own, stable number.
    package var id: Int
    package var name: String
    package var aeTitle: String
    /// Of patient IDs that come without one.
    package var issuer: String
    /// 1 wins.
    package var priority: Int

    package init(id: Int, name: String, aeTitle: String, issuer: String, priority: Int) {
        self.id = id
        self.name = name
        self.aeTitle = aeTitle
        self.issuer = issuer
        self.priority = priority
    }

    /// By priority, as the index ranks copies.
    func precedes(_ other: ShardSource) -> Bool { (priority, id) < (other.priority, other.id) }
}

/// A study as the sources of a shard's scope show it. No copies: it is not in the scope any more.
package struct ShardStudy: Sendable {
    package var uid: String
    package var copies: [Copy]
    package var series: [Series]
    /// Sources that do not hold it any more, as the index has concluded; they are tombstones then.
    package var goneFrom: [Int]

    package struct Copy: Sendable {
        /// `ShardSource.id`.
        package var source: Int
        /// The effective issuer of its patient ID: as sent, else the source's.
        package var issuer: String
        package var record: StudyRecord
        /// Whether its series were asked for since it last changed.
        package var areSeriesKnown: Bool

        package init(source: Int, issuer: String, record: StudyRecord, areSeriesKnown: Bool = false) {
            self.source = source
            self.issuer = issuer
            self.record = record
            self.areSeriesKnown = areSeriesKnown
        }
    }

    package struct Series: Sendable {
        package var source: Int
        package var record: SeriesRecord

        package init(source: Int, record: SeriesRecord) {
            self.source = source
            self.record = record
        }
    }

    package init(uid: String, copies: [Copy], series: [Series] = [], goneFrom: [Int] = []) {
        self.uid = uid
        self.copies = copies
        self.series = series
        self.goneFrom = goneFrom
    }
}

/// What is looked at together of a study's copies, by the priority of their sources. The rules are those of the index's
/// `recompute_studies.sql`: the patient group from the first copy that names a patient, every other attribute from the first
/// that returned it.
struct Consolidation {
    struct Ranked {
        var copy: ShardStudy.Copy
        var values: SearchedValues
    }

    /// The best first.
    let copies: [Ranked]

    /// nil: no copy.
    init?(_ copies: [ShardStudy.Copy], sources: [Int: ShardSource]) {
        let ranked = copies.compactMap { copy in sources[copy.source].map { (source: $0, copy: copy) } }
            .sorted { $0.source.precedes($1.source) }
        guard !ranked.isEmpty else { return nil }
        self.copies = ranked.map { Ranked(copy: $0.copy, values: SearchedValues($0.copy.record)) }
    }

    private var lead: Ranked { copies.first { !$0.copy.record.patientID.isEmpty } ?? copies[0] }

    private func first(with tag: Tag) -> Ranked? { copies.first { !($0.copy.record[tag] ?? "").isEmpty } }

    var studyDay: DICOMDate? { first(with: .studyDate)?.values.studyDay }
    var studyClock: DICOMTime? { first(with: .studyTime)?.values.studyClock }

    /// nil: the patient that the study is consolidated under. Names that differ are another patient's only together with the
    /// birth date, or with the ID of the same issuer.
    func otherPatient(_ ranked: Ranked) -> String? {
        let lead = lead
        guard let name = ranked.alphabeticKey, let leadName = lead.alphabeticKey, name != leadName else { return nil }
        let birthDays = (ranked.values.birthDay, lead.values.birthDay)
        let hasOtherBirthDay = birthDays.0 != nil && birthDays.1 != nil && birthDays.0 != birthDays.1
        let ids = (ranked.copy.record[.patientID], lead.copy.record[.patientID])
        let hasOtherID = ranked.copy.issuer == lead.copy.issuer && ids.0 != nil && ids.1 != nil && ids.0 != ids.1
        guard hasOtherBirthDay || hasOtherID else { return nil }
        return [name, birthDays.0?.iso, ranked.copy.issuer, ids.0].compactMap { $0 }.joined(separator: "\\")
    }

    static let patientGroup: Set<Tag> = [
        .studyInstanceUID, .patientID, .issuerOfPatientID, .patientName, .patientBirthDate, .patientSex,
    ]
}

extension Consolidation.Ranked {
    /// Folded, of the first group; nil where there is none.
    fileprivate var alphabeticKey: String? {
        guard let key = values.nameKey else { return nil }
        let first = String(key.unicodeScalars.prefix { $0 != "=" })
        return first.isEmpty ? nil : first
    }
}
