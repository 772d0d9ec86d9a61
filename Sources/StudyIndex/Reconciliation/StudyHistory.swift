import DICOM
import PostgresClient

/// One change of what a source says of a study.
package struct StudyEvent: Sendable {
    package enum Kind: String, Sendable { case appeared, changed, vanished, returned }

    package let source: String
    package let kind: Kind
    /// ISO 8601.
    package let at: String
    /// By keyword, what was said before and after; "": nothing. Of what changed only.
    package let changes: [String: Change]

    package struct Change: Sendable, Hashable {
        package let before: String
        package let after: String

        package init(before: String, after: String) {
            self.before = before
            self.after = after
        }
    }
}

extension StudyIndex {
    /// What changed at a study, when and at which source; the oldest first.
    package func history(of uid: String, within visibility: Visibility) async throws -> [StudyEvent] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            let parameters: [PostgresValue] = [.text(uid.storable), seen.parameter]
            let current = try connection.query(SQL.studyHistoryNow, parameters)
            let rows = try connection.query(SQL.studyHistory, parameters)
            var events: [StudyEvent] = []
            for copy in current {
                let source = copy.string(0) ?? ""
                let own = rows.filter { $0.string(0) == source }
                events.append(StudyEvent(source: source, kind: .appeared, at: copy.string(1) ?? "", changes: [:]))
                for (index, row) in own.enumerated() {
                    let following = index + 1 < own.count ? own[index + 1].strings(3) : copy.strings(2)
                    let kind = StudyEvent.Kind(rawValue: row.string(1) ?? "") ?? .changed
                    events.append(
                        StudyEvent(
                            source: source, kind: kind, at: row.string(2) ?? "",
                            changes: Self.changes(row.strings(3) ?? [], following ?? [])))
                }
            }
            return events.sorted { ($0.at, $0.source) < ($1.at, $1.source) }
        }
    }

    private static func changes(_ before: [String], _ after: [String]) -> [String: StudyEvent.Change] {
        var changes: [String: StudyEvent.Change] = [:]
        for (attribute, (old, new)) in zip(AttributeDictionary.observation, zip(before, after)) where old != new {
            changes[attribute.keyword] = StudyEvent.Change(before: old, after: new)
        }
        return changes
    }
}
