import DICOM
import Foundation
import Sweep

/// A file of `jobs/`: what is done, one step after the other, and when.
struct JobConfiguration: Sendable {
    var name: String
    /// Empty: all.
    var sources: [String]
    /// Workers per source at most.
    var workers: Int
    /// When `concord schedule` starts it; nil: only by hand.
    var schedule: CronExpression?
    /// Of the schedule; default: this machine's.
    var timeZone: TimeZone
    /// How long all of its steps may ask together; what is left then waits for another night. nil: to the end.
    var time: Duration?
    /// How long a source may go on failing before it is given up for this run.
    var patience: Duration
    var steps: [Step]

    enum Step: Sendable, Hashable {
        /// Study dates; an end that is nil is open.
        case dates(DateRange)
        /// The last days, and everything after today.
        case recent(days: Int)
        /// What was proven or enumerated before, the oldest proof first.
        case history
        case patients(Patients)
        /// The series of studies, newest first.
        case series(limit: Int)
        /// Learns anew what sources support, where that was learned longer ago than this.
        case probe(olderThan: Duration)
        case reconcile
        /// Finds the patients that are possibly one human, among all that the index knows.
        case persons
        /// A report, in this directory.
        case report(directory: String, keep: Int?)
        /// Edge shards, into this directory.
        case publish(directory: String)
        /// A replica, from a URL or a directory into a directory, at so many bytes a second at most.
        case sync(from: String, to: String, bytesPerSecond: Int?)
    }

    enum Patients: Sendable, Hashable {
        case prefixes, known
        /// A file with one patient ID a line.
        case list(String)
    }

    static let usualPatience = Duration.seconds(120)

    static func load(_ file: String) throws(ConfigurationError) -> JobConfiguration {
        try YAMLSection.read(file: file) { (section) throws(ConfigurationError) in try JobConfiguration(&section) }
    }

    static func parse(_ yaml: String, file: String) throws(ConfigurationError) -> JobConfiguration {
        try YAMLSection.read(yaml: yaml, file: file) { (section) throws(ConfigurationError) in
            try JobConfiguration(&section)
        }
    }
}

extension JobConfiguration {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        name = try section.required("name")
        sources = try section.strings("sources") ?? []
        workers = try section.integer("workers", in: 1...64) ?? 4
        timeZone = try section.timeZone("time_zone").flatMap(TimeZone.init(identifier:)) ?? .current
        time = try section.duration("time")
        patience = try section.duration("patience") ?? Self.usualPatience
        if let text = try section.string("schedule") {
            do { schedule = try CronExpression(text) } catch { throw section.error("schedule", "\(error)") }
        }
        steps = try section.sections("steps") { (step) throws(ConfigurationError) in try Step(&step) }
        if steps.isEmpty { throw section.error("steps", "at least one step is needed") }
    }
}

extension JobConfiguration.Step {
    fileprivate init(_ section: inout YAMLSection) throws(ConfigurationError) {
        switch try section.required("step") {
        case "dates":
            let (from, to) = (try section.date("from"), try section.date("to"))
            if let from, let to, from > to { throw section.error("to", "is before from") }
            self = .dates(DateRange(lower: from, upper: to))
        case "recent": self = .recent(days: try section.integer("days", in: 1...3_650) ?? 7)
        case "history": self = .history
        case "patients":
            let by = try section.string("by") ?? "prefixes"
            let list = try section.file("list")
            switch (by, list) {
            case (_, let list?): self = .patients(.list(list))
            case ("prefixes", nil): self = .patients(.prefixes)
            case ("known", nil): self = .patients(.known)
            default: throw section.error("by", "expected prefixes or known")
            }
        case "series": self = .series(limit: try section.integer("studies", in: 1...1_000_000) ?? 10_000)
        case "probe": self = .probe(olderThan: try section.duration("older_than") ?? .seconds(7 * 86_400))
        case "reconcile": self = .reconcile
        case "persons": self = .persons
        case "report":
            self = .report(
                directory: try section.file("out") ?? "report", keep: try section.integer("keep", in: 1...10_000))
        case "publish": self = .publish(directory: try section.file("out") ?? "shards")
        case "sync":
            let origin = try section.required("from")
            self = .sync(
                from: origin.contains("://") ? origin : try section.file("from") ?? origin,
                to: try section.file("to") ?? "replica",
                bytesPerSecond: try section.integer("bytes_per_second", in: 1_000...1_000_000_000))
        default:
            throw section.error(
                "step",
                "expected dates, recent, history, patients, series, probe, reconcile, persons, report, publish or sync")
        }
    }
}

extension YAMLSection {
    mutating func date(_ key: String) throws(ConfigurationError) -> DICOMDate? {
        guard let text = try string(key) else { return nil }
        guard let date = DICOMDate(text) else { throw error(key, "expected a date such as 20200101") }
        return date
    }
}
