import DICOM
import PostgresClient

/// Series, which are kept per source as it shows them.
extension StudyIndex {
    /// Merges what a source answers of the series of `studies`, all of which were asked for; unchanged series are not
    /// written. Within the transaction that ends the slice.
    static func mergeSeries(
        _ records: [SeriesRecord], of source: Int32, studies: [String], asked: Duration,
        _ connection: PostgresConnection
    ) throws -> MergeCounts {
        var counts = MergeCounts()
        var seen: Set<String> = []
        let staged = records.compactMap(StagedSeries.init)
            .filter { seen.insert($0.studyUID + "\\" + $0.seriesUID).inserted }
        try connection.query(SQL.stagingSeries)
        try connection.copyIn(SQL.copyStagedSeries) { writer in
            for series in staged { series.write(to: &writer) }
        }
        let id = PostgresValue.int(Int64(source))
        var changed: Set<String> = []
        for row in try connection.query(SQL.upsertSeries, [id]) {
            if row.bool(0) == true { counts.new += 1 } else { counts.changed += 1 }
            changed.insert(row.string(1) ?? "")
        }
        counts.unchanged = staged.count - counts.new - counts.changed
        for row in try connection.query(SQL.deleteSeries, [id]) { changed.insert(row.string(0) ?? "") }
        let asked = PostgresValue.double(asked / .seconds(1))
        let studies = PostgresValue.textArray(studies.map(\.storable))
        try connection.query(SQL.noteSeriesChanges, [id, studies, .textArray(changed.sorted())])
        try connection.query(SQL.noteSeriesSweep, [id, studies, asked])
        return counts
    }

    /// The studies whose series a slice has asked for.
    static func studies(of slice: ClaimedSlice, _ connection: PostgresConnection) throws -> [String] {
        if let uids = slice.range.uids { return uids }
        // Parts of a day show some of its studies only.
        guard slice.range.axis == .dates, let dates = slice.range.dates else { return [] }
        return try connection.query(
            SQL.studiesOfDays,
            [
                .int(Int64(slice.sourceID)), .int(Int64(Days.number(dates.lower ?? .earliest))),
                .int(Int64(Days.number(dates.upper ?? .latest))),
            ]
        ).compactMap { $0.string(0) }
    }

    /// How many series a source will show, by study date, of studies whose series should be asked for.
    package func seriesWanted(source: Int32) async throws -> [DICOMDate: Int] {
        try await pool.withConnection { connection in
            var series: [DICOMDate: Int] = [:]
            for row in try connection.query(SQL.seriesWantedDays, [.int(Int64(source))]) {
                if let date = row.date(0).flatMap(Days.date) { series[date] = row.int(1) }
            }
            return series
        }
    }

    /// Studies of a source, newest first, whose series should be asked for.
    package func studiesWantingSeries(
        source: Int32, limit: Int, onlyUndated: Bool = false
    ) async throws -> [String] {
        try await pool.withConnection { connection in
            try connection.query(
                SQL.seriesWanted, [.int(Int64(source)), .int(Int64(limit)), .bool(onlyUndated)]
            ).compactMap { $0.string(0) }
        }
    }
}

/// A series on its way into the index.
private struct StagedSeries {
    let record: SeriesRecord
    let seriesUID: String
    let studyUID: String
    let hash: [UInt8]

    /// nil: it names no study or no series.
    init?(_ record: SeriesRecord) {
        let texts = record.texts.map { $0?.storable }
        self.record = SeriesRecord(texts: texts, lossy: record.lossy)
        seriesUID = self.record.seriesInstanceUID
        studyUID = self.record.studyInstanceUID
        guard (1...StagedObservation.longestUID).contains(seriesUID.utf8.count),
            (1...StagedObservation.longestUID).contains(studyUID.utf8.count)
        else { return nil }
        var bytes: [UInt8] = []
        for text in texts {
            if let text { bytes.append(contentsOf: text.utf8) } else { bytes.append(0) }
            bytes.append(0)
        }
        for tag in record.lossy { bytes.append(contentsOf: tag.hex.utf8) }
        hash = SHA256.hash(bytes)
    }

    /// In the order of `Queries/copy_staged_series.sql`.
    func write(to writer: inout CopyWriter) {
        writer.beginRow(columns: record.texts.count + 3)
        for text in record.texts { writer.append(text: text) }
        writer.append(int4: record.numberOfInstances.flatMap(Int32.init(exactly:)))
        writer.append(
            textArray: record.lossy.isEmpty
                ? nil : record.lossy.compactMap { AttributeDictionary.attribute($0)?.keyword })
        writer.append(bytes: hash)
    }
}
