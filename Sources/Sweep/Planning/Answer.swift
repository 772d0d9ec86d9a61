import DICOM
import StudyIndex

/// How a source ended its answer to one C-FIND of a sweep, as far as completeness is concerned.
package enum AnswerEnd: Sendable, Hashable {
    /// Final status 0000.
    case success
    /// The source says itself that there is more: FE00 without our cancel (F2), B001 (F8).
    case cropped(status: UInt16)
    /// The source refused the range before or instead of answering it: A700 (F4), Cxxx (F3).
    case refused(status: UInt16)
    /// The query's own time limit passed while matches were still arriving (F11).
    case outOfTime

    var status: UInt16? {
        switch self {
        case .success: 0x0000
        case .cropped(let status), .refused(let status): status
        case .outOfTime: nil
        }
    }
}

/// What one C-FIND of a sweep brought, in the numbers that the ledger keeps as its proof (F13).
package struct Answer: Sendable, Hashable {
    package var end: AnswerEnd
    /// Pending responses, before anything was merged or left out.
    package var rawRows: Int
    /// Distinct UIDs among them, of studies or at SERIES level of series.
    package var distinct: Int
    /// Rows outside of what was asked, by the key that the source has not applied (F19). They are stored, and prove
    /// nothing.
    package var outside: [SliceRange.Axis: Int]

    package init(end: AnswerEnd, rawRows: Int, distinct: Int, outside: [SliceRange.Axis: Int] = [:]) {
        self.end = end
        self.rawRows = rawRows
        self.distinct = distinct
        self.outside = outside
    }
}
