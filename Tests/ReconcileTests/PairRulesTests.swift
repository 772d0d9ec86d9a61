import DICOM
import Testing

import struct DICOM.Tag

@testable import Reconcile

struct PairRulesTests {
    static let examination: [Tag: String] = [
        .patientID: "1", .accessionNumber: "MC1", .studyDate: "20200101", .modalitiesInStudy: "CT\\SR",
    ]

    @Test func oneExaminationUnderTwoUIDsIsAProbableCopy() {
        let found = Reconciler().probableCopies(among: [
            Copy.of("b", uid: "1.9", Self.examination), Copy.of("a", uid: "1.10", Self.examination),
            Copy.of("c", issuer: "HOSP-C", uid: "1.10", Self.examination),
        ])
        #expect(summary(found) == ["probable-copy minor a,b"])
        #expect(found.first?.studyUID == "1.10")
        #expect(found.first?.otherUID == "1.9")
    }

    @Test(arguments: [
        (Tag.patientID, "2"), (.accessionNumber, "MC2"), (.studyDate, "20200103"), (.modalitiesInStudy, "MR"),
        (.accessionNumber, ""), (.issuerOfPatientID, "OTHER"), (.studyDate, "n/a"),
    ])
    func anythingElseIsAnotherExamination(_ tag: Tag, _ text: String) {
        let other = Self.examination.merging([tag: text]) { $1 }
        let copies = [Copy.of("a", uid: "1.1", Self.examination), Copy.of("b", uid: "1.2", other)]
        #expect(Reconciler().probableCopies(among: copies).isEmpty)
    }

    @Test(arguments: [(Tag.accessionNumber, ""), (.patientID, "0000"), (.patientID, "TEST"), (.patientID, "")])
    func placeholdersProveNothing(_ tag: Tag, _ text: String) {
        let same = Self.examination.merging([tag: text]) { $1 }
        let copies = [Copy.of("a", uid: "1.1", same), Copy.of("b", uid: "1.2", same)]
        #expect(Reconciler().probableCopies(among: copies).isEmpty)
    }

    @Test func copiesThatWereDatedADayApartOrCountedALittleDifferentlyStillMatch() {
        let one = Self.examination.merging([.numberOfStudyRelatedInstances: "100"]) { $1 }
        func found(_ date: String, _ images: String) -> Int {
            let other = one.merging([.studyDate: date, .numberOfStudyRelatedInstances: images]) { $1 }
            return Reconciler().probableCopies(among: [Copy.of("a", uid: "1.1", one), Copy.of("a", uid: "1.2", other)])
                .count
        }
        #expect(found("20200102", "100") == 1)
        #expect(found("20191231", "96") == 1)
        #expect(found("20200101", "94") == 0)
    }

    @Test func oneAccessionNumberForTwoPatientsIsReportedWithinItsIssuerOnly() {
        func found(_ other: Copy) -> [String] {
            summary(
                Reconciler().reusedAccessions(among: [
                    Copy.of("a", uid: "1.1", [.patientID: "1", .accessionNumber: "MC1", .patientName: "ADLER^OTTO"]),
                    other,
                ]))
        }
        #expect(
            found(Copy.of("b", uid: "1.2", [.patientID: "2", .accessionNumber: "MC1"])) == [
                "accession-reused major a,b"
            ])
        #expect(found(Copy.of("b", issuer: "C", uid: "1.2", [.patientID: "2", .accessionNumber: "MC1"])) == [])
        #expect(found(Copy.of("b", uid: "1.2", [.patientID: "001", .accessionNumber: "MC1"])) == [])
        #expect(found(Copy.of("b", uid: "1.2", [.patientID: "2", .accessionNumber: "MC2"])) == [])
    }

    @Test func onePersonWithTwoIDsHasNotReusedAnOrder() {
        let patient: [Tag: String] = [
            .accessionNumber: "MC1", .patientName: "ADLER^OTTO", .patientBirthDate: "19700101",
        ]
        let copies = ["1", "2"].map { Copy.of("a", uid: "1.\($0)", patient.merging([.patientID: $0]) { $1 }) }
        #expect(Reconciler().reusedAccessions(among: copies).isEmpty)
    }

    @Test func aKeyThatManyStudiesShareDoesNotMakeARowForEachTwo() {
        let copies = (1...100).map { Copy.of("a", uid: "1.\($0)", Self.examination) }
        #expect(Reconciler().probableCopies(among: copies).count == 99)
    }

    @Test func missingCopiesNameTheSourcesThatLackTheStudy() {
        let held = Copy.of("a", [.studyDate: "20200101"])
        let found = Reconciler.missingCopies([
            MissingCopy(held: held, target: "d", provenAt: "2026-11-24", confirmedAt: "2026-11-25"),
            MissingCopy(held: held, target: "b", provenAt: "2026-11-24", confirmedAt: "2026-11-25"),
        ])
        #expect(summary(found) == ["missing-copy major b,d"])
        #expect(found.first?.values.map(\.source) == ["a"])
    }
}
