import DICOM
import SearchSuite
import Testing

@testable import StudyIndex

/// A day that was asked in parts is proven by an axis that has nothing in common with dates and times: all patients (F14).
@Suite struct SecondAxisTests {
    private static let day = "20200315"

    private static func record(_ number: Int, patient: String) -> StudyRecord {
        .sample("1.2.\(number)", [.patientID: patient, .studyTime: number < 3 ? "080000" : "160000"])
    }

    private static let known = [record(1, patient: "A1"), record(2, patient: "B7"), record(3, patient: "B8")]

    /// The day is too much for one answer, and asked by its mornings and evenings.
    private func enumerate(_ test: TestIndex, _ records: [StudyRecord]) async throws {
        let day = try #require(DICOMDate(Self.day))
        let noon = try #require(DICOMTime(microseconds: 12 * 3_600_000_000))
        let parts = [TimeRange(lower: .midnight, upper: noon), TimeRange(lower: noon, upper: .endOfDay)].map {
            NewSlice(sourceID: test.source("a"), range: SliceRange(dates: DateRange(day: day), times: $0))
        }
        try await split(test, SliceRange(dates: DateRange(day: day)), parts) { range in
            records.filter { record in record.studyTime.map { range.times?.contains($0) ?? false } ?? false }
        }
    }

    /// All patients, by the first letter of their IDs; the letter itself is a patient of its own.
    private func pass(
        _ test: TestIndex, _ records: [StudyRecord], holes: Bool = false, ignoringCase: Bool = false
    ) async throws {
        var exact = SliceRange(patientPrefix: nil)
        exact.patientID = "A"
        let parts = [SliceRange(patientPrefix: "A"), SliceRange(patientPrefix: "B"), exact].map {
            NewSlice(sourceID: test.source("a"), range: $0)
        }
        let run = try await split(test, SliceRange(patientPrefix: ""), parts) { range in
            // What a source may show that ignores more than case.
            ignoringCase && range.patientPrefix == "A"
                ? records : records.filter { $0.patientID.hasPrefix(range.patientPrefix ?? "?") }
        }
        guard !holes else { return }
        try await test.index.notePatientPass(run, source: test.source("a"), kind: .prefixes)
    }

    @discardableResult
    private func split(
        _ test: TestIndex, _ whole: SliceRange, _ parts: [NewSlice], _ answer: (SliceRange) -> [StudyRecord]
    ) async throws -> RunID {
        let source = test.source("a")
        let run = try await test.index.openRun(
            job: "test", slices: [NewSlice(sourceID: source, range: whole)], resumeKey: nil
        ).id
        while case .slice(let slice) = try await test.index.claim(run: run, source: source, worker: "w") {
            if slice.range == whole {
                _ = try await test.index.finish(slice, outcome: .split(.of(0), reason: "cropped", children: parts))
            } else {
                let records = answer(slice.range)
                _ = try await test.index.finish(slice, outcome: .complete(.of(records.count)), records: records)
            }
        }
        try await test.index.closeRun(run)
        return run
    }

    private func state(_ test: TestIndex) async throws -> CoveredDays.State? {
        let day = try #require(DICOMDate(Self.day))
        return try await test.index.coveredDays().first { $0.days == DateRange(day: day) }?.state
    }

    @Test func aPassOverAllPatientsProvesADayOfWhichItHasTheSameStudies() async throws {
        try await TestIndex.with { test in
            try await enumerate(test, Self.known)
            #expect(try await state(test) == .enumerated)
            try await pass(test, Self.known, holes: true, ignoringCase: true)
            #expect(try await state(test) == .enumerated)
            try await pass(test, Self.known, ignoringCase: true)
            #expect(try await state(test) == .proven)
            // Asked again in parts, the same is found.
            try await enumerate(test, Self.known)
            #expect(try await state(test) == .proven)
        }
    }

    @Test(arguments: [true, false])
    func aPassThatHasOtherStudiesOfTheDayProvesNothing(hasMore: Bool) async throws {
        try await TestIndex.with { test in
            try await enumerate(test, Self.known)
            let others = hasMore ? Self.known + [Self.record(4, patient: "B9")] : Array(Self.known.dropLast())
            try await pass(test, others)
            #expect(try await state(test) == .enumerated)
            // What came since is not known to the pass, what it has found is.
            try await enumerate(test, others)
            #expect(try await state(test) == (hasMore ? .proven : .enumerated))
        }
    }

    @Test func completenessTellsWhatOnlyPatientsHaveShown() async throws {
        try await TestIndex.with { test in
            let later = StudyRecord.sample("1.3", [.patientID: "B1", .studyDate: "20210101"])
            try await enumerate(test, Self.known)
            // 2020-03-16 was asked and had none; 2021 was not asked.
            try await test.sweep("a", .dates("20200316"), [])
            let missed = StudyRecord.sample("1.4", [.patientID: "B2", .studyDate: "20200316"])
            try await pass(test, Self.known + [missed, later], ignoringCase: true)
            let years = try await test.index.completeness()
            #expect(years.map(\.year) == [2020, 2021])
            #expect(years.map(\.studies) == [4, 1])
            #expect(years.map(\.beyondDates) == [1, 0])
            #expect(years.map(\.percent) == [75, 100])
            // Found by patient, and still not by date.
            try await test.sweep("a", .dates("20200316"), [])
            try await pass(test, Self.known + [missed, later])
            #expect(try await test.index.completeness().map(\.beyondDates) == [1, 0])
            try await test.sweep("a", .dates("20200316"), [missed])
            try await pass(test, Self.known + [missed, later])
            #expect(try await test.index.completeness().map(\.beyondDates) == [0, 0])
        }
    }
}
