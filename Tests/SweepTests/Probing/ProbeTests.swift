import DICOM
import DIMSE
import PACSSimulator
import StudyIndex
import Testing

@testable import Sweep

/// What a probe finds of simulated PACS is what their tempers are.
@Suite struct ProbeTests {
    private static let enterprise = Enterprise(seed: 11, studies: 2_500)

    private func findings(
        of name: String, asksForInstitutions: Bool = false, _ adjust: (inout Temper) -> Void = { _ in }
    ) async throws -> [String: String] {
        let number = try #require(Self.enterprise.sources.firstIndex { $0.name == name })
        let profile = Self.enterprise.sources[number].tempered(adjust)
        let pacs = try await SimulatedPACS.start(profile, copies: Self.enterprise.copies(at: number))
        var found: [String: String] = [:]
        try await withIndex { index in
            let ids = try await index.register([
                SourceDefinition(
                    name: name, aeTitle: profile.aeTitle, host: "127.0.0.1", port: pacs.port, issuer: profile.issuer,
                    limits: SourceLimits(queriesPerSecond: 1_000, associations: 1))
            ])
            let peer = Peer(
                host: "127.0.0.1", port: pacs.port, called: try AETitle(profile.aeTitle),
                calling: try AETitle("CONCORD"))
            var source = SweepSource(
                id: try #require(ids[name]), name: name, peer: peer, associations: 1, maximumResults: nil)
            source.asksForInstitutions = asksForInstitutions
            let today = try #require(DICOMDate("20260630"))
            try await AssociationPool.with(index: index) { [source] pool in
                _ = try await Probe(source: source, pool: pool, today: today).run()
            }
            for capability in try await index.capabilities(of: source.id) { found[capability.name] = capability.value }
            #expect(!ProbeTable.rows(try await index.capabilities(of: source.id)).isEmpty)
        }
        // A probe is small, and keeps the budget like everybody.
        #expect(pacs.log.requests.count < 45)
        #expect(pacs.log.maximumOpenAssociations == 1)
        await pacs.stop()
        return found
    }

    @Test func anArchiveThatDoesAllItShouldIsFoundToDoIt() async throws {
        let found = try await findings(of: "pacs-a")
        for name in [
            Capabilities.Name.dateRanges, Capabilities.Name.openDates, Capabilities.Name.timeRanges,
            Capabilities.Name.uidQuery, Capabilities.Name.patientPrefixes, Capabilities.Name.modalities,
            Capabilities.Name.series,
        ] {
            #expect(found[name] == "works", "\(name)")
        }
        #expect(found[Capabilities.Name.relationalSeries] == "refused")
        #expect(found[Capabilities.Name.models] == "Study Root, Patient Root, Patient/Study Only")
        #expect(found[Capabilities.Name.recordKeys] == nil, "it has no Repository Query")
    }

    /// No study would belong to the facilities that depend on it.
    @Test func anInstitutionThatIsNeverReturnedIsFoundOut() async throws {
        func missing(asksForInstitutions: Bool) async throws -> Int {
            let found = try await findings(of: "pacs-a", asksForInstitutions: asksForInstitutions)
            return Int(try #require(found[Capabilities.Name.missingKeys])) ?? 0
        }
        let usual = try await missing(asksForInstitutions: false)
        #expect(try await missing(asksForInstitutions: true) == usual + 1)
    }

    @Test func timesThatDoNotFilterAreFoundOut() async throws {
        let found = try await findings(of: "pacs-d")
        #expect(found[Capabilities.Name.timeRanges] == "ignored")
        #expect(found[Capabilities.Name.relationalSeries] == "works")
    }

    @Test func anAssociationForEachQuestionIsFoundOut() async throws {
        let found = try await findings(of: "pacs-e")
        #expect(found[Capabilities.Name.queriesPerAssociation] == "1")
    }

    /// Whether its pages are smaller than a day or not.
    @Test(arguments: [3, 100])
    func recordKeysAreTriedBeforeTheyAreReliedOn(limit: Int) async throws {
        let found = try await findings(of: "pacs-h") {
            $0.cap = nil
            $0.recordsPerPage = limit
        }
        #expect(found[Capabilities.Name.models]?.contains("Repository Query") == true)
        #expect(found[Capabilities.Name.recordKeys] == "works")
    }

    @Test func attributesThatNeverComeAndCharacterSetsThatAreNotDeclaredAreFoundOut() async throws {
        let dcmqrscpLike = try await findings(of: "pacs-b")
        #expect(dcmqrscpLike[Capabilities.Name.modalities] == "ignored")
        #expect(dcmqrscpLike[Capabilities.Name.missingKeys] == "6")
        #expect(try await findings(of: "pacs-g")[Capabilities.Name.characterSet] == "not always declared")
    }
}
