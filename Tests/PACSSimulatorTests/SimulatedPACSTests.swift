import DICOM
import DIMSE
import Testing

@testable import PACSSimulator

/// Every temper, seen through our own SCU.
@Suite struct SimulatedPACSTests {
    private static let enterprise = Enterprise(seed: 17, studies: 6000)

    private func withSource(
        _ name: String, _ body: (SimulatedPACS, Association, [StudyCopy]) async throws -> Void
    ) async throws {
        let index = try #require(Self.enterprise.sources.firstIndex { $0.name == name })
        let copies = Self.enterprise.copies(at: index)
        let source = try await SimulatedPACS.start(Self.enterprise.sources[index], copies: copies)
        do {
            let association = try await Association.open(to: Self.peer(source))
            try await body(source, association, copies)
            await association.release()
        } catch {
            await source.stop()
            throw error
        }
        await source.stop()
    }

    static func peer(_ source: SimulatedPACS, characterSet: SpecificCharacterSet = .default) throws -> Peer {
        Peer(
            host: "127.0.0.1", port: source.port, called: try AETitle(source.profile.aeTitle),
            calling: try AETitle("CONCORD"), defaultCharacterSet: characterSet)
    }

    private func question(_ keys: [Attribute: String] = [:]) -> DataSet {
        var identifier = DataSet(characterSet: .utf8)
        identifier.set(Tag(0x0008, 0x0052), "STUDY")
        for attribute in Attribute.allCases { identifier.setEmpty(attribute.dicomTag) }
        for (attribute, value) in keys { identifier.set(attribute.dicomTag, value) }
        return identifier
    }

    /// The rows, and the status if the end was not Success.
    private func ask(
        _ association: Association, _ keys: [Attribute: String]
    ) async throws -> (rows: [DataSet], failure: DIMSEError?) {
        var rows: [DataSet] = []
        do {
            for try await response in association.find(question(keys)) { rows.append(try response.dataSet()) }
            return (rows, nil)
        } catch let error as DIMSEError {
            return (rows, error)
        }
    }

    @Test(arguments: [("pacs-a", 500), ("pacs-h", 347)])
    func aSilentCapEndsInSuccess(name: String, cap: Int) async throws {
        try await withSource(name) { _, association, copies in
            #expect(copies.count > cap)
            let (rows, failure) = try await ask(association, [.studyDate: "19000101-"])
            #expect(rows.count == cap && failure == nil)
        }
    }

    @Test func aCapWithFE00SendsItsRowsFirst() async throws {
        try await withSource("pacs-b") { _, association, _ in
            let (rows, failure) = try await ask(association, [.studyDate: "19000101-"])
            #expect(rows.count == 200 && failure?.status == 0xFE00)
        }
    }

    @Test func aRefusalSendsNothingAndSaysWhy() async throws {
        try await withSource("pacs-c") { _, association, copies in
            let (rows, failure) = try await ask(association, [.studyDate: "19000101-"])
            #expect(rows.isEmpty && failure?.status == 0xC000)
            #expect(failure?.errorComment == "Request entity too large")
            let uids = copies.prefix(301).compactMap { $0.values[.studyInstanceUID] }
            let (byUID, none) = try await ask(association, [.studyInstanceUID: uids.joined(separator: "\\")])
            #expect(byUID.count == 301 && none == nil)
        }
    }

    @Test func timeKeysAreIgnored() async throws {
        try await withSource("pacs-d") { _, association, copies in
            let day = try #require(copies.first?.values[.studyDate])
            let whole = try await ask(association, [.studyDate: day]).rows.count
            let narrowed = try await ask(association, [.studyDate: day, .studyTime: "030000-030001"]).rows.count
            #expect(whole > 0 && whole == narrowed)
        }
    }

    @Test func oneQueryPerAssociation() async throws {
        try await withSource("pacs-e") { _, association, copies in
            let day = try #require(copies.first?.values[.studyDate])
            let first = try await ask(association, [.studyDate: day])
            #expect(!first.rows.isEmpty && first.failure == nil)
            let second = try await ask(association, [.studyDate: day])
            #expect(second.rows.isEmpty && second.failure != nil)
        }
    }

    @Test func theDoorCountsWhoComes() async throws {
        try await withSource("pacs-g") { source, association, _ in
            try await association.echo()
            _ = try await ask(association, [.studyDate: "20250101"])
            _ = try await ask(association, [.studyDate: "20250102"])
            #expect(source.log.entries.map(\.event) == [.associationOpened, .echo, .find, .find])
            #expect(source.log.maximumOpenAssociations == 1)
            #expect(source.log.entries.allSatisfy { $0.calling == "CONCORD" })
        }
    }

    @Test func patientLevelIsAnsweredUnderPatientRootOnly() async throws {
        try await withSource("pacs-d") { _, association, copies in
            var identifier = DataSet(characterSet: .utf8)
            identifier.set(Tag(0x0008, 0x0052), "PATIENT")
            identifier.setEmpty(Attribute.patientID.dicomTag)
            identifier.set(Attribute.patientName.dicomTag, "*")
            var ids: [String] = []
            for try await response in association.find(identifier, model: .patientRoot) {
                let row = try response.dataSet()
                #expect(row.text(Attribute.studyInstanceUID.dicomTag) == nil)
                ids.append(row.text(Attribute.patientID.dicomTag) ?? "")
            }
            #expect(Set(ids) == Set(copies.compactMap { $0.values[.patientID] }) && Set(ids).count == ids.count)
            await #expect(throws: DIMSEError.self) {
                for try await _ in association.find(identifier, model: .studyRoot) {}
            }
        }
    }

    /// The wire and the truth agree on every attribute of every copy, in every character set.
    @Test(arguments: SourceProfile.all.map(\.name))
    func everyAttributeArrivesAsTheTruthHasIt(name: String) async throws {
        let index = try #require(Self.enterprise.sources.firstIndex { $0.name == name })
        let copies = Array(Self.enterprise.copies(at: index).prefix(600))
        let source = try await SimulatedPACS.start(Self.enterprise.sources[index], copies: copies)
        for start in stride(from: 0, to: copies.count, by: 150) {
            let batch = copies[start..<min(start + 150, copies.count)]
            let association = try await Association.open(to: Self.peer(source, characterSet: .latin1))
            let uids = batch.compactMap { $0.values[.studyInstanceUID] }
            let rows = try await ask(association, [.studyInstanceUID: uids.joined(separator: "\\")]).rows
            await association.release()
            let byUID = Dictionary(grouping: rows) { $0.text(Attribute.studyInstanceUID.dicomTag) ?? "" }
            for copy in batch {
                let found = byUID[copy.values[.studyInstanceUID] ?? ""] ?? []
                #expect(found.count == 1)
                for attribute in Attribute.allCases {
                    let text = found.first?.text(attribute.dicomTag)
                    #expect(text == copy.values[attribute], "\(attribute.keyword) at \(name)")
                }
            }
        }
        await source.stop()
    }
}
