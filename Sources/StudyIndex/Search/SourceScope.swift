import DICOM
import PostgresClient

/// Of the copies that a caller may see, those that take part in a search: those of these sources, of each only what its own
/// keys match.
package struct SourceScope: Sendable {
    package struct Source: Sendable {
        package var name: String
        package var keys: [QueryKey]

        package init(name: String, keys: [QueryKey] = []) {
            self.name = name
            self.keys = keys
        }
    }
    package var sources: [Source]
    /// Whether each copy is an answer of its own.
    package var separatesCopies: Bool

    package init(sources: [Source], separatesCopies: Bool = false) {
        self.sources = sources
        self.separatesCopies = separatesCopies
    }
}

/// A study of a search within a scope: the copies that it is made of, of one patient.
package struct ScopedStudy: Sendable {
    package struct Copy: Sendable {
        package let source: String
        package let aeTitle: String
        /// Whether it matches; unknown: it does not tell something that was asked for. No: only another copy of the study does.
        package let match: Truth
        /// With the issuer that its patient ID has, sent or not.
        package let record: StudyRecord

        package init(source: String, aeTitle: String, match: Truth, record: StudyRecord) {
            self.source = source
            self.aeTitle = aeTitle
            self.match = match
            self.record = record
        }
    }
    /// By source name.
    package var copies: [Copy]

    package init(copies: [Copy]) { self.copies = copies }
}

extension StudyIndex {
    /// Looks studies up among the copies that `scope` may see, in the order of all answers, and leaves it to the caller how
    /// their copies are shown. What is not in the scope neither matches nor takes part.
    package func search(
        _ query: StudyQuery, in scope: SourceScope, within visibility: Visibility
    ) async throws -> (studies: [ScopedStudy], total: Int, end: PagePosition?) {
        guard !scope.sources.isEmpty else { return ([], 0, nil) }
        let seen = try await seen(within: visibility)
        let rows = try await rows(for: query, within: seen, in: scope)
        var studies: [ScopedStudy] = []
        var place: PagePosition?
        for row in rows {
            let first = SearchStatement.placeColumns
            let isUndecided = row.bool(first + 2)
            let copy = ScopedStudy.Copy(
                source: row.string(first) ?? "", aeTitle: row.string(first + 1) ?? "",
                match: isUndecided.map { $0 ? .unknown : .yes } ?? .no,
                record: StudyRecord(
                    texts: AttributeDictionary.observation.indices.map { row.string($0 + first + 3) }))
            let next = PagePosition(row)
            if next == place {
                studies[studies.count - 1].copies.append(copy)
            } else {
                studies.append(ScopedStudy(copies: [copy]))
            }
            place = next
        }
        for position in studies.indices { studies[position].copies.sort { $0.source < $1.source } }
        return (studies, rows.total(query), place)
    }

    /// The series of studies as each of these sources shows them, by series and source.
    package func seriesCopies(
        of studies: [String], at sources: [String], within visibility: Visibility
    ) async throws -> [(source: String, aeTitle: String, record: SeriesRecord)] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            try connection.query(SQL.seriesOfStudies, [.textArray(studies.map(\.storable)), seen.parameter])
                .map { row in (row.string(11) ?? "", row.string(0) ?? "", Self.seriesRecord(row)) }
                .filter { sources.contains($0.0) }
        }
    }
}

/// A scope as SQL.
struct ScopeCondition: Sendable {
    let separatesCopies: Bool
    private let sources: [(name: String, keys: [KeyCondition])]

    init(_ scope: SourceScope, _ parameters: inout SearchParameters) {
        separatesCopies = scope.separatesCopies
        sources = scope.sources.map { source in
            (
                parameters.add(.text(source.name.storable)),
                source.keys.filter { $0.match != .universal }.map { KeyCondition($0, names: nil, &parameters) }
            )
        }
    }

    /// A copy may be seen. What it does not tell is no reason to hide it.
    func sees(_ copy: String) -> String {
        let tests = sources.map { source in
            ([isOf(source.name, copy)] + source.keys.map { "(\($0.matches(copy)) OR \($0.unknown(copy)))" })
                .joined(separator: " AND ")
        }
        return "(" + tests.map { "(\($0))" }.joined(separator: " OR ") + ")"
    }

    /// It may be seen only because it does not tell what its source's keys ask.
    func unknown(_ copy: String) -> String {
        let tests = sources.filter { !$0.keys.isEmpty }.map { source in
            "(\(isOf(source.name, copy)) AND (\(source.keys.map { $0.unknown(copy) }.joined(separator: " OR "))))"
        }
        return tests.isEmpty ? "false" : "(" + tests.joined(separator: " OR ") + ")"
    }

    private func isOf(_ name: String, _ copy: String) -> String {
        "\(copy).source_id = (SELECT id FROM source WHERE name = \(name))"
    }
}
