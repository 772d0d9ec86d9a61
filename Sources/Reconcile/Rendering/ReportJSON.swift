import DICOM
import Foundation

extension Report {
    /// `report.json`: one object, UTF-8. The elements of its arrays stand on a line each, so that it can be read without
    /// holding all of it. Keys, in this order:
    ///
    /// - `format`: 1; a change that a reader would misunderstand raises it.
    /// - `generated_at`, `watermark`: text. `studies`, `copies`: numbers. `caveats`: sentences.
    /// - `sources`: `{issuer, name, studies, unique}`. `overlaps`: `{first, second, studies}`.
    /// - `expects`: `{from, since, to}`.
    /// - `coverage`: per source and month `{days_enumerated, days_in_holes, days_not_asked, days_proven, month, reason,
    ///   source, state, verified_at}`, `state` one of `proven`, `enumerated`, `not-asked`, `hole`.
    /// - `holes`: `{at, from, reason, source, to}`, dates `YYYY-MM-DD`, absent where open.
    /// - `trend`: `{day, open}`, `open` by severity.
    /// - `readiness`: `{from, to, since, total, groups}`, each of `groups` `{outcome, reason, count}`.
    /// - `changes_since`: text. `changes`: `{at, event, class, severity, study_uid, other_uid, sources, number, actor, note}`.
    /// - `discrepancies`: `{acknowledgement, advice, class, explanation, first_seen, number, other_uid, severity, sources,
    ///   state, study_uid, suggestion, suspects, values}`, each of `values` a copy: `{attributes, changed, first_seen, issuer,
    ///   lossy, source, study_uid}`, `suggestion` `{reason, values}`. `number`, `other_uid` and `suggestion` may be absent.
    /// - `duplicates`: `{sources, study_uid}`.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = JSONText()
        json.raw("{\n\"format\": 1")
        func append(_ key: String, _ value: some Encodable) throws {
            json.raw(",\n\"\(key)\": " + String(decoding: try encoder.encode(value), as: UTF8.self))
        }
        func append(_ key: String, each values: [some Encodable]) throws {
            json.raw(",\n\"\(key)\": [")
            for (index, value) in values.enumerated() {
                json.raw((index == 0 ? "\n" : ",\n") + String(decoding: try encoder.encode(value), as: UTF8.self))
            }
            json.raw("\n]")
        }
        try append("generated_at", generatedAt)
        try append("watermark", watermark)
        try append("studies", studies)
        try append("copies", copies)
        try append("caveats", caveats)
        try append("sources", each: sources)
        try append("overlaps", each: overlaps)
        try append("expects", each: expectations)
        try append("coverage", each: coverage.months())
        try append("holes", each: coverage.holes.map(HoleRow.init))
        try append("trend", each: trend)
        json.lines("readiness", readiness) { $0.readiness($1) }
        try append("changes_since", changesSince)
        json.lines("changes", changes) { $0.change($1) }
        json.lines("discrepancies", findings) { $0.finding($1) }
        json.lines("duplicates", duplicates) { json, duplicate in
            json.raw("{\"sources\":")
            json.strings(duplicate.sources)
            json.raw(",\"study_uid\":")
            json.string(duplicate.studyUID)
            json.raw("}")
        }
        json.raw("\n}\n")
        return json.bytes
    }
}

extension JSONText {
    fileprivate mutating func lines<Element>(
        _ key: StaticString, _ elements: [Element], _ write: (inout JSONText, Element) -> Void
    ) {
        raw(",\n\"")
        raw(key)
        raw("\": [")
        for (index, element) in elements.enumerated() {
            raw(index == 0 ? "\n" : ",\n")
            write(&self, element)
        }
        raw("\n]")
    }

    fileprivate mutating func finding(_ finding: Report.Finding) {
        let row = finding.discrepancy
        raw("{\"acknowledgement\":")
        string(finding.acknowledgement)
        raw(",\"advice\":")
        string(row.discrepancyClass.advice)
        raw(",\"first_seen\":")
        string(finding.firstSeen)
        if let number = finding.number { raw(",\"number\":\(number)") }
        raw(",\"state\":")
        string(finding.state)
        raw(",\"suspects\":")
        strings(row.blamed)
        raw(",")
        row.write(to: &self)
        raw("}")
    }

    fileprivate mutating func change(_ change: Report.Change) {
        raw("{\"at\":")
        string(change.at)
        raw(",\"event\":")
        string(change.event)
        raw(",\"class\":")
        string(change.discrepancyClass.rawValue)
        raw(",\"severity\":")
        string(change.severity)
        raw(",\"study_uid\":")
        string(change.studyUID)
        if let other = change.otherUID {
            raw(",\"other_uid\":")
            string(other)
        }
        raw(",\"sources\":")
        strings(change.sources)
        raw(",\"number\":\(change.number),\"actor\":")
        string(change.actor)
        raw(",\"note\":")
        string(change.note)
        raw("}")
    }

    fileprivate mutating func readiness(_ readiness: Report.Readiness) {
        raw("{\"from\":")
        string(readiness.expectation.from)
        raw(",\"to\":")
        string(readiness.expectation.to)
        raw(",\"since\":")
        string(readiness.expectation.since)
        raw(",\"total\":\(readiness.total),\"groups\":")
        list(readiness.groups) { json, group in
            json.raw("{\"outcome\":")
            json.string(group.outcome)
            json.raw(",\"reason\":")
            json.string(group.reason)
            json.raw(",\"count\":\(group.count)}")
        }
        raw("}")
    }
}

private struct HoleRow: Encodable {
    let source: String
    let from: String?
    let to: String?
    let reason: String
    let at: String

    init(_ span: Coverage.Span) {
        source = span.source
        from = span.from?.iso
        to = span.to?.iso
        reason = span.reason
        at = span.at
    }
}
