import DICOM
import Foundation
import Testing

import struct DICOM.Tag

@testable import Reconcile

/// What a report tells beyond the list of findings.
struct ReportPartsTests {
    private static func report(
        _ copies: [[Copy]], trend: [Report.TrendDay] = [], changes: [Report.Change] = [],
        readiness: [Report.Readiness] = []
    ) -> Report {
        let rows = copies.flatMap(Reconciler().discrepancies)
        return Report(
            generatedAt: "2026-11-24 15:40 UTC", watermark: "2026-11-24 15:00 UTC",
            sources: ["a", "b", "c"].map { Report.Source(name: $0, issuer: "X", studies: 1_000, unique: 900) },
            overlaps: [], duplicates: [],
            findings: rows.enumerated().map { Report.Finding($1, firstSeen: "2026-11-23", number: $0 + 1) },
            coverage: Coverage([]), trend: trend, changes: changes, changesSince: "the last 24 hours",
            readiness: readiness)
    }

    private static let accessions = [
        Copy.of("a", [.accessionNumber: "MC1"]), Copy.of("b", [.accessionNumber: "MC1"]),
        Copy.of("c", [.accessionNumber: "MC2"]),
    ]

    @Test func theStoredFormIsTheOneThatIsReadBack() throws {
        let hostile = "\"\\\u{1}\u{7F}^山田\n"
        let rows = Reconciler().discrepancies(of: [
            Copy.of("a", [.patientName: hostile, .accessionNumber: "MC1"]),
            Copy.of("b", lossy: [.studyDescription], [.patientName: "ADLER^OTTO", .accessionNumber: "mc1"]),
        ])
        #expect(rows.count == 2)
        for row in rows {
            #expect(try JSONDecoder().decode(Discrepancy.self, from: Data(row.json.utf8)) == row)
        }
    }

    @Test func everyTwoSourcesAndWhoStandsOutAreCounted() {
        let pairs = SourcePairs(Self.report([Self.accessions, [Copy.of("b", [.studyDate: ""])]]))
        #expect(pairs.counts == [[0, 1, 1], [1, 1, 1], [1, 1, 0]])
        #expect(pairs.suspected == [[:], [.noStudyDate: 1], [.accession: 1]])
    }

    @Test func aSourceThatLacksAStudyDisagreesWithThoseThatHoldIt() {
        let missing = Reconciler.missingCopies([
            MissingCopy(held: Copy.of("a"), target: "c", provenAt: "", confirmedAt: "")
        ])
        let report = Report(
            generatedAt: "", watermark: "",
            sources: ["a", "c"].map { Report.Source(name: $0, issuer: "X", studies: 1, unique: 1) }, overlaps: [],
            duplicates: [], findings: missing.map { Report.Finding($0) }, coverage: Coverage([]))
        let pairs = SourcePairs(report)
        #expect(pairs.counts == [[0, 1], [1, 0]])
        #expect(pairs.suspected == [[:], [.missingCopy: 1]])
    }

    @Test func theChartStacksWhatWasOpenUpToARoundNumber() throws {
        let chart = TrendChart([
            Report.TrendDay(day: "2026-11-23", open: ["minor": 3]),
            Report.TrendDay(day: "2026-11-24", open: ["major": 4, "minor": 3]),
        ])
        #expect(chart.lines.map(\.text) == ["0", "4", "8"])
        #expect(chart.bars.map(\.tone) == ["minor", "major", "minor"])
        #expect(chart.bars.map(\.hint)[1] == "2026-11-24: 4 major")
        // Four of eight of what lies between the edges, and the next on top of it.
        #expect(chart.bars[1].height == "84.0" && chart.bars[1].y == "92.0")
        #expect(chart.bars[2].y == "29.0")
        #expect(!TrendChart([]).isShown)
        #expect(!TrendChart([Report.TrendDay(day: "2026-11-24", open: [:])]).isShown)
    }

