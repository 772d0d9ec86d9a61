import DICOM

/// How old what the index knows of a day may be before its source is asked again.
package struct Freshness: Sendable, Hashable {
    /// Of the last `recentDays` days, and of whatever lies in the future.
    package var recent = Duration.seconds(600)
    package var recentDays = 2
    /// Of all days before.
    package var history = Duration.seconds(90 * 86_400)

    package init() {}

    /// The same age for all days (`Cache-Control: max-age`).
    package init(maximumAge: Duration) {
        recent = maximumAge
        history = maximumAge
    }

    /// The first of the recent days.
    func firstRecentDay(today: DICOMDate) -> DICOMDate { today.adding(days: 1 - max(1, recentDays)) }
}

/// Whether sources may be asked for an answer.
package enum SpanningPolicy: Sendable, Hashable {
    /// `spanning=never`, `Cache-Control: only-if-cached`.
    case never
    /// Where the index does not vouch for what is asked.
    case auto
    /// `spanning=always`, `Cache-Control: no-cache`: all of them, whatever the index knows.
    case always
}
