/// Where studies are looked up: PostgreSQL in the centre, a replica at an edge site.
package protocol StudyCatalog: Sendable {
    func search(_ query: StudyQuery) async throws -> StudyAnswer
}

/// One page of an answer, in the order study date, study time (newest first), Study Instance UID.
package struct StudyAnswer: Sendable {
    package var studies: [CatalogStudy]
    /// Matches in all, before and after this page. 0 where the page lies past the end.
    package var total: Int
    /// Sources with studies that are in the answer only because the source did not return what a key asks about.
    package var undecidedSources: [String]

    package init(studies: [CatalogStudy], total: Int, undecidedSources: [String]) {
        self.studies = studies
        self.total = total
        self.undecidedSources = undecidedSources
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
