import Testing

@testable import PACSSimulator

@Suite struct StudyTableTests {
    private func table(as temper: Temper = Temper(), _ studies: [[Attribute: String]]) -> StudyTable {
        StudyTable(
            studies.enumerated().map { index, values in
                var attributes = AttributeValues()
                attributes[.studyInstanceUID] = "1.\(index)"
                for (attribute, value) in values { attributes[attribute] = value }
                return StudyCopy(source: 0, person: 0, script: .latin, values: attributes, isReachable: true)
            }, temper: temper)
    }

    private var strict: Temper {
        var temper = Temper()
        temper.parsesDates = false
        return temper
    }

    @Test(arguments: [
        ("20200102", [1]), ("20200101-20200102", [0, 1, 3]), ("-20200101", [0, 3]), ("20200103-", [2]),
        ("20200102-20200101", []), ("2020.01.02-2020.12.31", [1, 2]), ("", [0, 1, 2, 3, 4, 5]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("nonsense", []),
    ])
    func dateRanges(key: String, expected: [Int]) {
        let dates = ["20200101", "20200102", "20200103", "2020.01.01", "", "unknown"]
        let table = table(dates.map { [.studyDate: $0] })
        #expect(table.matches([.studyDate: key]).sorted() == expected)
    }

    @Test func aStrictSourceReadsOnlyItsOwnForm() {
        let table = table(as: strict, [[.studyDate: "20200101"], [.studyDate: "2020.01.01"]])
        #expect(table.matches([.studyDate: "20200101-20200102"]) == [0])
        #expect(table.matches([.studyDate: "2020.01.01-2020.12.31"]) == [])
    }

    @Test(arguments: [
        ("100000-105959", [0, 1]), ("110000-", [2, 3]), ("-10", [0, 1]), ("10:30:00-11:00:00", [1, 2]),
        ("1030", [1]), ("000000-235959.999999", [0, 1, 2, 3]),
    ])
    func timeRanges(key: String, expected: [Int]) {
        let times = ["100000", "10:30:15.5", "110000.000001", "2359", "", "240000"]
        #expect(table(times.map { [.studyTime: $0] }).matches([.studyTime: key]) == expected)
    }

    @Test func aSourceThatComparesStringsLosesFractionsBetweenSeconds() {
        let table = table(as: strict, [[.studyTime: "115959.5"]])
        #expect(table.matches([.studyTime: "110000-115959"]) == [])
        #expect(table.matches([.studyTime: "120000-125959"]) == [])
        #expect(table.matches([.studyTime: "115959-125959"]) == [0])
    }

    @Test func ignoredAndUnsupportedKeysMatchEverything() {
        var temper = Temper()
        temper.ignoresTimeKeys = true
        temper.unsupported = [.modalitiesInStudy]
        let table = table(as: temper, [[.studyTime: "100000", .modalitiesInStudy: "CT"]])
        #expect(table.matches([.studyTime: "200000-210000", .modalitiesInStudy: "MR"]) == [0])
    }

    @Test func identifiersListsAndWildcards() {
        let table = table([
            [.patientID: "A1", .accessionNumber: "X1", .patientName: "Müller^Anna", .modalitiesInStudy: "CT\\SR"],
            [.patientID: "A2", .accessionNumber: "x1", .patientName: "Yamada^Tarou=山田^太郎", .modalitiesInStudy: "MR"],
            [.patientID: "A1", .accessionNumber: "X12", .patientName: "Meyer^Bert", .modalitiesInStudy: "CT/SR"],
        ])
        #expect(table.matches([.studyInstanceUID: "1.0\\1.2\\9"]).sorted() == [0, 2])
        #expect(table.matches([.patientID: "A1"]) == [0, 2])
        #expect(table.matches([.patientID: "A?"]) == [0, 1, 2])
        #expect(table.matches([.accessionNumber: "X1"]) == [0])
        #expect(table.matches([.accessionNumber: "X*"]) == [0, 2])
        #expect(table.matches([.patientName: "mÜller^*"]) == [0])
        #expect(table.matches([.patientName: "M*"]) == [0, 2])
        #expect(table.matches([.patientName: "山田*"]) == [1])
        #expect(table.matches([.modalitiesInStudy: "SR"]) == [0, 2])
        #expect(table.matches([.patientID: "A1", .accessionNumber: "X12"]) == [2])
    }

    @Test(arguments: [
        ("*", "", true), ("a*c", "abbc", true), ("a*c", "abb", false), ("a?c", "abc", true), ("a?c", "ac", false),
        ("*b*", "abc", true), ("a**", "a", true), ("", "a", false), ("a*b*c", "axbxbxc", true),
    ])
    func wildcards(pattern: String, text: String, isMatch: Bool) {
        #expect(Pattern(pattern, ignoresCase: false).matches(text) == isMatch)
    }

    @Test func everyCopyIsFoundByItsDateAndUnreachableOnesAreNot() {
        let enterprise = Enterprise(seed: 9, studies: 2000, blankDates: true)
        for (index, source) in enterprise.sources.enumerated() {
            let copies = enterprise.studies.flatMap(\.copies).filter { $0.source == index }
            let table = StudyTable(copies, temper: source.temper)
            let all = Set(table.matches([.studyDate: "-20251231"]) + table.matches([.studyDate: "20260101-"]))
            for (position, copy) in copies.enumerated() {
                #expect(all.contains(position) == copy.isReachable)
                guard copy.isReachable, let day = Day(copy.values[.studyDate] ?? "") else { continue }
                #expect(table.matches([.studyDate: "\(day.da)-\(day.da)"]).contains(position))
            }
        }
    }
}
