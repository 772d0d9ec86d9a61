import Foundation

/// One entry of the audit trail: who asked for what, from where, and what came of it. It names patients, because it has to,
/// and therefore never goes where logs go.
package struct AuditRecord: Sendable, Hashable, Codable {
    package enum Event: String, Sendable, Hashable, Codable {
        /// A lookup of studies, series or instances.
        case query
        /// Anything else that an API key was used for.
        case operation
        /// An association that was rejected, or that failed before it began.
        case association
        /// A key was made, exchanged or revoked.
        case key
        /// A server started, with which configuration.
        case start
        /// A spool's end that was never sealed, nor any answer that it records given: a process was killed.
        case tornTail = "torn-tail"
    }

    package enum Outcome: String, Sendable, Hashable, Codable {
        case success, denied, failed
    }

    /// UTC, `2026-11-26T06:10:39.123456Z`; of when it was written where nil.
    package var time: String?
    package var event: Event
    package var outcome = Outcome.success
    /// The id of an API key, a calling AE title, a user of the operating system; "": nobody known.
    package var actor = ""
    /// What the actor is called by people.
    package var name = ""
    package var address = ""
    /// `HTTP`, `C-FIND` or `command`.
    package var means: String
    /// The route, the level of a query, the command.
    package var object = ""
    /// As it was asked.
    package var query = ""
    /// Of HTTP or of DIMSE; 0 where there is none.
    package var status = 0
    /// How many matches were told; nil where that has no meaning.
    package var results: Int?

    package init(_ event: Event, means: String) {
        self.event = event
        self.means = means
    }

    /// A line of JSON without its end; written by hand, because every request writes one.
    func line(at time: String) -> String {
        var line = "{\"time\":\"\(time)\",\"event\":\"\(event.rawValue)\",\"outcome\":\"\(outcome.rawValue)\""
        line.reserveCapacity(320)
        line.append("actor", actor)
        line.append("name", name)
        line.append("address", address)
        line.append("means", means)
        line.append("object", object)
        line.append("query", query)
        line += ",\"status\":\(status)"
        if let results { line += ",\"results\":\(results)" }
        return line + "}"
    }
}

extension String {
    fileprivate mutating func append(_ key: String, _ value: String) {
        append(",\"")
        append(key)
        append("\":\"")
        append(escaping: value)
        append("\"")
    }

    private mutating func append(escaping text: String) {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) else { return append(text) }
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0..<0x20:
                let digits = String(scalar.value, radix: 16)
                append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: unicodeScalars.append(scalar)
            }
        }
    }
}

/// Moments in microseconds since 1970, and as the trail writes them.
package enum AuditTime {
    package static func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1_000_000)
    }

    static func text(_ microseconds: Int64) -> String {
        var seconds = time_t(microseconds / 1_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text: [UInt8] = []
        text.reserveCapacity(27)
        func append(_ value: Int, _ end: Character, from power: Int = 10) {
            for power in sequence(first: power, next: { $0 > 1 ? $0 / 10 : nil }) {
                text.append(UInt8(ascii: "0") + UInt8(value / power % 10))
            }
            text.append(contentsOf: end.utf8)
        }
        append(Int(parts.tm_year) + 1900, "-", from: 1_000)
        append(Int(parts.tm_mon) + 1, "-")
        append(Int(parts.tm_mday), "T")
        append(Int(parts.tm_hour), ":")
        append(Int(parts.tm_min), ":")
        append(Int(parts.tm_sec), ".")
        append(Int(microseconds % 1_000_000), "Z", from: 100_000)
        return String(decoding: text, as: UTF8.self)
    }

    /// Of a record's line, which begins with its time; 0: it does not.
    static func microseconds(ofRecord line: String) -> Int64 {
        let start = "{\"time\":\"".utf8.count
        let time = Array(line.utf8.dropFirst(start).prefix(27))
        func number(_ range: Range<Int>) -> Int32? {
            guard time.count == 27 else { return nil }
            return Int32(String(decoding: time[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<26)
        else { return 0 }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
        return Int64(timegm(&parts)) * 1_000_000 + Int64(fraction)
    }
}
