extension DoorLog {
    package static let header = "source,seconds,event,calling_ae_title,open_associations\n"

    /// One line per event in the order of arrival, without the header; seconds with six decimals.
    package func lines(source: String) -> String {
        entries.map { entry in
            let (seconds, attoseconds) = entry.time.components
            let time = "\(seconds).\(digits(Int(attoseconds / 1_000_000_000_000), 6))"
            return "\(source),\(time),\(entry.event.rawValue),\(entry.calling),\(entry.open)\n"
        }.joined()
    }
}
