import DICOM

extension Report {
    /// Every row, however many a page shows.
    package func csvFiles() -> [(name: String, bytes: [UInt8])] {
        [
            ("sources.csv", sourcesCSV()), ("duplicates.csv", duplicatesCSV()),
            ("discrepancies.csv", discrepanciesCSV()), ("coverage.csv", coverageCSV()), ("pairs.csv", pairsCSV()),
            ("changes.csv", changesCSV()), ("readiness.csv", readinessCSV()), ("unmatched.csv", unmatchedCSV()),
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
        var used: Set<String> = []
        for finding in findings {
            for copy in finding.discrepancy.values { used.formUnion(copy.attributes.keys) }
        }
        // All columns always, but for attributes that no class is about.
        let keywords = AttributeDictionary.observation.map(\.keyword).filter {
            Self.columns.contains($0) || used.contains($0)
        }
        var csv = CSV(
            columns: [
                "number", "class", "severity", "state", "first_seen", "study_uid", "other_uid", "sources", "suspects",
                "source", "copy_study_uid", "effective_issuer",
            ] + keywords + [
                "lossy", "copy_first_seen", "copy_changed", "suggested", "suggested_because", "explanation", "advice",
                "acknowledgement",
            ])
        for finding in findings {
            let row = finding.discrepancy
            let head = CSV.encoded([
                finding.number.map(String.init) ?? "", row.discrepancyClass.rawValue, row.severity.rawValue,
                finding.state,
                finding.firstSeen, row.studyUID, row.otherUID ?? "", row.sources.joined(separator: ";"),
                row.blamed.joined(separator: ";"),
            ])
            let suggested = (row.suggestion?.values ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let tail = CSV.encoded([
                suggested.joined(separator: "; "), row.suggestion?.reason ?? "", row.explanation,
                row.discrepancyClass.advice, finding.acknowledgement,
            ])
            for copy in row.values {
                let values = keywords.map { copy.attributes[$0] ?? "" }
                let times = [copy.lossy.joined(separator: ";"), copy.firstSeen, copy.changed]
                csv.append(before: head, [copy.source, copy.studyUID, copy.issuer] + values + times, after: tail)
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

    private static let columns: Set<String> = [
        "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
        "AccessionNumber", "StudyDescription", "ReferringPhysicianName", "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ]

    /// Discrepancies between each two sources; in the diagonal those that concern one alone.
    private func pairsCSV() -> [UInt8] {
        let pairs = SourcePairs(self)
        var csv = CSV(columns: ["source"] + sources.map { "with_\($0.name)" })
        for (row, source) in sources.enumerated() { csv.append([source.name] + pairs.counts[row].map { String($0) }) }
        return csv.bytes
    }

    private func changesCSV() -> [UInt8] {
        var csv = CSV(columns: [
            "at", "event", "number", "class", "severity", "study_uid", "other_uid", "sources", "actor", "note",
        ])
        for change in changes {
            csv.append([
                change.at, change.event, String(change.number), change.discrepancyClass.rawValue, change.severity,
                change.studyUID, change.otherUID ?? "", change.sources.joined(separator: ";"), change.actor,
                change.note,
            ])
        }
        return csv.bytes
    }

    private func readinessCSV() -> [UInt8] {
        var csv = CSV(columns: ["from", "to", "since", "outcome", "reason", "studies"])
        for each in readiness {
            for group in each.groups {
                let expectation = [each.expectation.from, each.expectation.to, each.expectation.since]
                csv.append(expectation + [group.outcome, group.reason, String(group.count)])
            }
        }
        return csv.bytes
    }

    /// Every study that does not simply match, with its reason code (F168).
    private func unmatchedCSV() -> [UInt8] {
        var csv = CSV(columns: ["from", "to", "study_uid", "outcome", "reason"])
        for each in readiness {
            for group in each.groups {
                for study in group.studies {
                    csv.append([each.expectation.from, each.expectation.to, study, group.outcome, group.reason])
                }
            }
        }
        return csv.bytes
    }
}
