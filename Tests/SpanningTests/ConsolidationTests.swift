import DICOM
import StudyIndex
import Testing

@testable import Spanning

/// How copies are shown as one, whatever the order in which they arrived.
@Suite struct ConsolidationTests {
    private func copy(
        _ source: String, _ priority: Int, _ values: [DICOM.Tag: String]
    ) -> SourceCopy<StudyRecord> {
        var record = StudyRecord()
        record[.studyInstanceUID] = "1.2"
        for (tag, value) in values { record[tag] = value }
        return SourceCopy(source: source, aeTitle: "AE-" + source, priority: priority, record: record)
    }

    private func copies() -> [SourceCopy<StudyRecord>] {
        [
            copy(
                "b", 2,
                [
                    .patientID: "P2", .patientName: "MUELLER^A", .studyDescription: "CT", .modalitiesInStudy: "CT",
                    .numberOfStudyRelatedSeries: "2",
                ]),
            copy(
                "a", 1,
                [
                    .patientID: "P1", .patientBirthDate: "", .studyDescription: "", .modalitiesInStudy: "MR",
                    .numberOfStudyRelatedSeries: "1",
                ]),
            copy(
                "c", 3,
                [
                    .patientID: "P3", .patientName: "MULLER^A", .patientSex: "F", .patientBirthDate: "19600101",
                    .studyDescription: "CT HEAD", .accessionNumber: "A1", .modalitiesInStudy: "CT\\SR",
                    .numberOfStudyRelatedSeries: "9",
                ]),
        ]
    }

    /// M5: first-wins follows priority, never the order of arrival.
    @Test(arguments: ConsolidationStrategy.allCases)
    func theOrderOfArrivalDoesNotMatter(_ strategy: ConsolidationStrategy) {
        let copies = copies()
        let expected = strategy.study(copies)?.study
        #expect(expected != nil)
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            #expect(strategy.study(order.map { copies[$0] })?.study == expected)
        }
    }

    @Test func thePriorityOfASourceDecidesEachAttribute() {
        let study = ConsolidationStrategy.priority.study(copies())?.study
        #expect(study?.record[.studyDescription] == "CT")
        #expect(study?.record[.accessionNumber] == "A1")
        #expect(study?.record[.modalitiesInStudy] == "MR")
        #expect(study?.record[.numberOfStudyRelatedSeries] == "1")
        #expect(study?.holders == ["AE-a", "AE-b", "AE-c"])
    }

    @Test func theMostCompleteCopyComesFirst() {
        let study = ConsolidationStrategy.mostComplete.study(copies())?.study
        #expect(study?.record[.studyDescription] == "CT HEAD")
        #expect(study?.record.patientID == "P3")
        // Where it can be moved from is told by priority all the same.
        #expect(study?.holders == ["AE-a", "AE-b", "AE-c"])
    }

    @Test func mergingAllShowsAllModalitiesAndTheLargestCounts() {
        let study = ConsolidationStrategy.mergeAll.study(copies())?.study
        #expect(study?.record[.modalitiesInStudy] == "CT\\MR\\SR")
        #expect(study?.record[.numberOfStudyRelatedSeries] == "9")
        #expect(study?.record[.studyDescription] == "CT")
    }

    /// Promise 5: never one source's ID with another's name.
    @Test(arguments: ConsolidationStrategy.allCases)
    func thePatientIsOneCopys(_ strategy: ConsolidationStrategy) throws {
        let copies = copies()
        let shown = try #require(strategy.study(copies)).study.record
        let tags: [DICOM.Tag] = [.patientID, .issuerOfPatientID, .patientName, .patientBirthDate, .patientSex]
        #expect(copies.contains { copy in tags.allSatisfy { copy.record[$0] == shown[$0] } })
    }

    /// The patient is one that was asked for, even where a better source names another.
    @Test func thePatientIsThatOfACopyThatMatches() throws {
        var copies = copies()
        copies[1].match = .no
        copies[0].match = .unknown
        let (study, undecided) = try #require(ConsolidationStrategy.priority.study(copies))
        #expect(study.record.patientID == "P3" && undecided == nil)
        copies[2].match = .no
        let doubtful = try #require(ConsolidationStrategy.priority.study(copies))
        #expect(doubtful.study.record.patientID == "P2" && doubtful.undecided == "b")
        copies[0].match = .no
        #expect(ConsolidationStrategy.priority.study(copies) == nil)
    }

    /// M4: what nobody returned stays absent; nothing is made up.
    @Test(arguments: ConsolidationStrategy.allCases)
    func nothingIsFabricated(_ strategy: ConsolidationStrategy) throws {
        let shown = try #require(strategy.study(copies())).study.record
        #expect(shown[.studyDate] == nil && shown[.studyID] == nil)
        #expect(shown.studyInstanceUID == "1.2")
    }

    @Test func betweenEqualPrioritiesTheNameDecides() {
        let copies = [copy("b", 1, [.studyDescription: "B"]), copy("a", 1, [.studyDescription: "A"])]
        #expect(ConsolidationStrategy.priority.study(copies)?.study.record[.studyDescription] == "A")
        #expect(ConsolidationStrategy.priority.study(copies.reversed())?.study.record[.studyDescription] == "A")
    }

    @Test func seriesAndInstancesAreJoinedAlike() throws {
        func series(_ source: String, _ priority: Int, _ description: String, _ count: String) -> SourceCopy<
            SeriesRecord
        > {
            var record = SeriesRecord(texts: ["1.2.1", "1.2"])
            record[.seriesDescription] = description
            record[.numberOfSeriesRelatedInstances] = count
            return SourceCopy(source: source, aeTitle: source, priority: priority, record: record)
        }
        let copies = [series("b", 2, "AXIAL", "30"), series("a", 1, "", "10")]
        let first = try #require(ConsolidationStrategy.priority.series(copies))
        #expect(first.record[.seriesDescription] == "AXIAL" && first.record.numberOfInstances == 10)
        #expect(first.holders == ["a", "b"])
        #expect(ConsolidationStrategy.mergeAll.series(copies)?.record.numberOfInstances == 30)

        func instance(_ source: String, _ priority: Int, _ number: String) -> SourceCopy<DataSet> {
            var dataSet = DataSet()
            dataSet.set(.sopInstanceUID, "1.2.1.1")
            dataSet.set(.instanceNumber, number)
            return SourceCopy(source: source, aeTitle: source, priority: priority, record: dataSet)
        }
        let instances = [instance("b", 2, "7"), instance("a", 1, "")]
        let joined = try #require(ConsolidationStrategy.priority.instance(instances, study: "1.2", series: "1.2.1"))
        #expect(joined.dataSet.integer(.instanceNumber) == 7 && joined.holders == ["a", "b"])
    }
}
