import DICOM
import PostgresClient
import Synchronization

/// A visibility as the database knows it. What a restricted caller may see is said twice: as a parameter of every statement,
/// and to the row-level security of the session, whose role sees nothing else whatever a statement asks (`m003_access.sql`).
enum SeenFacilities: Sendable, Hashable {
    case all
    /// By their ids.
    case some([Int32])

    /// Of the session.
    var settings: [String: String] {
        switch self {
        case .all: [:]
        case .some(let ids):
            ["role": "concord_scoped", "concord.facilities": ids.map(String.init).joined(separator: ",")]
        }
    }

    /// Ids, or NULL: all.
    var parameter: PostgresValue {
        switch self {
        case .all: .null
        case .some(let ids): .intArray(ids.map(Int64.init))
        }
    }
}

/// Ids of facilities, which never change once they are given.
final class FacilityIDs: Sendable {
    private let known = Mutex<[String: Int32]>([:])

    /// Of names that nothing bears yet, none.
    func ids(of names: Set<String>, _ pool: PostgresPool) async throws -> [Int32] {
        let unknown = known.withLock { known in names.filter { known[$0] == nil } }
        if !unknown.isEmpty {
            let rows = try await pool.withConnection {
                try $0.query(SQL.facilityIDs, [.textArray(unknown.sorted())]).map {
                    ($0.string(0) ?? "", $0.int(1) ?? 0)
                }
            }
            known.withLock { known in
                for (name, id) in rows { known[name] = Int32(truncatingIfNeeded: id) }
            }
        }
        return known.withLock { known in names.compactMap { known[$0] }.sorted() }
    }
}

extension StudyIndex {
    func seen(within visibility: Visibility) async throws -> SeenFacilities {
        switch visibility {
        case .unrestricted: .all
        case .facilities(let names): .some(try await facilityIDs.ids(of: names, pool))
        }
    }

    /// Sources of which something can be seen; nil: all.
    package func sources(within visibility: Visibility) async throws -> Set<String>? {
        guard case .some(let ids) = try await seen(within: visibility) else { return nil }
        return try await pool.withConnection { connection in
            Set(
                try connection.query(SQL.sourcesOfFacilities, [.intArray(ids.map(Int64.init))])
                    .compactMap { $0.string(0) })
        }
    }
}
