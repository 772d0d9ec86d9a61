import DICOM
import PostgresClient
import SearchSuite
import Testing

@testable import StudyIndex

/// A search by date looks at the newest studies of its days first, and finds what looking at all of them finds.
@Suite struct NewestOfDaysTests {
    private static let days = ["20200301", "20200302", "20200303"]

    /// More than are looked at first; every fifth at another source too, where it has another date, none, or one that is no date.
    private func index(_ test: TestIndex) async throws {
        let count = SearchStatement.newest * 2
        func date(_ number: Int, _ dates: [String?]) -> String? { dates[number % dates.count] }
        let records = (0..<count).map { number in
            StudyRecord.sample(
                "1.\(number)",
                [
                    .studyDate: date(number, Self.days + (number % 50 == 0 ? ["", nil, "20201345"] : [])),
                    .studyTime: number % 7 == 0 ? nil : "1\(number % 10)00",
                    .modalitiesInStudy: number % 3 == 0 ? "MR" : "CT",
                ])
        }
        let others = stride(from: 0, to: count, by: 5).map { number in
            StudyRecord.sample(
                "1.\(number)",
                [.studyDate: date(number / 5, ["20200302", "19000101", "20300101", nil, "20201345", "20200303"])])
        }
        // Whichever comes first names the study's date.
        try await test.sweep("a", others.enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
        try await test.sweep("b", records)
        try await test.sweep("c", others.enumerated().filter { $0.offset % 2 == 1 }.map(\.element))
        try await test.sql("ANALYZE")
    }

    private func query(_ keys: [String: String]) throws -> StudyQuery {
        var query = StudyQuery()
        for (keyword, text) in keys.sorted(by: { $0.key < $1.key }) {
            query.keys.append(
                try QueryKey(try #require(AttributeDictionary.attribute(keyword: keyword)), parsing: text))
        }
        return query
    }

    @Test func itFindsWhatLookingAtAllFinds() async throws {
        try await TestIndex.with { test in
            try await index(test)
            var filled = 0
            for dates in ["20200302", "20200301-20200302", "-20200302", "20200302-", "20190101-20201231", "19000101"] {
                for others in [[:], ["ModalitiesInStudy": "MR"]] as [[String: String]] {
                    var query = try query(others.merging(["StudyDate": dates]) { $1 })
                    query.limit = 60
                    for _ in 0..<3 {
                        let statement = SearchStatement(query, within: .all)
                        #expect(statement.isTriedAmongNewest)
                        let (newest, all) = (statement.amongNewest(), statement.amongAll())
                        let found = try await test.sql(newest.sql, newest.parameters)
                        let expected = try await test.sql(all.sql, all.parameters)
                        // What does not fill the page is asked anew, among all.
                        if found.count == query.limit {
                            filled += 1
                            #expect(
                                found.map { $0.string(3) ?? "" } == expected.map { $0.string(3) ?? "" },
                                "\(dates) \(others) from \(query.offset)")
                        }
                        guard let last = expected.last.map(PagePosition.init) else { break }
                        query.offset += expected.count
                        query.after = last
                    }
                }
            }
            #expect(filled > 20)
        }
    }

    /// Whoever asks for a day of a large archive reads a page of it, and not the day.
    @Test func itReadsThePageAlone() async throws {
        try await TestIndex.with { test in
            try await index(test)
            let (sql, parameters) = SearchStatement(try query(["StudyDate": "20200302"]), within: .all).amongNewest()
            let plan = try await test.pool.withConnection { try $0.planForAllValues(sql, parameters.count) }
                .joined(separator: "\n")
            #expect(plan.contains("Index Scan using study_newest"), "\(plan)")
            #expect(plan.contains("study_differing_days"), "\(plan)")
            #expect(!plan.contains("Seq Scan on study"), "\(plan)")
        }
    }
}
