import DICOM
import Logging
import PACSSimulator
import PostgresClient
import Testing

@testable import StudyIndex
@testable import Sweep

/// What sweeps by date alone cannot do, and must not do alone.
extension SweepRunTests {
    private func run(_ scope: Scope, _ sources: [SweepSource], _ index: StudyIndex) async throws -> SweepRun.Result {
        let today = try #require(DICOMDate("20261124"))
        return try await AssociationPool.with(index: index, jitter: { 0 }) { pool in
            let run = SweepRun(
                job: "test", sources: sources, scope: scope, pool: pool, today: today, logger: Logger(label: "test"))
            return try await run.run { _ in }
        }
    }

    private func known(_ index: StudyIndex) async throws -> Set<String> {
        var known: Set<String> = []
        try await index.eachStudy { uid, _ in known.insert(uid) }
        return known
    }

    /// F21: no range of dates reaches a study without one; its patient does.
    @Test(arguments: [true, false])
    func patientsReachStudiesThatNoDateDoes(areListed: Bool) async throws {
        let enterprise = Enterprise(seed: 12, studies: 2_000, blankDates: true)
        let position = try #require(enterprise.sources.firstIndex { $0.name == "pacs-g" })
        let copies = enterprise.copies(at: position)
        let undated = copies.filter { ($0.values[.studyDate] ?? "").isEmpty }
        try #require(!undated.isEmpty)
        let pacs = try await SimulatedPACS.start(enterprise.sources[position], copies: copies)
        try await withIndex { index in
            let sources = try await sweepSources([pacs], in: index)
            _ = try await run(.dates(DateRange(lower: nil, upper: nil)), sources, index)
            let byDate = try await known(index)
            let uids = Set(undated.compactMap { $0.values[.studyInstanceUID] })
            #expect(byDate.isDisjoint(with: uids))
            // An ID that is no literal cannot be asked for, and stops nothing (F53).
            let patients = Set(undated.compactMap { $0.values[.patientID] }).sorted() + ["", "A*"]
            let scope: Scope = areListed ? .patients(patients) : .patientPrefixes
            let result = try await run(scope, sources, index)
            #expect(try await index.runSummary(run: result.run).flatMap(\.holes).isEmpty)
            #expect(try await known(index).isSuperset(of: uids))
        }
        await pacs.stop()
    }

    /// A volume that is not mounted looks like ten thousand deletions.
    @Test func manyStudiesThatSeemToBeGoneAreBelievedOnlyWhenAPersonHasLooked() async throws {
        let enterprise = Enterprise(seed: 13, studies: 2_000)
        let position = try #require(enterprise.sources.firstIndex { $0.name == "pacs-g" })
        let copies = enterprise.copies(at: position).filter(\.isReachable)
        let whole = try await SimulatedPACS.start(enterprise.sources[position], copies: copies)
        try await withIndex { index in
            let all = Scope.dates(DateRange(lower: nil, upper: nil))
            _ = try await run(all, try await sweepSources([whole], in: index), index)
            await whole.stop()
            let rest = try await SimulatedPACS.start(
                enterprise.sources[position], copies: Array(copies.dropLast(copies.count / 2)))
            let sources = try await sweepSources([rest], in: index)
            func night() async throws -> SweepRun.Result {
                try await index.pool.withConnection {
                    _ = try $0.query("UPDATE observation SET last_missed = last_missed - interval '1 day'")
                }
                return try await run(all, sources, index)
            }
            // One night's absence is no news.
            #expect(try await night().heldDeletes.isEmpty)
            let held = try await night().heldDeletes
            #expect(held.map(\.source) == ["pacs-g"])
            #expect(held.map(\.studies) == [copies.count / 2])
            #expect(try await vanished(index) == 0)
            try await index.acceptDeletes(at: sources[0].id, true)
            #expect(try await night().heldDeletes.isEmpty)
            #expect(try await vanished(index) == copies.count / 2)
            await rest.stop()
        }
    }

    private func vanished(_ index: StudyIndex) async throws -> Int {
        try await index.pool.withConnection {
            try $0.query("SELECT count(*) FROM observation WHERE vanished_at IS NOT NULL").first?.int(0) ?? -1
        }
    }
}
