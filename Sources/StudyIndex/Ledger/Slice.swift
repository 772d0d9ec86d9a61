import DICOM
import Foundation

package struct NewSlice: Sendable, Hashable {
    package var sourceID: Int32
    package var level: QueryLevel
    package var range: SliceRange
    /// False: it is too long to be asked at once, as far as anybody knows; the planner asks a part of it first.
    package var isSized: Bool

    package init(sourceID: Int32, level: QueryLevel = .study, range: SliceRange, isSized: Bool = true) {
        self.sourceID = sourceID
        self.level = level
        self.range = range
        self.isSized = isSized
    }
}

/// A slice that this worker holds, until its lease runs out.
package struct ClaimedSlice: Sendable, Hashable {
    package let id: Int64
    /// The fence of everything that is written for it.
    package let claimID: UUID
    package let sourceID: Int32
    package let level: QueryLevel
    package let range: SliceRange
    package let isSized: Bool
    package let attempt: Int
    /// The most rows that an answer of this source in this run ending in Success has had so far, at this level.
    package let largestAnswer: Int
    /// A study that the source showed lately: where a slice asks for the presence of another by its UID, this one shows
    /// that the source answers such questions.
    package let controlUID: String?

    package init(
        id: Int64, claimID: UUID, sourceID: Int32, level: QueryLevel, range: SliceRange, isSized: Bool,
        attempt: Int, largestAnswer: Int, controlUID: String?
    ) {
        self.id = id
        self.claimID = claimID
        self.sourceID = sourceID
        self.level = level
        self.range = range
        self.isSized = isSized
        self.attempt = attempt
        self.largestAnswer = largestAnswer
        self.controlUID = controlUID
    }

    /// Its days from `lower` on, as the slice that they have become.
    package func narrowed(to lower: DICOMDate, id: Int64) -> ClaimedSlice {
        var range = range
        range.dates?.lower = lower
        return ClaimedSlice(
            id: id, claimID: claimID, sourceID: sourceID, level: level, range: range, isSized: true, attempt: attempt,
            largestAnswer: largestAnswer, controlUID: controlUID)
    }
}

package enum Claim: Sendable, Hashable {
    case slice(ClaimedSlice)
    /// Others hold what is left, or it rests after a failure.
    case wait(Duration)
    /// Nothing is left for this source that may be asked in this run.
    case drained
}

/// What the ledger keeps of an answer (F13).
package struct SliceProof: Sendable, Hashable {
    package var rawRows: Int
    package var distinctUIDs: Int
    package var filteredOut: Int
    /// `UIDDigest` of the studies in the answer.
    package var uidDigest: Int64
    /// nil: none came, or several C-FINDs were asked.
    package var finalStatus: UInt16?
    package var duration: Duration

    package init(
        rawRows: Int, distinctUIDs: Int, filteredOut: Int, uidDigest: Int64 = 0, finalStatus: UInt16?,
        duration: Duration
    ) {
        self.rawRows = rawRows
        self.distinctUIDs = distinctUIDs
        self.filteredOut = filteredOut
        self.uidDigest = uidDigest
        self.finalStatus = finalStatus
        self.duration = duration
    }
}

/// A number for a set of UIDs, whatever their order: equal sets have equal ones, and the digests of sets without a common
/// element join by exclusive or.
package struct UIDDigest: Sendable {
    package private(set) var value: Int64 = 0

    package init() {}

    /// The caller adds each UID once.
    package mutating func add(_ uid: String) {
        // FNV-1a, then a finalizer that spreads its low entropy over all bits.
        var hash = uid.utf8.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= Int64(bitPattern: hash ^ (hash >> 31))
    }
}

package enum SliceOutcome: Sendable, Hashable {
    case complete(SliceProof)
    case split(SliceProof, reason: String, children: [NewSlice])
    case irreducible(SliceProof, reason: String)
    /// Asked, and the answer broke off. `message` holds no patient data; `jitter`, 0 to 1, spreads the retries.
    case failed(code: String, message: String, transient: Bool, retryAfter: Duration, jitter: Double)
    /// Not asked, because no association was to be had or another answer tells whether it has to be: no attempt was made. Or
    /// asked, and worth another question when larger answers were seen.
    case deferred(Duration)
}

/// What a merge found in a slice's observations.
package struct MergeCounts: Sendable, Hashable {
    package var new = 0
    package var changed = 0
    package var unchanged = 0
    /// Known before and not shown any more.
    package var missing = 0
    /// Not there any more, as a second night and a UID query have confirmed.
    package var vanished = 0

    package init() {}
}

package struct RunID: Sendable, Hashable {
    package let value: Int64

    package init(value: Int64) { self.value = value }
}
