import DICOM
import SearchSuite
import Testing

@testable import StudyIndex

/// Searches among some sources' copies: what the others say neither matches nor takes part.
@Suite struct ScopedSearchTests {
    private func query(_ keys: [String: String]) throws -> StudyQuery {
        var query = StudyQuery()
        query.keys = try keys.map {
            try QueryKey(try #require(AttributeDictionary.attribute(keyword: $0)), parsing: $1)
        }
        return query
    }

    private func key(_ keyword: String, _ text: String) throws -> QueryKey {
        try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text)
    }

    private func copies(_ studies: [ScopedStudy]) -> [[String]] {
        studies.map { $0.copies.map { "\($0.record.studyInstanceUID) \($0.source)" } }
    }

    @Test func onlyTheScopesSourcesMatchAndAreShown() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1"), .sample("1.2", [.patientID: "P2"])])
            try await test.sweep("b", [.sample("1.1", [.patientID: "P9"])])
            try await test.sweep("c", [.sample("1.3")])
            let scope = SourceScope(sources: [.init(name: "b"), .init(name: "c")])
            let found = try await test.index.search(try query([:]), in: scope, within: .unrestricted)
            #expect(copies(found.studies) == [["1.1 b"], ["1.3 c"]])
            #expect(found.total == 2)
            // Source a calls it P1, but is not asked.
            #expect(
                try await test.index.search(try query(["PatientID": "P1"]), in: scope, within: .unrestricted).studies
                    .count == 1)
            #expect(
                copies(
                    try await test.index.search(try query(["PatientID": "P9"]), in: scope, within: .unrestricted)
                        .studies) == [["1.1 b"]])
            #expect(
                try await test.index.search(try query([:]), in: SourceScope(sources: []), within: .unrestricted).studies
                    .isEmpty)
        }
    }

    /// M8: a filter narrows, whatever the caller asks.
    @Test func aFilterHidesWhatItDoesNotMatchAndReplacesNoKey() async throws {
        try await TestIndex.with { test in
            try await test.sweep(
                "a",
                [
                    .sample("1.1", [.studyDate: "20200101"]), .sample("1.2", [.studyDate: "20210101"]),
                    .sample("1.3", [.studyDate: "20220101"]),
                ])
            try await test.sweep("b", [.sample("1.1", [.studyDate: "20200101"])])
            let scope = SourceScope(sources: [
                .init(name: "a", keys: [try key("StudyDate", "20201231-")]), .init(name: "b"),
            ])
            func found(_ dates: String) async throws -> [[String]] {
                copies(
                    try await test.index.search(try query(["StudyDate": dates]), in: scope, within: .unrestricted)
                        .studies)
            }
            #expect(try await found("20190101-20211231") == [["1.2 a"], ["1.1 b"]])
            #expect(try await found("20200101") == [["1.1 b"]])
            #expect(try await found("20220101") == [["1.3 a"]])
        }
    }

    @Test func aCopyThatDoesNotTellWhatAFilterAsksIsShownAndSaysSo() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1", [.modalitiesInStudy: nil])])
            let scope = SourceScope(sources: [.init(name: "a", keys: [try key("ModalitiesInStudy", "MR")])])
            let found = try await test.index.search(try query([:]), in: scope, within: .unrestricted).studies
            #expect(found.flatMap(\.copies).map(\.match) == [.unknown])
        }
    }

    /// What a copy outside of the scope knows better is not heard.
    @Test func aCopyThatDoesNotTellIsNotContradictedFromOutside() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1", [.accessionNumber: nil])])
            try await test.sweep("b", [.sample("1.1", [.accessionNumber: "OTHER"])])
            let asked = try query(["AccessionNumber": "A1"])
            let one = try await test.index.search(
                asked, in: SourceScope(sources: [.init(name: "a")]), within: .unrestricted)
            #expect(one.studies.flatMap(\.copies).map(\.match) == [.unknown])
            let both = SourceScope(sources: [.init(name: "a"), .init(name: "b")])
            #expect(try await test.index.search(asked, in: both, within: .unrestricted).studies.isEmpty)
        }
    }

    @Test func copiesThatNameDifferentPatientsAreNotJoined() async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", [.sample("1.1")])
            try await test.sweep(
                "b", [.sample("1.1", [.patientName: "SMITH^JOHN", .patientID: "P7", .patientBirthDate: "19801224"])])
            let scope = SourceScope(sources: [.init(name: "a"), .init(name: "b")])
            #expect(
                copies(try await test.index.search(try query([:]), in: scope, within: .unrestricted).studies) == [
                    ["1.1 a"], ["1.1 b"],
                ])
            // Apart, whoever they name.
            try await test.sweep("a", [.sample("1.5")])
            try await test.sweep("b", [.sample("1.5")])
            let apart = SourceScope(sources: scope.sources, separatesCopies: true)
            let uid = try query(["StudyInstanceUID": "1.5"])
            #expect(
                copies(try await test.index.search(uid, in: apart, within: .unrestricted).studies) == [
                    ["1.5 a"], ["1.5 b"],
                ])
            #expect(
                copies(try await test.index.search(uid, in: scope, within: .unrestricted).studies) == [
                    ["1.5 a", "1.5 b"]
                ])
        }
    }

    /// M9: by what they are, and not by their places in the sources' answers.
    @Test func copiesAreJoinedByTheirUIDs() async throws {
        try await TestIndex.with { test in
            let studies = (1...9).map { StudyRecord.sample("1.\($0)", [.patientID: "P\($0)"]) }
            try await test.sweep("a", studies)
            try await test.sweep("b", studies.reversed())
            let scope = SourceScope(sources: [.init(name: "a"), .init(name: "b")])
            for study in try await test.index.search(try query([:]), in: scope, within: .unrestricted).studies {
                #expect(study.copies.count == 2)
                #expect(Set(study.copies.map(\.record.studyInstanceUID)).count == 1)
                #expect(Set(study.copies.map(\.record.patientID)).count == 1)
            }
        }
    }

    // MARK: Pages

    private static let days = (1...40).map { number in
        StudyRecord.sample(
            "1.\(100 + number)",
            [.studyDate: number % 7 == 0 ? "" : "202003\(10 + number % 5)", .studyTime: number % 3 == 0 ? "" : "1010"])
    }

    private func pages(
        _ test: TestIndex, _ keys: [String: String], scope: SourceScope?, between: (Int) async throws -> Void
    ) async throws -> [String] {
        var query = try query(keys)
        query.limit = 7
        var uids: [String] = []
        while true {
            let (page, end): ([String], PagePosition?)
            if let scope {
                let found = try await test.index.search(query, in: scope, within: .unrestricted)
                (page, end) = (found.studies.compactMap { $0.copies.first?.record.studyInstanceUID }, found.end)
                if !page.isEmpty { #expect(found.total >= query.offset + page.count) }
            } else {
                let found = try await test.index.search(query, within: .unrestricted)
                (page, end) = (found.studies.map(\.record.studyInstanceUID), found.end)
                if !page.isEmpty { #expect(found.total >= query.offset + page.count) }
            }
            guard !page.isEmpty else { return uids }
            uids += page
            query.offset += page.count
            query.after = end
            try await between(uids.count)
        }
    }

    /// F121, F134: whatever is entered between two pages, no row comes twice and none is missed.
    @Test(arguments: [true, false], [[:], ["PatientID": "P1"]])
    func aPageBeginsWhereTheOneBeforeItEnded(isScoped: Bool, keys: [String: String]) async throws {
        try await TestIndex.with { test in
            try await test.sweep("a", Self.days)
            let scope = isScoped ? SourceScope(sources: [.init(name: "a"), .init(name: "b")]) : nil
            let undisturbed = try await pages(test, keys, scope: scope) { _ in }
            #expect(Set(undisturbed) == Set(Self.days.map(\.studyInstanceUID)) && undisturbed.count == 40)
            let disturbed = try await pages(test, keys, scope: scope) { number in
                // Newer than all: by offsets the next page would begin with rows that were shown.
                try await test.index.keep(
                    [.sample("9.\(number)", [.studyDate: "20260101"])], of: test.source("b"))
            }
            #expect(disturbed == undisturbed)
        }
    }
}
