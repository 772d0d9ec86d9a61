import DICOM
import Foundation

/// What one C-FIND of a sweep asks for.
package struct SliceRange: Sendable, Hashable, CustomStringConvertible {
    package enum Axis: String, Sendable { case dates, times, uids }
    package let axis: Axis
    package let dates: DateRange?
    package let times: TimeRange?
    package let uids: [String]

    package init(dates: DateRange) {
        axis = .dates
        self.dates = dates
        times = nil
        uids = []
    }

    /// Times within one day; `dates` names that day (F15).
    package init(dates: DateRange, times: TimeRange) {
        axis = .times
        self.dates = dates
        self.times = times
        uids = []
    }

    package init(uids: [String]) {
        axis = .uids
        dates = nil
        times = nil
        self.uids = uids
    }

    package var description: String {
        switch axis {
        case .dates: dates?.da ?? ""
        case .times: "\(dates?.da ?? "") \(times?.tm ?? "")"
        case .uids: "\(uids.count) study by its UID"
        }
    }
}

package struct NewSlice: Sendable {
    package var sourceID: Int32
    package var level: QueryLevel
    package var range: SliceRange

    package init(sourceID: Int32, level: QueryLevel, range: SliceRange) {
        self.sourceID = sourceID
        self.level = level
        self.range = range
    }
}

/// A slice that this worker holds, until its lease runs out.
package struct ClaimedSlice: Sendable {
    package let id: Int64
    /// The fence of everything that is written for it.
    package let claimID: UUID
    package let sourceID: Int32
    package let level: QueryLevel
    package let range: SliceRange
    package let attempt: Int
    /// The most rows that an answer of this source in this run ending in Success has had so far.
    package let largestAnswer: Int
}

package enum Claim: Sendable {
    case slice(ClaimedSlice)
    /// Others hold what is left, or it rests after a failure.
    case wait(Duration)
    /// Nothing is left for this source.
    case drained
}

/// What the ledger keeps of an answer (F13).
package struct SliceProof: Sendable {
    package var rawRows: Int
    package var distinctUIDs: Int
    package var filteredOut: Int
    /// nil: none came.
    package var finalStatus: UInt16?
    package var duration: Duration

    package init(rawRows: Int, distinctUIDs: Int, filteredOut: Int, finalStatus: UInt16?, duration: Duration) {
        self.rawRows = rawRows
        self.distinctUIDs = distinctUIDs
        self.filteredOut = filteredOut
        self.finalStatus = finalStatus
        self.duration = duration
    }
}

package enum SliceOutcome: Sendable {
    case complete(SliceProof)
    case split(SliceProof, reason: String, children: [NewSlice])
    case irreducible(SliceProof, reason: String)
    /// `message` holds no patient data.
    case failed(code: String, message: String, transient: Bool, retryAfter: Duration)
}

/// What a merge found in a slice's observations.
package struct MergeCounts: Sendable, Hashable {
    package var new = 0
    package var changed = 0
    package var unchanged = 0
    /// Known before and not shown any more.
    package var missing = 0

    package init() {}
}

package struct RunID: Sendable, Hashable {
    package let value: Int64
}

package struct LeaseID: Sendable, Hashable {
    let value: UUID
}

package enum Permit: Sendable, Hashable {
    case granted
    case wait(Duration)
}
