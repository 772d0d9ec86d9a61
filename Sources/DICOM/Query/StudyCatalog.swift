/// Where studies are looked up: PostgreSQL in the centre, a replica at an edge site. Nothing is looked up without saying what
/// the caller may see.
package protocol StudyCatalog: Sendable {
    func search(_ query: StudyQuery, within visibility: Visibility) async throws -> StudyAnswer
    /// The series of studies, by study and series number.
    func series(of studies: [String], within visibility: Visibility) async throws -> [CatalogSeries]
    /// Who holds one of these studies, by source name, and was not asked for its series since it last changed.
    func holdersWithUnknownSeries(
        of studies: [String], within visibility: Visibility
    ) async throws -> [(study: String, source: String)]
    /// The studies of these series, as far as series are indexed.
    func studies(ofSeries series: [String], within visibility: Visibility) async throws -> [String]
}

/// One page of an answer, in the order study date, study time (newest first), Study Instance UID.
package struct StudyAnswer: Sendable {
    package var studies: [CatalogStudy]
    /// Matches in all, before and after this page. 0 where the page lies past the end.
    package var total: Int
    /// Sources with studies that are in the answer only because the source did not return what a key asks about.
    package var undecidedSources: [String]
    /// Where this page ends: what the next begins after. nil: it is empty.
    package var end: PagePosition?

    package init(studies: [CatalogStudy], total: Int, undecidedSources: [String], end: PagePosition? = nil) {
        self.studies = studies
        self.total = total
        self.undecidedSources = undecidedSources
        self.end = end
    }
}

/// A place in the order of answers. A page that begins after it has no row twice and misses none, whatever was entered
/// before it meanwhile (F121, F134).
package struct PagePosition: Sendable, Hashable {
    /// As the index counts them; nil: without a date, after all others.
    package var day: Int?
    package var clock: Int?
    package var studyUID: String
    /// Which of the patients that copies of one study name.
    package var patient: String

    package init(day: Int?, clock: Int?, studyUID: String, patient: String) {
        self.day = day
        self.clock = clock
        self.studyUID = studyUID
        self.patient = patient
    }
}

/// A study as an answer shows it: consolidated attributes, and who holds it.
package struct CatalogStudy: Sendable, Hashable {
    package var record: StudyRecord
    /// AE titles of all sources that hold it, by priority: the answer's Retrieve AE Title (F54).
    package var holders: [String]

    package init(record: StudyRecord, holders: [String]) {
        self.record = record
        self.holders = holders
    }
}

/// A series as an answer shows it: of each attribute the value of the best source that returned one.
package struct CatalogSeries: Sendable, Hashable {
    package private(set) var record: SeriesRecord
    /// AE titles of all sources that show it, by priority.
    package private(set) var holders: [String]

    package init(record: SeriesRecord, holders: [String]) {
        self.record = record
        self.holders = holders
    }

    /// Fills what is missing from what another source shows.
    package mutating func take(_ other: SeriesRecord, of holder: String) {
        holders.append(holder)
        for attribute in AttributeDictionary.seriesObservation where (record[attribute.tag] ?? "").isEmpty {
            record[attribute.tag] = other[attribute.tag] ?? record[attribute.tag]
        }
    }

    /// By study, then by series number, then by UID and holder: total, so that pages are stable (F134).
    package func precedes(_ other: CatalogSeries) -> Bool { order < other.order }

    private var order: (String, Int, String, String) {
        (
            record.studyInstanceUID, record[.seriesNumber].flatMap { Int(lenient: $0) } ?? .max,
            record.seriesInstanceUID, holders.first ?? ""
        )
    }
}

extension [CatalogSeries] {
    /// One more row of what sources show; rows of one series come one after the other, the best source first.
    package mutating func add(_ record: SeriesRecord, of holder: String) {
        if let last, last.record.seriesInstanceUID == record.seriesInstanceUID,
            last.record.studyInstanceUID == record.studyInstanceUID
        {
            self[count - 1].take(record, of: holder)
        } else {
            append(CatalogSeries(record: record, holders: [holder]))
        }
    }
}