    @Test func thePageShowsWhatIsNewWhoStandsOutAndWhatIsReady() throws {
        let readiness = Report.Readiness(
            expectation: .init(from: "a", to: "c", since: "20250101"),
            groups: [
                .init(outcome: "matched", reason: "", count: 97, studies: []),
                .init(outcome: "missing", reason: "CONFIRMED-BY-UID", count: 2, studies: ["1.1", "1.2"]),
                .init(outcome: "unreachable", reason: "DAY-IS-HOLE", count: 1, studies: ["1.3"]),
            ])
        let change = Report.Change(
            at: "2026-11-24 10:00", event: "found", discrepancyClass: .accession, severity: "major", studyUID: "1.2.3",
            sources: ["a", "c"], number: 1)
        let report = Self.report(
            [Self.accessions], trend: [Report.TrendDay(day: "2026-11-24", open: ["major": 1])], changes: [change],
            readiness: [readiness])
        let html = try report.html()
        for text in [
            "New in the last 24 hours", "Who stands out", "Between each two sources", "<rect ", "CONFIRMED-BY-UID",
            "97.0 %",
            "probably <bdi>MC1</bdi>", "#1</span>", DiscrepancyClass.accession.advice,
        ] {
            #expect(html.contains(text), "\(text)")
        }
        let files = Dictionary(
            uniqueKeysWithValues: report.csvFiles().map { ($0.name, String(decoding: $0.bytes, as: UTF8.self)) })
        #expect(files["unmatched.csv"]?.split(separator: "\r\n").count == 4)
        #expect(files["readiness.csv"]?.contains("a,c,20250101,missing,CONFIRMED-BY-UID,2\r\n") == true)
        #expect(
            files["changes.csv"]?.contains("2026-11-24 10:00,found,1,accession-mismatch,major,1.2.3,,a;c,,\r\n") == true
        )
        #expect(files["pairs.csv"]?.contains("a,0,1,1\r\n") == true)
        let discrepancies = try #require(files["discrepancies.csv"])
        #expect(discrepancies.contains("AccessionNumber=MC1,2 of 3 sources say so,"))
    }

    @Test func theDifferenceIsWrittenAsDICOMWritesCorrections() throws {
        let bytes = Self.report([Self.accessions]).diffJSON()
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [[String: Any]])
        #expect(rows.count == 1)
        func value(_ tag: String, _ item: [String: Any]) -> String? {
            ((item[tag] as? [String: Any])?["Value"] as? [Any])?.first as? String
        }
        func item(_ tag: String, _ item: [String: Any]) -> [String: Any] {
            ((item[tag] as? [String: Any])?["Value"] as? [[String: Any]])?.first ?? [:]
        }
        #expect(value("00080050", rows[0]) == "MC1" && value("00080054", rows[0]) == "a")
        let original = item("04000561", rows[0])
        #expect(value("04000564", original) == "c" && value("04000563", original) == "Concord")
        #expect(value("04000562", original) == "20261123")
        #expect(value("00080050", item("04000550", original)) == "MC2")
    }

    @Test func aMissingCopyIsOneWithoutImages() throws {
        let missing = Reconciler.missingCopies([
            MissingCopy(
                held: Copy.of("a", [.numberOfStudyRelatedInstances: "20", .patientName: "山田^太郎"]), target: "c",
                provenAt: "", confirmedAt: "")
        ])
        let report = Report(
            generatedAt: "", watermark: "", sources: [], overlaps: [], duplicates: [],
            findings: missing.map { Report.Finding($0) }, coverage: Coverage([]))
        let text = String(decoding: report.diffJSON(), as: UTF8.self)
        #expect(text.contains(#""00201206":{"vr":"IS","Value":[0]},"00201208":{"vr":"IS","Value":[0]}"#))
        #expect(text.contains(#""00201208":{"vr":"IS","Value":[20]}"#))
        #expect(text.contains(#""00100010":{"vr":"PN","Value":[{"Alphabetic":"山田^太郎"}]}"#))
    }
}
