import Foundation

extension CronExpression {
    /// The last moment after `last`, and not after `now`, at which this is due; nil: none. Of several that were missed it is
    /// the only one that is caught up.
    package func due(after last: Date, by now: Date, in zone: TimeZone) -> Date? {
        // What was due more than a year ago is nobody's business any more.
        var last = max(last, now.addingTimeInterval(-366 * 86_400))
        var due: Date?
        // A day's steps first, so that an expression for every minute is not walked through for a year.
        while now.timeIntervalSince(last) > 2 * 86_400,
            let next = next(after: last.addingTimeInterval(86_400), in: zone), next <= now
        {
            due = next
            last = next
        }
        while let next = next(after: last, in: zone), next <= now {
            due = next
            last = next
        }
        return due
    }
}
