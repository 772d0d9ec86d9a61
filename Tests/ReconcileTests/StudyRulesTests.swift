import DICOM
import Testing

import struct DICOM.Tag

@testable import Reconcile

struct StudyRulesTests {
    @Test func accessionNumbersDifferReallyOrOnlyInCase() {
        #expect(summary(rows(.accessionNumber, "MC1", "MC2", nil, "")) == ["accession-mismatch major a,b"])
        #expect(summary(rows(.accessionNumber, "MC1", "mc1")) == ["accession-mismatch cosmetic a,b"])
        #expect(rows(.accessionNumber, "MC1", "", nil).isEmpty)
    }

    @Test func studyDatesDifferReallyOrOnlyInFormat() {
        #expect(summary(rows(.studyDate, "20200101", "20200102")) == ["study-date-mismatch minor a,b"])
        #expect(summary(rows(.studyDate, "20200101", "2020.01.01")) == ["study-date-mismatch cosmetic a,b"])
        #expect(summary(rows(.studyDate, "20200101", "20200101", "")) == ["no-study-date minor c"])
    }

    @Test func studyTimesAreComparedInTheirCommonPrecision() {
        #expect(summary(rows(.studyTime, "101500", "101501")) == ["study-time-mismatch minor a,b"])
        #expect(summary(rows(.studyTime, "101500.25", "101500.5")) == ["study-time-mismatch minor a,b"])
        #expect(summary(rows(.studyTime, "101500", "10:15:00")) == ["study-time-mismatch cosmetic a,b"])
        #expect(rows(.studyTime, "101500.250000", "101500", "101500.25").isEmpty)
        #expect(rows(.studyTime, "1015", "101500").isEmpty)
    }

    @Test func countsAreComparedAsNumbers() {
        #expect(summary(rows(.numberOfStudyRelatedSeries, "2", "3")) == ["series-count-mismatch major a,b"])
        #expect(
            summary(rows(.numberOfStudyRelatedInstances, "20", "21", "n/a")).contains(
                "instance-count-mismatch major a,b"))
        #expect(rows(.numberOfStudyRelatedInstances, "+20", "0020", " 20 ", "").isEmpty)
    }

    @Test func noImagesIsAFindingAndNoCountMismatch() {
        #expect(summary(rows(.numberOfStudyRelatedInstances, "20", "0")) == ["zero-images minor b"])
        #expect(rows(.numberOfStudyRelatedSeries, "2", "0").isEmpty)
    }

    @Test(arguments: [
        (Tag.studyTime, "24:00:00"), (.studyTime, "240000"), (.patientBirthDate, "19851345"), (.studyDate, "n/a"),
        (.numberOfStudyRelatedInstances, "n/a"), (.patientBirthDate, "00000000"),
    ])
    func aValueThatDoesNotParseIsNamed(_ tag: Tag, _ text: String) throws {
        let found = rows(tag, text)
        #expect(summary(found) == ["unparsable-value minor a"])
        let keyword = try #require(AttributeDictionary.attribute(tag)?.keyword)
        #expect(found.first?.values.first?.attributes == [keyword: text])
    }

    @Test func agreementIsSilent() {
        let attributes: [Tag: String] = [
            .patientName: "ADLER^OTTO", .patientID: "1", .studyDate: "20200101", .studyTime: "1015",
            .numberOfStudyRelatedInstances: "12", .accessionNumber: "MC1", .patientSex: "M",
        ]
        #expect(Reconciler().discrepancies(of: ["a", "b", "c"].map { Copy.of($0, attributes) }).isEmpty)
        #expect(Reconciler().discrepancies(of: []).isEmpty)
    }

    @Test func theMostSevereRowComesFirst() {
        let found = Reconciler().discrepancies(of: [
            Copy.of("a", [.accessionNumber: "1", .studyTime: "1015", .patientSex: "m"]),
            Copy.of("b", [.accessionNumber: "2", .studyTime: "1016", .patientSex: "M"]),
        ])
        #expect(found.map(\.severity) == [.major, .minor, .cosmetic])
    }
}
