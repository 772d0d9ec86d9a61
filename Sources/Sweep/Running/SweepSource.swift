import DICOM
import DIMSE

/// One PACS as a sweep sees it: how to reach it, and what may be asked of it at once.
package struct SweepSource: Sendable {
    package var id: Int32
    package var name: String
    package var peer: Peer
    /// Open associations at once, over all workers of all processes; the database enforces it.
    package var associations: Int
    /// A known cap on answers (`limits.max_results`); nil: none known.
    package var maximumResults: Int?

    package init(id: Int32, name: String, peer: Peer, associations: Int, maximumResults: Int?) {
        self.id = id
        self.name = name
        self.peer = peer
        self.associations = associations
        self.maximumResults = maximumResults
    }
}
