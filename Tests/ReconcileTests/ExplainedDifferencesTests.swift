import DICOM
import Testing

import struct DICOM.Tag

@testable import Reconcile

/// Differences with a known cause, which are not what they look like.
struct ExplainedDifferencesTests {
    private static let eva: [Tag: String] = [.patientBirthDate: "19700305", .patientID: "1", .patientSex: "F"]

    private static func eva(_ source: String, _ name: String, _ other: [Tag: String] = [:]) -> Copy {
        Copy.of(source, eva.merging([.patientName: name]) { $1 }.merging(other) { $1 })
    }

    // MARK: Outdated patients

    @Test func aFamilyNameThatAloneDiffersIsAnOutdatedPatient() {
        let found = Reconciler().discrepancies(of: [Self.eva("a", "ADLER^EVA"), Self.eva("b", "ZORN^EVA")])
        #expect(summary(found) == ["stale-demographics minor a,b"])
    }

    @Test(arguments: [
        [Tag.patientBirthDate: ""], [.patientSex: "M"], [.patientName: "ZORN^UTE"], [.patientName: "ZORN"],
        [.patientName: "TEST^EVA"],
    ])
    func nothingElseIs(_ other: [Tag: String]) {
        let found = Reconciler().discrepancies(of: [Self.eva("a", "ADLER^EVA"), Self.eva("b", "ZORN^EVA", other)])
        #expect(summary(found).contains("patient-name-mismatch major a,b"))
    }

    @Test func aMergeThatOneSourceHasMissedIsKnownByWhatTheOtherSaidBefore() throws {
        var merged = Self.eva("a", "ADLER^EVA", [.patientID: "77"])
        let missed = Self.eva("b", "ADLER^EVA")
        #expect(summary(Reconciler().discrepancies(of: [merged, missed])) == ["patient-id-mismatch major a,b"])
        merged.earlier = [.patientID: ["1"]]
        let found = Reconciler().discrepancies(of: [merged, missed])
        #expect(summary(found) == ["stale-demographics minor a,b"])
        #expect(found.first?.suggestion?.values == ["PatientID": "77"])
        #expect(found.first?.suspects == ["b"])
    }

    @Test func anotherPersonStaysAnotherPersonWhateverWasSaidBefore() {
        var other = Self.eva("a", "ZORN^UTE", [.patientID: "9", .patientBirthDate: "19800101"])
        other.earlier = [.patientID: ["5"]]
        let found = Reconciler().discrepancies(of: [other, Self.eva("b", "ADLER^EVA")])
        #expect(summary(found) == ["different-patients critical a,b"])
    }

    // MARK: Rewritten IDs

    @Test(arguments: [("1234", "1234$$$1"), ("1234", "0001234"), ("X1234-B", "1234")])
    func aRewrittenIDIsTheSameID(_ one: String, _ other: String) {
        var reconciler = Reconciler()
        reconciler.rewrites = ["a": PatientIDRewrite(prefix: "X", suffix: "-B")]
        let copies = [Copy.of("a", [.patientID: one]), Copy.of("b", [.patientID: other])]
        #expect(summary(reconciler.discrepancies(of: copies)) == ["patient-id-rewritten minor a,b"])
    }

    @Test(arguments: [("1234", "1234$$$"), ("1234", "1235$$$1"), ("X1234", "1234"), ("000", "0$$$1x")])
    func anyOtherIDIsAnother(_ one: String, _ other: String) {
        let copies = [Copy.of("a", [.patientID: one]), Copy.of("b", [.patientID: other])]
        #expect(summary(Reconciler().discrepancies(of: copies)) == ["patient-id-mismatch major a,b"])
    }

    // MARK: Counts

    private static func counted(_ source: String, _ modalities: String, _ series: String, _ images: String) -> Copy {
        Copy.of(
            source,
            [
                .modalitiesInStudy: modalities, .numberOfStudyRelatedSeries: series,
                .numberOfStudyRelatedInstances: images,
            ])
    }

    @Test func aCopyWithoutAModalityIsAPartOfTheOther() {
        let found = Reconciler().discrepancies(of: [
            Self.counted("a", "CT\\SR", "4", "120"), Self.counted("b", "CT", "3", "119"),
            Self.counted("c", "SR\\CT", "4", "120"),
        ])
        #expect(summary(found) == ["subset-copy minor a,b,c"])
        #expect(found.first?.suspects == ["b"])
    }

    @Test(arguments: [("CT\\SR", "3"), ("MR", "3"), ("CT", "4"), ("", "3")])
    func otherwiseImagesAreMissing(_ modalities: String, _ series: String) {
        let found = Reconciler().discrepancies(of: [
            Self.counted("a", "CT\\SR", "4", "120"), Self.counted("b", modalities, series, "119"),
        ])
        #expect(summary(found).contains("instance-count-mismatch major a,b"))
    }

