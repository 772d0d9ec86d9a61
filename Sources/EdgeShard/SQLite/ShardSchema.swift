/// The tables of a shard, as `schemas/sqlite` creates them.
enum ShardSchema {
    /// Can it be read: of the file, the manifest and the objects together.
    static let format = 1
    /// Must it be rebuilt: raised when what is in the columns is derived differently.
    static let feature = 1

    struct Table {
        let name: String
        /// Of the canonical encoding.
        let tag: UInt8
        let columns: [String]
        /// Where the study of a row is found: its own key, or the column of it.
        let bucketing: Bucketing
    }

    enum Bucketing {
        case none
        /// By the Study UID in this column.
        case studyUID(column: Int)
        /// By the study whose id is in this column.
        case studyID(column: Int)
    }

    static let source = Table(
        name: "source", tag: 1, columns: ["source_id", "name", "ae_title", "issuer", "priority"], bucketing: .none)
    static let study = Table(
        name: "study", tag: 2, columns: ["study_id", "study_uid", "study_day", "study_clock"],
        bucketing: .studyUID(column: 1))
    static let observation = Table(
        name: "observation", tag: 3,
        columns: [
            "observation_id", "study_id", "source_id", "patient_id", "issuer_of_patient_id", "patient_name",
            "patient_birth_date", "patient_sex", "study_date", "study_time", "accession_number", "study_identifier",
            "study_description", "referring_physician_name", "modalities_in_study", "number_of_study_related_series",
            "number_of_study_related_instances", "instance_availability", "retrieve_ae_title",
            "timezone_offset_from_utc", "issuer", "name_key", "physician_key", "study_day", "study_clock", "birth_day",
            "modalities", "series_count", "instance_count", "lossy", "other_patient", "are_series_known",
        ], bucketing: .studyID(column: 1))
    static let series = Table(
        name: "series_observation", tag: 4,
        columns: [
            "series_observation_id", "study_id", "source_id", "series_uid", "modality", "series_number",
            "series_description", "body_part_examined", "series_date", "series_time",
            "number_of_series_related_instances", "lossy",
        ], bucketing: .studyID(column: 1))
    static let tombstone = Table(
        name: "tombstone", tag: 5, columns: ["observation_id", "study_uid", "source_id", "gone_day"],
        bucketing: .studyUID(column: 1))

    static let tables = [source, study, observation, series, tombstone]

    /// The schema's digest, which manifests name: a shard made by other statements than ours is not read.
    static func digest(of database: SQLiteDatabase) throws -> Digest {
        let hasher = SHA256Hasher()
        // What FTS5 keeps its index in is its own, and differs between versions.
        let rows = try database.statement(
            """
            SELECT type, name, coalesce(sql, '') FROM sqlite_schema
            WHERE name NOT GLOB 'sqlite_*' AND NOT (type = 'table' AND name GLOB 'name_trigram_*')
            ORDER BY type, name
            """)
        defer { rows.reset() }
        while try rows.step() {
            for column in 0..<3 {
                hasher.update(Array((rows.text(column) ?? "").utf8))
                hasher.update([0])
            }
        }
        return hasher.finish()
    }

    /// The digest of a file made by this program.
    static let digest: Result<Digest, ShardError> = {
        do {
            let database = try SQLiteDatabase(path: ":memory:", .workingCopy(creating: true))
            try create(database)
            try database.execute(SQL.shardIndexes)
            return .success(try digest(of: database))
        } catch let error as ShardError {
            return .failure(error)
        } catch {
            return .failure(ShardError(.database, "SQLite cannot make a shard"))
        }
    }()

    static func create(_ database: SQLiteDatabase) throws { try database.execute(SQL.shard) }
}

/// The scripts of `Queries/`, read from the binary.
enum SQL {
    static let shard = text(PackageResources.shard_sql)
    static let shardIndexes = text(PackageResources.shard_indexes_sql)

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension ShardSchema.Table {
    var insertion: String { "INSERT " + row }
    /// Where there may be a row with the same key.
    var replacement: String { "INSERT OR REPLACE " + row }

    private var row: String {
        "INTO \(name) (\(columns.joined(separator: ", "))) VALUES ("
            + columns.map { _ in "?" }.joined(separator: ", ") + ")"
    }

    /// All values; the key is the last parameter.
    var update: String {
        "UPDATE \(name) SET " + columns.dropFirst().map { "\($0) = ?" }.joined(separator: ", ")
            + " WHERE \(columns[0]) = ?"
    }

    var deletion: String { "DELETE FROM \(name) WHERE \(columns[0]) = ?" }

    func selection(_ condition: String) -> String {
        "SELECT \(columns.joined(separator: ", ")) FROM \(name) \(condition)"
    }
}
