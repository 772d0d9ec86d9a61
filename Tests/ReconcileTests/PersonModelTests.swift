import Testing

@testable import Reconcile

/// What a model tells the matcher, on records of a name and a date.
struct PersonModelTests {
    private static let model = PersonModel(
        fields: [.init("name", .name), .init("date", .date)], comparisons: [.single(0), .single(1)],
        passes: [.init(.value(0), .year(1))])

    private static func record(_ name: String, _ date: String, _ issuer: String = "A") -> PersonRecord {
        PersonRecord(issuer: issuer, values: [name, date])
    }

    @Test func crowdedBlocksAreDividedByTheNextKey() {
        var model = Self.model
        model.largestBlock = 3
        let two = (0..<3).flatMap { [Self.record("weber", "1961051\($0)"), Self.record("weber", "1962051\($0)")] }
        let divided = PersonMatcher(two, model: model)
        #expect(divided.pairs == 6)
        #expect(divided.crowded == 0)
        // What no key divides is left out, and counted.
        let one = (0..<6).map { Self.record("weber", "1961051\($0)") }
        let crowded = PersonMatcher(one, model: model)
        #expect(crowded.pairs == 0)
        #expect(crowded.crowded == 6)
    }

    @Test func eachPairIsComparedOnce() {
        var model = Self.model
        model.passes += [.init(.value(1)), .init(.year(1))]
        let records = (0..<5).map { Self.record("weber", "1961051\($0 % 2)") }
        #expect(PersonMatcher(records, model: model).pairs == 10)
    }

    @Test func issuersWithoutDuplicatesGiveEachRecordOnePartner() {
        var model = Self.model
        model.issuersAreFreeOfDuplicates = true
        var thresholds = PersonMatcher.Thresholds()
        (thresholds.probable, thresholds.review) = (-20, -20)
        let records = [
            Self.record("weber", "19610512", "A"), Self.record("weber", "19610512", "B"),
            Self.record("weber", "19610521", "B"),
        ]
        let found = PersonMatcher(records, model: model, thresholds: thresholds)
        #expect(found.pairs == 2)
        #expect(found.persons == [[0, 1]])
        #expect(found.links.last?.caution == "another record of the issuer is nearer")
    }
}
