import Foundation
import PACSSimulator
import Testing

@Suite struct EnterpriseTests {
    static let enterprise = Enterprise(seed: 7, studies: 3000)

    @Test func theSameSeedGivesTheSameBytes() throws {
        let truth = try Enterprise(seed: 7, studies: 3000).truth.json()
        #expect(truth == (try Self.enterprise.truth.json()))
        #expect(truth != (try Enterprise(seed: 8, studies: 3000).truth.json()))
    }

    @Test func truthIsReadBackAsItWasWritten() throws {
        let truth = Self.enterprise.truth
        #expect(try JSONDecoder().decode(Truth.self, from: truth.json()) == truth)
    }

    @Test(arguments: [0, 1, 7, 100, 1000]) func makesExactlySoManyStudies(count: Int) {
        let studies = Enterprise(seed: 3, studies: count).studies
        #expect(studies.count == count)
        #expect(Set(studies.map(\.uid)).count == count)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func everyClassIsPresentFromAThousandStudies(seed: UInt64) {
        let rows = Enterprise(seed: seed, studies: 1000).truth.discrepancies
        let found = Set(rows.map { "\($0.discrepancyClass) \($0.severity)" })
        let wanted: Set = [
            "different-patients critical", "patient-name-mismatch major", "patient-name-mismatch cosmetic",
            "birth-date-mismatch major", "sex-mismatch major", "sex-mismatch minor", "sex-mismatch cosmetic",
            "patient-id-mismatch major", "patient-id-mismatch cosmetic", "issuer-mismatch minor",
            "accession-mismatch major", "accession-mismatch cosmetic", "study-date-mismatch minor",
            "study-date-mismatch cosmetic", "study-time-mismatch minor", "study-time-mismatch cosmetic",
            "series-count-mismatch major", "instance-count-mismatch major", "zero-images minor",
            "unparsable-value minor", "probable-copy minor", "missing-copy major", "patient-id-rewritten minor",
            "stale-demographics minor", "accession-reused major", "description-mismatch minor",
            "description-mismatch cosmetic", "referring-physician-mismatch minor", "subset-copy minor",
            "implausible-study-date minor", "impossible-value minor", "character-set-difference cosmetic",
        ]
        #expect(found == wanted)
    }

    @Test func everyNearMissIsPresentAndNothingIsSaidOfIt() {
        let truth = Enterprise(seed: 5, studies: 1000).truth
        let kinds: Set = [
            "nearOtherModality", "nearOtherCount", "nearLaterDay", "nearAccessionElsewhere", "nearNewborn",
            "nearOneImage", "nearModalityOrder", "nearTimeFraction", "nearOneGroup",
        ]
        #expect(Set(truth.nearMisses.map(\.kind)) == kinds)
        let missed = Set(truth.nearMisses.flatMap { [$0.studyUID, $0.otherUID].compactMap { $0 } })
        // What follows from how a source writes is said of every study.
        let said = truth.discrepancies.filter {
            !["character-set-difference", "implausible-study-date"].contains($0.discrepancyClass)
        }
        #expect(said.filter { missed.contains($0.studyUID) } == [])
    }

    @Test func everyWritingSystemAndSourceIsPresent() {
        let copies = Self.enterprise.studies.flatMap(\.copies)
        #expect(Set(copies.map(\.script)) == Set(Script.allCases))
        #expect(Set(copies.map(\.source)) == Set(Self.enterprise.sources.indices))
        #expect(Self.enterprise.studies.allSatisfy { (1...4).contains($0.copies.count) })
    }

    @Test func someDaysAreOverfullAtEveryCappedSource() {
        let enterprise = Enterprise(seed: 11, studies: 6000)
        for (index, source) in enterprise.sources.enumerated() {
            guard let cap = source.temper.cap else { continue }
            let days = Dictionary(grouping: enterprise.copies(at: index)) { $0.values[.studyDate] ?? "" }
            let overfull = days.values.filter { $0.count > cap.count }
            #expect(!overfull.isEmpty, "\(source.name)")
            for copy in overfull.joined() {
                let time = copy.values[.studyTime] ?? ""
                #expect(time.count >= 6 && !time.contains(":") && time < "240000", "a divided day loses this study")
            }
        }
    }

    @Test func aSourceWithoutTimeKeysHasNoDayThatLooksCapped() {
        let enterprise = Enterprise(seed: 5, studies: 30_000)
        for (index, source) in enterprise.sources.enumerated() where source.temper.ignoresTimeKeys {
            let days = Dictionary(grouping: enterprise.copies(at: index)) { $0.values[.studyDate] ?? "" }
            #expect(!days.values.contains { $0.count >= 100 && $0.count % 50 == 0 })
        }
    }

    @Test func datesAreReachableUnlessAskedOtherwise() {
        #expect(Self.enterprise.studies.flatMap(\.copies).allSatisfy { $0.isReachable && $0.values[.studyDate] != "" })
        let blank = Enterprise(seed: 7, studies: 3000, blankDates: true).studies.flatMap(\.copies)
        #expect(blank.contains { !$0.isReachable && $0.values[.studyDate] == "" })
        #expect(blank.contains { !$0.isReachable && $0.values[.studyDate] == "unknown" })
    }

    @Test func aSourceSaysOnlyWhatItSupportsAndCanWrite() {
        for (index, source) in Self.enterprise.sources.enumerated() {
            for copy in Self.enterprise.copies(at: index) {
                for attribute in source.temper.unsupported {
                    #expect(copy.values[attribute] == (source.temper.returnsUnsupportedEmpty ? "" : nil))
                }
                let name = copy.values[.patientName] ?? ""
                let encoding = source.encoding(for: copy.script)
                #expect(encoding.representable(name) == name)
                let isLossy = encoding == .latin1 && copy.script != .latin
                #expect(isLossy || !name.contains("?"))
            }
        }
    }
}

extension Enterprise {
    func copies(at source: Int) -> [StudyCopy] {
        studies.flatMap(\.copies).filter { $0.source == source && $0.isReachable }
    }
}
