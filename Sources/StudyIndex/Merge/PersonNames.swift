import DICOM
import PostgresClient

/// The distinct names of patients and physicians, folded. Observations refer to them by id, and searches look names up
/// here: what indexes of names cost is paid once for each name, not for each study.
extension StudyIndex {
    /// The ids of folded names; those that nobody had before are entered.
    static func nameIDs(of keys: Set<String>, _ connection: PostgresConnection) throws -> [String: Int64] {
        // In one order everywhere: two merges that enter the same names wait for each other, never both.
        let keys = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var ids = try knownNames(keys, connection)
        guard ids.count < keys.count else { return ids }
        let new = keys.filter { ids[$0] == nil }
        let terms = new.map { NameTerms.terms(of: $0).joined(separator: "\n") }
        try connection.query(SQL.insertNames, [.textArray(new), .textArray(terms)])
        ids.merge(try knownNames(new, connection)) { $1 }
        guard ids.count == keys.count else { throw IndexError(.corrupt, "a name got no id") }
        return ids
    }

    private static func knownNames(
        _ keys: [String], _ connection: PostgresConnection
    ) throws -> [String: Int64] {
        let rows = try connection.query(SQL.nameIDs, [.textArray(keys)])
        let known = zip(keys, rows).compactMap { key, row in row.int(0).map { (key, Int64($0)) } }
        return Dictionary(known) { $1 }
    }
}
