import DICOM
import Foundation
import Testing

@testable import Reconcile

struct ReportTests {
    static func report(
        name: String = "ADLER^EVA", other: String = "ZORN^EVA", duplicates: Int = 1, findings: Int = 1,
        expectations: [Report.Expectation] = [], patientPasses: [Report.PatientPass] = []
    ) -> Report {
        let rows = (0..<findings).flatMap { number in
            Reconciler().discrepancies(of: [
                Copy.of("pacs-a", uid: "1.2.\(number)", [.patientName: name]),
                Copy.of("pacs-b", uid: "1.2.\(number)", [.patientName: other]),
            ])
        }
        return Report(
            generatedAt: "2026-11-24 15:40", watermark: "change 4711",
            sources: [
                Report.Source(name: "pacs-b", issuer: "HOSP-B", studies: 30 + duplicates, unique: 30),
                Report.Source(name: "pacs-a", issuer: "HOSP-A", studies: 70 + duplicates, unique: 70),
            ],
            overlaps: [Report.Overlap(first: "pacs-a", second: "pacs-b", studies: duplicates)],
            duplicates: (0..<duplicates).map {
                Report.Duplicate(studyUID: "1.2.\($0)", sources: ["pacs-a", "pacs-b"])
            },
            findings: rows.map { Report.Finding($0, firstSeen: "2026-11-23") },
            coverage: Coverage([
                Coverage.Span(
                    source: "pacs-a", dates: DateRange(lower: nil, upper: nil), state: .proven, at: "2026-11-24"),
                Coverage.Span(
                    source: "pacs-b", dates: DateRange(lower: DICOMDate("20200101"), upper: DICOMDate("20200131")),
                    state: .hole, reason: "FE00 after 200", at: "2026-11-24"),
            ]), expectations: expectations, patientPasses: patientPasses)
    }

    @Test func studiesAreCountedOnceAndCopiesEach() {
        let report = Self.report()
        #expect(report.studies == 101)
        #expect(report.copies == 102)
        #expect(report.sources.map(\.name) == ["pacs-a", "pacs-b"])
    }

    @Test func aSourceWithoutAPatientPassIsNamed() {
        let caveats = Self.report(patientPasses: [Report.PatientPass(source: "pacs-a", at: "2026-11-23", undated: 3)])
            .caveats.joined(separator: "\n")
        #expect(caveats.contains("the patient pass has not been made at pacs-b"))
    }

    @Test func whatHasNotBeenProvenIsSaid() {
        let caveats = Self.report().caveats.joined(separator: "\n")
        #expect(caveats.contains("the patient pass has not been made"))
        #expect(caveats.contains("1 range at pacs-b has not been answered completely"))
        #expect(caveats.contains("pacs-b (2020-01-01 – 2020-01-31)"))
        #expect(caveats.contains("no copy can be reported missing"))
        let other = Self.report(
            expectations: [Report.Expectation(from: "pacs-a", to: "pacs-b", since: "20200101")],
            patientPasses: [
                Report.PatientPass(source: "pacs-a", at: "2026-11-23", undated: 3),
                Report.PatientPass(source: "pacs-b", at: "2026-11-24", undated: 1),
            ]
        ).caveats.joined(separator: "\n")
        #expect(other.contains("looked for by patient, at the latest on 2026-11-23: 4 copies found"))
        #expect(!other.contains("has not been made"))
        #expect(other.contains("pacs-a → pacs-b since 2020-01-01"))
    }

    // MARK: - HTML

