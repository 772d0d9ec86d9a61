import DICOM
import DIMSE
import StudyIndex

/// One PACS as a sweep sees it: how to reach it, what may be asked of it at once, and what is known of it.
package struct SweepSource: Sendable {
    package var id: Int32
    package var name: String
    package var peer: Peer
    /// Open associations at once, over all workers of all processes; the database enforces it.
    package var associations: Int
    /// A known cap on answers (`limits.max_results`); nil: none known.
    package var maximumResults: Int?
    package var capabilities = Capabilities()
    /// Whether facilities depend on what it says of institutions.
    package var asksForInstitutions = false

    package init(id: Int32, name: String, peer: Peer, associations: Int, maximumResults: Int?) {
        self.id = id
        self.name = name
        self.peer = peer
        self.associations = associations
        self.maximumResults = maximumResults
    }

    var planner: Planner { Planner(cap: maximumResults, capabilities: capabilities) }

    /// Why so many rows, in an answer that ended in Success, may not be all there is; nil: nothing suggests it. Outside of a
    /// sweep there is no larger answer to trust it by, but for the limit that the source is known to have (F1).
    package func doubt(rows: Int) -> String? {
        let answer = Answer(end: .success, rawRows: rows, distinct: rows)
        return planner.doubt(answer, largestAnswer: planner.cap ?? 0)?.rawValue
    }

    /// With what the index has learned of it.
    package func informed(by index: StudyIndex) async throws -> SweepSource {
        var source = self
        source.capabilities = Capabilities(try await index.capabilities(of: id))
        return source
    }
}
