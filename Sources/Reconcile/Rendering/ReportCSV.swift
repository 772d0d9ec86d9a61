import DICOM

extension Report {
    /// `sources.csv`, `duplicates.csv`, `discrepancies.csv` and `coverage.csv`: every row, however many a page shows.
    package func csvFiles() -> [(name: String, bytes: [UInt8])] {
        [
            ("sources.csv", sourcesCSV()), ("duplicates.csv", duplicatesCSV()),
            ("discrepancies.csv", discrepanciesCSV()), ("coverage.csv", coverageCSV()),
        ]
    }

    /// One row per source, with what it shares with each other.
    private func sourcesCSV() -> [UInt8] {
        let matrix = OverlapMatrix(self)
        var csv = CSV(
            columns: ["source", "issuer", "studies", "unique", "shared"] + sources.map { "shared_with_\($0.name)" })
        for (row, source) in sources.enumerated() {
            let shared = sources.indices.map { $0 == row ? "" : String(matrix.counts[row][$0]) }
            let totals = [source.studies, source.unique, source.shared].map { String($0) }
            csv.append([source.name, source.issuer] + totals + shared)
        }
        return csv.bytes
    }

    private func duplicatesCSV() -> [UInt8] {
        var csv = CSV(columns: ["study_uid", "copies", "sources"])
        for duplicate in duplicates {
            csv.append([
                duplicate.studyUID, String(duplicate.sources.count), duplicate.sources.joined(separator: ";"),
            ])
        }
        return csv.bytes
    }

    /// One row per discrepancy and copy, so that the values of two sources stand below each other.
    private func discrepanciesCSV() -> [UInt8] {
        let keywords = AttributeDictionary.observation.map(\.keyword).filter { keyword in
            findings.contains { $0.discrepancy.values.contains { $0.attributes[keyword] != nil } }
        }
        var csv = CSV(
            columns: [
                "class", "severity", "state", "first_seen", "study_uid", "other_uid", "sources", "source",
                "copy_study_uid",
                "effective_issuer",
            ] + keywords + ["lossy", "copy_first_seen", "copy_changed", "explanation"])
        for finding in findings {
            let row = finding.discrepancy
            let head = [
                row.discrepancyClass.rawValue, row.severity.rawValue, finding.state, finding.firstSeen, row.studyUID,
                row.otherUID ?? "", row.sources.joined(separator: ";"),
            ]
            for copy in row.values {
                let values = keywords.map { copy.attributes[$0] ?? "" }
                csv.append(
                    head + [copy.source, copy.studyUID, copy.issuer] + values
                        + [copy.lossy.joined(separator: ";"), copy.firstSeen, copy.changed, row.explanation])
            }
        }
        return csv.bytes
    }

    private func coverageCSV() -> [UInt8] {
        var csv = CSV(columns: [
            "source", "month", "state", "days_proven", "days_enumerated", "days_in_holes", "days_not_asked",
            "verified_at",
            "reason",
        ])
        for month in coverage.months() {
            let days = [month.daysProven, month.daysEnumerated, month.daysInHoles, month.daysNotAsked].map {
                String($0)
            }
            csv.append([month.source, month.month, month.state.rawValue] + days + [month.verifiedAt, month.reason])
        }
        return csv.bytes
    }
}
