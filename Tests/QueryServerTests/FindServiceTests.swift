import DICOM
import DIMSE
import PACSSimulator
import Spanning
import StudyIndex
import Testing

@testable import QueryServer

@Suite(.serialized) struct FindServiceTests {
    /// A patient who is nobody else's, with studies that both sources show.
    private static func patient(_ served: ServedEnterprise) async throws -> (id: String, records: [StudyRecord]) {
        var query = StudyQuery()
        query.limit = 5_000
        let all = try await served.catalog.search(query, .init(visibility: .unrestricted, deadline: .seconds(1))).answer
            .studies.map(\.record)
        let byID = Dictionary(grouping: all.filter { !$0.patientID.isEmpty }, by: \.patientID)
        return try #require(
            byID.filter { Set($0.value.map(\.issuerOfPatientID)).count == 1 && $0.value.count > 1 }
                .min { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    @Test func studiesAndPatientsAreWhatTheReferenceMatcherSays() async throws {
        try await ServedEnterprise.with { served in
            let (patient, records) = try await Self.patient(served)
            for model in [FindModel.studyRoot, .patientRoot, .patientStudyOnly] {
                let answer = try await served.ask(.study, [.patientID: patient], model: model)
                #expect(answer.status == 0)
                #expect(
                    answer.matches.compactMap { $0.text(.studyInstanceUID) }.sorted()
                        == records.map(\.studyInstanceUID).sorted())
                // F54: where it can be moved from.
                #expect(answer.matches.allSatisfy { !($0.text(.retrieveAETitle) ?? "").isEmpty })
            }
            let patients = try await served.ask(.patient, [.patientID: patient], model: .patientRoot)
            #expect(patients.matches.map { $0.text(.patientID) } == [patient])
            #expect(patients.matches.map { $0.text(.queryRetrieveLevel) } == ["PATIENT"])

            var query = StudyQuery()
            let names = try #require(AttributeDictionary.attribute(.patientName))
            let dates = try #require(AttributeDictionary.attribute(.studyDate))
            query.keys = [try QueryKey(names, parsing: "M*"), try QueryKey(dates, parsing: "20200101-20251231")]
            query.limit = 5_000
            let all = try await served.catalog.search(
                StudyQuery(), .init(visibility: .unrestricted, deadline: .seconds(1))
            ).answer
            let expected = all.studies.map(\.record).filter { query.matches($0) == .yes }
            try #require(!expected.isEmpty)
            let answer = try await served.ask(
                .study, [.patientName: "M*", .studyDate: "20200101-20251231"])
            #expect(
                Set(answer.matches.compactMap { $0.text(.studyInstanceUID) })
                    .isSuperset(of: expected.map(\.studyInstanceUID)))
        }
    }

    /// A word of the name by its beginning, and only for who has negotiated that.
    @Test func namesMatchFuzzilyForWhoHasNegotiatedIt() async throws {
        try await ServedEnterprise.with { served in
            let all = try await served.ask(.study, [.studyDate: "20250101-20251231"]).matches
            let words = all.compactMap { $0.text(.patientName)?.split(separator: "^").dropFirst().first }
            let word = try #require(words.first { $0.count > 3 && $0.allSatisfy { $0.isASCII && $0.isLetter } })
            let beginning = String(word.prefix(3))
            let keys: [DICOM.Tag: String] = [.patientName: beginning, .studyDate: "20250101-20251231"]
            let literal = try await served.ask(.study, keys)
            let fuzzy = try await served.ask(.study, keys, asking: [.relational, .fuzzyNames])
            #expect(literal.matches.isEmpty)
            #expect(fuzzy.status == 0)
            #expect(fuzzy.matches.contains { $0.text(.patientName)?.contains(word) == true })
            #expect(fuzzy.matches.count < all.count)
        }
    }

