import DICOM
import DIMSE
import Foundation
import PACSSimulator
import Spanning
import StudyIndex
import Testing

@testable import QueryServer

/// What the conformance statement says is what the code does.
@Suite(.serialized) struct ConformanceTests {
    private let statement = ConformanceStatement()

    /// Every line names a test, and every test that is named is there.
    @Test func eachLineIsBackedByATestThatExists() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let files = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap { $0 as? String }
        var sources = ""
        for file in files where file.hasSuffix(".swift") {
            sources += try String(contentsOf: root.appending(path: file), encoding: .utf8)
        }
        let tests = statement.tests.union([
            "ConformanceTests/theResourcesAreThoseOfTheDescription", ConformanceStatement.attributeTest,
        ])
        for test in tests {
            let parts = test.split(separator: "/").map(String.init)
            try #require(parts.count == 2)
            #expect(sources.contains("struct \(parts[0]) {"), "\(test)")
            #expect(sources.contains("func \(parts[1])("), "\(test)")
        }
    }

    @Test func thePageShowsAllOfIt() throws {
        let page = try statement.html()
        for attribute in statement.attributes { #expect(page.contains("<td>\(attribute.keyword)</td>")) }
        for context in statement.accepted + statement.proposed { #expect(page.contains("<td>\(context.uid)</td>")) }
        for status in statement.statuses { #expect(page.contains(status.meaning)) }
        for test in statement.tests { #expect(page.contains(test)) }
        #expect(!page.contains("{{"))
    }

    /// A proposal of each context in each of its transfer syntaxes, and of one that is not stated.
    @Test func theProviderAcceptsWhatIsStated() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            let association = try await Association.open(
                to: Peer(
                    host: "127.0.0.1", port: served.find.port, called: try AETitle("CONCORD"),
                    calling: try AETitle("WS1")))
            let models: Set<FindModel> = [.studyRoot, .patientRoot, .patientStudyOnly]
            #expect(association.acceptedModels == models)
            // Relational questions are granted in those for which it is stated.
            #expect(
                Set(association.granted.filter { $0.value.contains(.relational) }.keys)
                    == Set(
                        statement.accepted.filter { $0.extendedNegotiation.contains("Relational") }
                            .compactMap { FindModel(rawValue: $0.uid) }))
            try await association.echo()
            await association.release()
            let stated = Set(statement.accepted.map(\.uid))
            #expect(stated == Set(models.map(\.rawValue) + [Verification.sopClassUID]))
            #expect(statement.accepted.allSatisfy { $0.transferSyntaxes == TransferSyntax.allCases })
        }
    }

    /// Whatever ends a C-FIND is stated.
    @Test func statusesThatAreSentAreStated() async throws {
        try await ServedEnterprise.with({ $0.maximumMatches = 10 }) { served in
            let stated = Set(statement.statuses.map(\.code))
            var seen: Set<UInt16> = []
            seen.insert(try await served.ask(.study, [.patientID: "NOBODY"]).status)
            seen.insert(try await served.ask(.study, [.studyDate: "20160101-"]).status)
            seen.insert(try await served.ask(.patient, [.patientID: "1"]).status)
            seen.insert(try await served.ask(.study, [.studyDate: "YESTERDAY"]).status)
            await served.pacs["pacs-g"]?.stop()
            seen.insert(try await served.ask(.study, [.patientID: "NOBODYELSE"]).status)
            #expect(seen == [0x0000, 0xA700, 0xA900, 0xC001])
            #expect(seen.isSubset(of: stated))
        }
    }

    /// Promise 9.
    @Test func aPatientIDOfSeveralIssuersIsRefused() async throws {
        try await ServedEnterprise.with { served in
            for source in [Int32(1), 2] {
                var record = StudyRecord()
                record[.studyInstanceUID] = "9.\(source)"
                record[.patientID] = "SHARED"
                try await served.index.keep([record], of: source)
            }
            #expect(try await served.ask(.study, [.patientID: "SHARED"]).status == 0xC000)
        }
    }

    @Test func theResourcesAreThoseOfTheDescription() throws {
        let description = try #require(
            try JSONSerialization.jsonObject(with: Data(PackageResources.openapi_json)) as? [String: Any])
        let paths = try #require(description["paths"] as? [String: Any]).keys
        #expect(
            Set(statement.resources.map { "/dicom-web" + $0.path }) == Set(paths.filter { $0.hasPrefix("/dicom-web/") })
        )
    }

    @Test func attributesThatAreStatedAreMatchedAndTheOthersWarnedOf() throws {
        let stated = Set(statement.attributes.map(\.keyword))
        for attribute in AttributeDictionary.all where attribute.matching != .none {
            #expect(stated.contains(attribute.keyword))
            let value = attribute.vr == .DA ? "20200101" : attribute.vr == .TM ? "101010" : "1"
            let request = try SearchRequest(rawQuery: "\(attribute.keyword)=\(value)", level: .image)
            #expect(request.query.names(attribute.tag) && request.warnings.isEmpty)
        }
    }

    @Test func characterSetsThatAreStatedAreRead() {
        for term in statement.characterSets { #expect(SpecificCharacterSet(term).isRecognised, "\(term)") }
        #expect(!SpecificCharacterSet("ISO_IR 999").isRecognised)
    }

    @Test func thePageNeedsNoKey() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            try await served.serving { client in
                let page = try await HTTPClient(port: client.port, key: "none").ask("/conformance")
                #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
                let expected = try ConformanceStatement().html()
                #expect(page.text == expected)
            }
        }
    }
}