    @Test(arguments: [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "<\u{301}script>", "\"\u{301} onmouseover=x",
        "{{.}}",
        "</style><script>", "a&lt;b",
    ])
    func aHostileNameIsTextAndNothingElse(name: String) throws {
        let html = try Self.report(name: name).html()
        let plain = try Self.report(name: "N").html()
        // Whatever it holds, the page has the same tags and attributes.
        for byte in ["<", ">", "\"", "'"] as [Unicode.Scalar] {
            #expect(
                html.unicodeScalars.count { $0 == byte } == plain.unicodeScalars.count { $0 == byte }, "\(byte)")
        }
        #expect(html.contains(PageText().escapeText(name)))
    }

    @Test func controlsAreShownAsPictures() {
        #expect(PageText().escapeText("A\u{0}B\u{1B}\u{7F}") == "A␀B␛␡")
    }

    @Test func thePageNeedsNothingFromOutside() throws {
        let html = try Self.report().html()
        for outside in ["http://", "https://", "src=", "@import", "url("] { #expect(!html.contains(outside)) }
        #expect(html.contains("the patient pass has not been made"))
        #expect(html.contains("ZORN^EVA"))
    }

    @Test func theContentSecurityPolicyAllowsTheScript() throws {
        let digest = Process()
        let (input, output) = (Pipe(), Pipe())
        digest.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        digest.arguments = ["dgst", "-sha256", "-binary"]
        digest.standardInput = input
        digest.standardOutput = output
        try digest.run()
        try input.fileHandleForWriting.write(contentsOf: Data(PackageResources.report_js))
        try input.fileHandleForWriting.close()
        let hash = try output.fileHandleForReading.readToEnd() ?? Data()
        digest.waitUntilExit()
        #expect(hash.base64EncodedString() == Report.scriptHash)
    }

    @Test func longTablesAreCutAndSaySo() throws {
        let html = try Self.report(duplicates: 1234, findings: 777).html()
        #expect(html.contains("the first 100 of 1\u{202F}234"))
        #expect(html.contains("the first 100 of 777"))
        #expect(html.components(separatedBy: "data-severity").count - 1 == 100)
    }

    @Test func anEmptyReportIsAPageToo() throws {
        let report = Report(
            generatedAt: "now", watermark: "nothing", sources: [], overlaps: [], duplicates: [], findings: [],
            coverage: Coverage([]))
        #expect(try report.html().contains("No sweep has asked for anything yet."))
        #expect(try report.json().count > 0)
        #expect(report.csvFiles().count == 8)
    }

    // MARK: - CSV

    private func text(_ csv: CSV) -> String { String(decoding: csv.bytes.dropFirst(3), as: UTF8.self) }

    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("a\r\nb", "\"a\r\nb\""),
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+49 1", "'+49 1"), ("-1", "'-1"), ("\tx", "'\tx"),
        ("＝1", "'＝1"), ("=cmd,\"x\"", "\"'=cmd,\"\"x\"\"\""), (" x", "\" x\""), ("", ""), ("=\u{301}1", "'=\u{301}1"),
        ("山田^太郎", "山田^太郎"), ("\0=1", "'=1"), (" =1", "\"' =1\""),
    ])
    func fieldsAreQuotedAndFormulasDisarmed(_ field: String, _ expected: String) {
        var csv = CSV(columns: ["h"])
        csv.append([field])
        #expect(text(csv) == "h\r\n\(expected)\r\n")
    }

    @Test func theFilesHoldEveryRow() throws {
        let files = Self.report(duplicates: 300, findings: 300).csvFiles()
        #expect(
            files.map(\.name)
                == ["sources", "duplicates", "discrepancies", "coverage", "pairs", "changes", "readiness", "unmatched"]
                .map { $0 + ".csv" })
        let lines = files.map { String(decoding: $0.bytes, as: UTF8.self).split(separator: "\r\n") }
        #expect(lines[0][1] == "pacs-a,HOSP-A,370,70,300,,300")
        #expect(lines[1].count == 301)
        #expect(lines[2].count == 601)
        #expect(
            lines[2][1].contains(
                ",patient-name-mismatch,major,open,2026-11-23,1.2.0,,pacs-a;pacs-b,pacs-b,pacs-a,1.2.0,HOSP-A")
        )
        #expect(lines[3].contains { $0.hasPrefix("pacs-b,2020-01,hole,0,0,31,0") })
    }

    // MARK: - JSON

    @Test func theDocumentHoldsWhatTheReportDoes() throws {
        let json = try Self.report(findings: 2).json()
        let document = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        #expect(document["format"] as? Int == 1)
        #expect(document["studies"] as? Int == 101)
        let rows = try #require(document["discrepancies"] as? [[String: Any]])
        #expect(rows.count == 2)
        #expect(rows.first?["class"] as? String == "patient-name-mismatch")
        #expect(rows.first?["state"] as? String == "open")
        #expect(rows.first?["first_seen"] as? String == "2026-11-23")
        #expect((rows.first?["values"] as? [[String: Any]])?.count == 2)
        #expect((document["holes"] as? [[String: Any]])?.first?["from"] as? String == "2020-01-01")
    }

    @Test func aDiscrepancySurvivesBeingStored() throws {
        let rows = Self.report().findings.map(\.discrepancy)
        let stored = try JSONEncoder().encode(rows)
        #expect(try JSONDecoder().decode([Discrepancy].self, from: stored) == rows)
    }
}
