import DICOM

/// Series in one shard.
enum ShardSeries {
    /// As their holders show them, the best source of each first.
    static func series(of studies: [String], _ database: SQLiteDatabase) throws -> [CatalogSeries] {
        let rows = try database.statement(
            """
            SELECT h.ae_title, x.series_uid, s.study_uid, x.modality, x.series_number, x.series_description,
                   x.body_part_examined, x.series_date, x.series_time, x.number_of_series_related_instances, x.lossy
            FROM study s INDEXED BY study_uid
            CROSS JOIN series_observation x INDEXED BY series_study ON x.study_id = s.study_id
            JOIN source h ON h.source_id = x.source_id
            WHERE s.study_uid IN (SELECT value FROM json_each(?1))
            ORDER BY s.study_uid, x.series_uid, h.priority, h.source_id
            """)
        defer { rows.reset() }
        try rows.bind(.text(JSONList.text(studies)), at: 1)
        var series: [CatalogSeries] = []
        while try rows.step() {
            let lossy = rows.text(10).map(ListColumn.values) ?? []
            series.add(
                SeriesRecord(
                    texts: AttributeDictionary.seriesObservation.indices.map { rows.text($0 + 1) },
                    lossy: lossy.compactMap(Tag.init(hex:))), of: rows.text(0) ?? "")
        }
        return series
    }

    static func holdersWithUnknownSeries(
        of studies: [String], _ database: SQLiteDatabase
    ) throws -> [(study: String, source: String)] {
        let rows = try database.statement(
            """
            SELECT s.study_uid, h.name
            FROM study s INDEXED BY study_uid
            CROSS JOIN observation o INDEXED BY observation_study ON o.study_id = s.study_id
            JOIN source h ON h.source_id = o.source_id
            WHERE s.study_uid IN (SELECT value FROM json_each(?1)) AND o.are_series_known = 0
            ORDER BY s.study_uid, h.priority, h.source_id
            """)
        defer { rows.reset() }
        try rows.bind(.text(JSONList.text(studies)), at: 1)
        var holders: [(study: String, source: String)] = []
        while try rows.step() { holders.append((rows.text(0) ?? "", rows.text(1) ?? "")) }
        return holders
    }

    static func studies(of series: [String], _ database: SQLiteDatabase) throws -> [String] {
        let rows = try database.statement(
            """
            SELECT DISTINCT s.study_uid
            FROM series_observation x INDEXED BY series_uid JOIN study s ON s.study_id = x.study_id
            WHERE x.series_uid IN (SELECT value FROM json_each(?1)) ORDER BY s.study_uid
            """)
        defer { rows.reset() }
        try rows.bind(.text(JSONList.text(series)), at: 1)
        var studies: [String] = []
        while try rows.step() { studies.append(rows.text(0) ?? "") }
        return studies
    }
}
