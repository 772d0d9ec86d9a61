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
    /// - `discrepancies`: `{class, explanation, first_seen, other_uid, severity, sources, state, study_uid, values}`, each of
    ///   `values` a copy: `{attributes, changed, first_seen, issuer, lossy, source, study_uid}`. `other_uid` may be absent.
    /// - `duplicates`: `{sources, study_uid}`.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = Array("{\n\"format\": 1".utf8)
        func append(_ key: String, _ value: some Encodable) throws {
            bytes += Array(",\n\"\(key)\": ".utf8) + (try encoder.encode(value))
        }
        func append(_ key: String, each values: [some Encodable]) throws {
            bytes += Array(",\n\"\(key)\": [".utf8)
            for (index, value) in values.enumerated() {
                bytes += Array(index == 0 ? "\n".utf8 : ",\n".utf8)
                bytes += try encoder.encode(value)
            }
            bytes += Array("\n]".utf8)
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
        try append("discrepancies", each: findings)
        try append("duplicates", each: duplicates)
        return bytes + Array("\n}\n".utf8)
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
