import DICOM
import PostgresClient

extension StudyIndex {
    package func series(of studies: [String], within visibility: Visibility) async throws -> [CatalogSeries] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            var series: [CatalogSeries] = []
            for row in try connection.query(SQL.seriesOfStudies, [.textArray(studies.map(\.storable)), seen.parameter])
            {
                series.add(Self.seriesRecord(row), of: row.string(0) ?? "")
            }
            return series.sorted { $0.precedes($1) }
        }
    }

    static func seriesRecord(_ row: PostgresRow) -> SeriesRecord {
        SeriesRecord(
            texts: AttributeDictionary.seriesObservation.indices.map { row.string($0 + 1) },
            lossy: (row.strings(10) ?? []).compactMap { AttributeDictionary.attribute(keyword: $0)?.tag })
    }

    package func holdersWithUnknownSeries(
        of studies: [String], within visibility: Visibility
    ) async throws -> [(study: String, source: String)] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            try connection.query(SQL.seriesUnknown, [.textArray(studies.map(\.storable)), seen.parameter]).map {
                ($0.string(0) ?? "", $0.string(1) ?? "")
            }
        }
    }

    package func studies(ofSeries series: [String], within visibility: Visibility) async throws -> [String] {
        let seen = try await seen(within: visibility)
        return try await pool.withConnection(settings: seen.settings) { connection in
            try connection.query(SQL.studiesOfSeries, [.textArray(series.map(\.storable)), seen.parameter]).compactMap {
                $0.string(0)
            }
        }
    }
}