    @Test func knownSeriesTellAPartFromAnIncompleteCopy() {
        func series(_ counts: [Int]) -> [CopySeries] {
            counts.enumerated().map { CopySeries(uid: "1.\($0)", modality: "CT", instances: $1) }
        }
        var (whole, part) = (Self.counted("a", "CT", "2", "30"), Self.counted("b", "CT", "1", "10"))
        whole.series = series([10, 20])
        part.series = series([10])
        #expect(summary(Reconciler().discrepancies(of: [whole, part])) == ["subset-copy minor a,b"])
        part.series = series([9])
        #expect(
            summary(Reconciler().discrepancies(of: [whole, part]))
                == ["instance-count-mismatch major a,b", "series-count-mismatch major a,b"])
    }

    @Test func whatASourceMadeForItselfIsNoDifference() {
        var (one, other) = (Self.counted("a", "CT\\PR", "2", "13"), Self.counted("b", "CT\\KO", "2", "11"))
        one.series = [
            CopySeries(uid: "1.1", modality: "CT", instances: 10), CopySeries(uid: "1.2", modality: "PR", instances: 3),
        ]
        other.series = [
            CopySeries(uid: "1.1", modality: "CT", instances: 10), CopySeries(uid: "1.3", modality: "KO", instances: 1),
        ]
        #expect(Reconciler().discrepancies(of: [one, other]).isEmpty)
        var strict = Reconciler()
        strict.localModalities = []
        #expect(summary(strict.discrepancies(of: [one, other])) == ["instance-count-mismatch major a,b"])
    }

    @Test func whileImagesMayBeArrivingNothingIsSaidOfThem() {
        var reconciler = Reconciler()
        reconciler.now = 1_000_000
        var young = Self.counted("b", "CT", "3", "119")
        young.countedAt = 1_000_000 - 86_399
        let old = Self.counted("a", "CT", "3", "120")
        let early = reconciler.verdict(on: [old, young])
        #expect(early.rows.isEmpty && early.withheld.contains(.instanceCount) && early.lookAgain == 1_000_001)
        reconciler.now = 1_000_001
        let later = reconciler.verdict(on: [old, young])
        #expect(summary(later.rows) == ["instance-count-mismatch major a,b"] && later.withheld.isEmpty)
        #expect(later.lookAgain == nil)
    }

    // MARK: Damaged text

    @Test(arguments: [
        ("Müller^Jürgen", "MÃ¼ller^JÃ¼rgen"), ("João^Ana", "JoÃ£o^Ana"), ("Müller^Jürgen", "Mller^Jrgen"),
    ])
    func damageIsNoMismatchAndNamesTheSourceThatDidIt(_ text: String, _ damaged: String) {
        let found = rows(.patientName, text, damaged)
        #expect(summary(found) == ["character-set-difference cosmetic b"])
        #expect(found.first?.suggestion?.values == ["PatientName": text])
        #expect(summary(rows(.studyDescription, text, damaged)) == ["character-set-difference cosmetic b"])
    }

    @Test func aGivenNameWithinAnotherIsNoDamage() {
        #expect(
            summary(rows(.patientName, "Kim^Minjun=金^敏俊", "Kim^Jun=金^俊")) == ["patient-name-mismatch major a,b"])
    }

    // MARK: Dates

    @Test(arguments: ["19000101", "18991230", "20270103", "18950101"])
    func aDateThatCannotBeTheStudysIsNamed(_ date: String) {
        var reconciler = Reconciler()
        reconciler.today = DICOMDate(year: 2027, month: 1, day: 1) ?? .latest
        let verdict = reconciler.verdict(on: [Copy.of("a", [.studyDate: date]), Copy.of("b", [.studyDate: "20200101"])])
        #expect(summary(verdict.rows) == ["implausible-study-date minor a"])
        #expect(verdict.rows.first?.suggestion?.values == ["StudyDate": "20200101"])
        #expect((verdict.lookAgain != nil) == (date == "20270103"))
    }

    @Test(arguments: ["20270102", "20270101", "18951108", "19000102"])
    func anUnusualDateIsNot(_ date: String) {
        var reconciler = Reconciler()
        reconciler.today = DICOMDate(year: 2027, month: 1, day: 1) ?? .latest
        #expect(reconciler.discrepancies(of: [Copy.of("a", [.studyDate: date])]).isEmpty)
    }

    @Test(arguments: [("20200102", true), ("20200101", false), ("18500101", true), ("19000101", false)])
    func whoIsBornAfterTheExaminationOrTooLongBeforeIsImpossible(_ birth: String, _ isFound: Bool) {
        let found = Reconciler().discrepancies(of: [
            Copy.of("a", [.studyDate: "20200101", .patientBirthDate: birth])
        ])
        #expect(summary(found) == (isFound ? ["impossible-value minor a"] : []))
    }

    // MARK: Suggestions

    @Test func theMajorityIsBelievedAndElseThePriority() {
        func found(_ texts: String...) -> Suggestion? {
            let copies = zip(["a", "b", "c"], texts).enumerated().map { index, pair in
                var record = StudyRecord()
                record[.accessionNumber] = pair.1
                return Copy(source: pair.0, priority: 10 - index, issuer: "X", record: record)
            }
            return Reconciler().discrepancies(of: copies).first?.suggestion
        }
        #expect(found("MC1", "MC2", "MC1")?.values == ["AccessionNumber": "MC1"])
        #expect(found("MC1", "MC2", "MC1")?.reason == "2 of 3 sources say so")
        #expect(found("MC1", "MC2")?.values == ["AccessionNumber": "MC2"])
        #expect(found("MC1", "MC2")?.reason.contains("weak") == true)
    }
}