    /// The index has never asked for them: the sources are, and the next answer comes from the index.
    @Test func seriesAndInstancesComeFromTheSourcesThatHoldTheStudy() async throws {
        try await ServedEnterprise.with { served in
            let study = try #require(try await Self.patient(served).records.first).studyInstanceUID
            let requests = served.pacs.values.reduce(0) { $0 + $1.log.requests.count }
            let series = try await served.ask(.series, [.studyInstanceUID: study])
            #expect(series.status == 0)
            let expected = served.enterprise.studies.first { $0.uid == study }?.copies
                .filter { ServedEnterprise.names.contains(served.enterprise.sources[$0.source].name) && $0.isReachable }
                .flatMap { SimulatedSeries.all(of: $0).map(\.uid) }
            #expect(
                Set(series.matches.compactMap { $0.text(.seriesInstanceUID) }) == Set(try #require(expected)))
            let asked = served.pacs.values.reduce(0) { $0 + $1.log.requests.count }
            #expect(asked > requests)
            let again = try await served.ask(.series, [.studyInstanceUID: study])
            #expect(again.matches.count == series.matches.count)
            #expect(served.pacs.values.reduce(0) { $0 + $1.log.requests.count } == asked)
            let one = try #require(series.matches.first?.text(.seriesInstanceUID))
            let filtered = try await served.ask(.series, [.studyInstanceUID: study, .seriesInstanceUID: one])
            #expect(filtered.matches.count == 1)
        }
    }

    /// F116: an outage never looks like “no priors”.
    @Test func aSourceThatDoesNotAnswerIsAFailureThatNamesIt() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            await served.pacs["pacs-g"]?.stop()
            let answer = try await served.ask(.study, [.patientID: "NOBODY"])
            #expect(answer.matches.isEmpty)
            #expect(answer.status == 0xC001)
            let attribute = try #require(AttributeDictionary.attribute(.patientID))
            var query = StudyQuery()
            query.keys = [QueryKey(attribute: attribute, match: .single("NOBODY"))]
            let gaps = try await served.catalog.search(query, .init(visibility: .unrestricted, deadline: .seconds(20)))
                .gaps
            #expect(gaps.absences.map(\.source) == ["pacs-g"])
            #expect(gaps.comment == "Incomplete: pacs-g")
        }
    }

    /// The first question finds it at a source, whatever the index knows; what it finds is kept.
    @Test func whatTheIndexDoesNotHaveIsAskedForAndKept() async throws {
        try await ServedEnterprise.with(sweeps: false) { served in
            let position = try #require(served.enterprise.sources.firstIndex { $0.name == "pacs-g" })
            let copy = try #require(served.enterprise.copies(at: position).first { $0.isReachable })
            let uid = try #require(copy.values[.studyInstanceUID])
            let answer = try await served.ask(.study, [.studyInstanceUID: uid])
            #expect(answer.status == 0)
            #expect(answer.matches.map { $0.text(.studyInstanceUID) } == [uid])
            #expect(try await served.index.coveredDays().isEmpty)
            var never = SpanningCatalog.Terms(visibility: .unrestricted, deadline: .seconds(1))
            never.policy = .never
            let attribute = try #require(AttributeDictionary.attribute(.studyInstanceUID))
            var query = StudyQuery()
            query.keys = [QueryKey(attribute: attribute, match: .uids([uid]))]
            #expect(try await served.catalog.search(query, never).answer.studies.count == 1)
        }
    }

    @Test func onlyWhoIsNamedMayAsk() async throws {
        try await ServedEnterprise.with(
            sweeps: false,
            {
                $0.peers = [
                    FindPeer(aeTitle: try AETitle("WS1")),
                    FindPeer(aeTitle: try AETitle("WS2"), network: Network("10.0.0.0/8")),
                ]
            }
        ) { served in
            for calling in ["STRANGER", "WS2"] {
                do {
                    _ = try await served.ask(.study, [:], calling: calling)
                    Issue.record("\(calling) was let in")
                } catch let error as DIMSEError {
                    #expect(error.rejection == Rejection(result: 1, source: 1, reason: 3))
                }
            }
        }
    }

    @Test func aCancelStopsTheAnswerWhereItIs() async throws {
        try await ServedEnterprise.with { served in
            // The whole answer may be on its way before the cancel is: then it is Success, and tried again.
            let whole = try await served.ask(.study, [.studyDate: "20160101-"])
            for _ in 0..<20 {
                let answer = try await served.ask(.study, [.studyDate: "20160101-"], cancelAfter: 1)
                guard answer.status == 0xFE00 else { continue }
                return #expect(answer.matches.count < whole.matches.count)
            }
            Issue.record("no cancel was honoured")
        }
    }

    @Test func moreThanMayBeSentIsRefusedBeforeTheFirst() async throws {
        try await ServedEnterprise.with({ $0.maximumMatches = 10 }) { served in
            let answer = try await served.ask(.study, [.studyDate: "20160101-"])
            #expect(answer.status == 0xA700)
            #expect(answer.matches.isEmpty)
        }
    }

    @Test func whatIsNotSupportedSaysSo() async throws {
        try await ServedEnterprise.with { served in
            let (patient, _) = try await Self.patient(served)
            let plain = try await served.ask(.study, [.patientID: patient])
            #expect(!plain.keysUnsupported)
            let other = try await served.ask(.study, [.patientID: patient, DICOM.Tag(0x0032, 0x4000): ""])
            #expect(other.keysUnsupported)
            #expect(other.matches.count == plain.matches.count)
            #expect(try await served.ask(.patient, [.patientID: patient]).status == 0xA900)
            #expect(try await served.ask(.study, [.studyDate: "YESTERDAY"]).status == 0xA900)
        }
    }

    /// F68: some read nothing but their own set.
    @Test func aPeerIsAnsweredInTheCharacterSetThatItReads() async throws {
        try await ServedEnterprise.with({ $0.peers[0].characterSet = .latin1 }) { served in
            let answer = try await served.ask(.study, [.studyDate: "20160101-"])
            let declared = Set(answer.matches.compactMap { $0.text(.specificCharacterSet) })
            #expect(declared.subtracting([""]) == ["ISO_IR 100"])
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.168.1.7", "192.168.1.7", true),
        ("192.168.1.7", "192.168.1.8", false), ("0.0.0.0/0", "8.8.8.8", true), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1", false), ("10.0.0.0/9", "10.128.0.0", false),
    ])
    func networksContainTheirAddresses(_ network: String, _ address: String, _ isInside: Bool) throws {
        #expect(try #require(Network(network)).contains(address) == isInside)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "nowhere", "::/129"])
    func whatIsNoNetworkIsRefused(_ text: String) { #expect(Network(text) == nil) }
}
