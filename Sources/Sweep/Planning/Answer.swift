import DICOM

/// How a source ended its answer to one C-FIND of a sweep, as far as completeness is concerned.
package enum AnswerEnd: Sendable, Equatable {
    /// Final status 0000.
    case success
    /// The source says itself that there is more: FE00 without our cancel (F2), B001 (F8).
    case cropped(status: UInt16)
    /// The source refused the range before or instead of answering it: A700 (F4), Cxxx (F3).
    case refused(status: UInt16)
    /// The query's own time limit passed while matches were still arriving (F11).
    case outOfTime
}

/// What one C-FIND of a sweep brought, in the numbers that the ledger keeps as its proof (F13).
package struct Answer: Sendable, Equatable {
    package var end: AnswerEnd
    /// Pending responses, before anything was merged or left out.
    package var rawRows: Int
    /// Distinct Study Instance UIDs among them.
    package var distinctStudies: Int
    /// Rows whose study lies outside the range that was asked (F19). They are stored and prove nothing.
    package var outsideDates: Int
    /// Rows within the dates but outside the times that were asked, their time being known (F19, F27).
    package var outsideTimes: Int

    package init(
        end: AnswerEnd, rawRows: Int, distinctStudies: Int, outsideDates: Int = 0, outsideTimes: Int = 0
    ) {
        self.end = end
        self.rawRows = rawRows
        self.distinctStudies = distinctStudies
        self.outsideDates = outsideDates
        self.outsideTimes = outsideTimes
    }
}
