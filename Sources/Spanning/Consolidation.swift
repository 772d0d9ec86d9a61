import DICOM
import StudyIndex

/// One source's copy of a study, series or instance.
struct SourceCopy<Record: AttributedRecord>: Sendable {
    var source: String
    var aeTitle: String
    /// 1 wins.
    var priority: Int
    var match = Truth.yes
    var record: Record
}

/// What copies are joined by: attributes as text.
protocol AttributedRecord: Sendable {
    static var tags: [Tag] { get }
    /// nil: not returned.
    func value(_ tag: Tag) -> String?
    mutating func setValue(_ tag: Tag, _ value: String?)
}

/// Joins the copies of one thing. Pure, and the same whatever the order in which they arrived: sources are ranked by priority,
/// and between equals by name.
extension ConsolidationStrategy {
    /// The copies, the one to be believed first first.
    func ranked<Record>(_ copies: [SourceCopy<Record>]) -> [SourceCopy<Record>] {
        copies.map { copy in
            let filled = Record.tags.count { !(copy.record.value($0) ?? "").isEmpty }
            return (rank: (self == .mostComplete ? -filled : 0, copy.priority, copy.source), copy: copy)
        }.sorted { $0.rank < $1.rank }.map(\.copy)
    }

    /// The attributes of all copies, of which there is at least one, ranked. Each is the first that is not empty; one that all
    /// who return it return empty is empty.
    func joined<Record>(_ ranked: [SourceCopy<Record>], _ first: SourceCopy<Record>) -> Record {
        var record = first.record
        for tag in Record.tags {
            let values = ranked.compactMap { $0.record.value(tag) }
            record.setValue(tag, values.first { !$0.isEmpty } ?? values.first)
        }
        guard self == .mergeAll else { return record }
        for tag in [Tag.numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances, .numberOfSeriesRelatedInstances]
        where Record.tags.contains(tag) {
            let counts = ranked.compactMap { $0.record.value(tag).flatMap { Int(lenient: $0) } }
            if let largest = counts.max() { record.setValue(tag, "\(largest)") }
        }
        return record
    }

    /// One study of copies that name one patient; nil: none of them matches.
    ///
    /// The patient's attributes are all one matching copy's, whatever the others say (promise 5).
    func study(_ copies: [SourceCopy<StudyRecord>]) -> (study: CatalogStudy, undecided: String?)? {
        let ranked = ranked(copies)
        guard let lead = ranked.first(where: { $0.match == .yes }) ?? ranked.first(where: { $0.match == .unknown })
        else {
            return nil
        }
        var record = joined(ranked, lead)
        for tag in Self.patientTags { record[tag] = lead.record[tag] }
        if self == .mergeAll {
            let modalities = Set(ranked.flatMap(\.record.modalities)).sorted()
            if modalities.count > 1 { record[.modalitiesInStudy] = modalities.joined(separator: "\\") }
        }
        return (
            CatalogStudy(record: record, holders: Self.holders(copies)), lead.match == .unknown ? lead.source : nil
        )
    }

    func series(_ copies: [SourceCopy<SeriesRecord>]) -> CatalogSeries? {
        let ranked = ranked(copies)
        return ranked.first.map { CatalogSeries(record: joined(ranked, $0), holders: Self.holders(copies)) }
    }

    func instance(_ copies: [SourceCopy<DataSet>], study: String, series: String) -> CatalogInstance? {
        let ranked = ranked(copies)
        return ranked.first.map {
            CatalogInstance(
                study: study, series: series, dataSet: joined(ranked, $0), holders: Self.holders(copies))
        }
    }

    static let patientTags: [Tag] = [
        .patientID, .issuerOfPatientID, .patientName, .patientBirthDate, .patientSex,
    ]

    /// AE titles of who holds a copy, by priority, each once.
    private static func holders<Record>(_ copies: [SourceCopy<Record>]) -> [String] {
        var seen: Set<String> = []
        return copies.sorted { ($0.priority, $0.source) < ($1.priority, $1.source) }.map(\.aeTitle)
            .filter { seen.insert($0).inserted }
    }
}

extension StudyRecord: AttributedRecord {
    static let tags = AttributeDictionary.observation.map(\.tag)
    func value(_ tag: Tag) -> String? { self[tag] }
    mutating func setValue(_ tag: Tag, _ value: String?) { self[tag] = value }
}

extension SeriesRecord: AttributedRecord {
    static let tags = AttributeDictionary.seriesObservation.map(\.tag)
    func value(_ tag: Tag) -> String? { self[tag] }
    mutating func setValue(_ tag: Tag, _ value: String?) { self[tag] = value }
}

extension DataSet: AttributedRecord {
    static let tags = AttributeDictionary.all.filter { $0.level == .image }.map(\.tag)
    func value(_ tag: Tag) -> String? { text(tag) }
    mutating func setValue(_ tag: Tag, _ value: String?) {
        if let value { set(tag, value) }
    }
}
