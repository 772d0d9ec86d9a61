import DICOM
import Testing

import struct DICOM.Tag

@testable import Reconcile

struct PatientRulesTests {
    @Test(arguments: [
        ("SMITH^JOHN", "Smith^John"), ("SMITH^JOHN", "SMITH^JOHN^^"), ("SMITH^JOHN", "SMITH ^ JOHN"),
        ("MÜLLER^JÜRGEN", "MULLER^JURGEN"), ("VAN DER BERG^EVA", "VANDERBERG^EVA"),
    ])
    func caseAccentsSpacesAndEmptyComponentsAreCosmetic(_ one: String, _ other: String) {
        #expect(summary(rows(.patientName, one, other)) == ["patient-name-mismatch cosmetic a,b"])
    }

    @Test(arguments: [
        ("SMITH^JOHN", "SMITH^JANE"), ("王^小东", "王^小平"), ("LI^NA=李^娜", "LI^NA=丽^娜"), ("Müller^Jürgen", "Möller^Jürgen"),
    ])
    func anotherNameIsMajor(_ one: String, _ other: String) {
        #expect(summary(rows(.patientName, one, other)) == ["patient-name-mismatch major a,b"])
    }

    @Test(arguments: [
        ("YAMADA^TARO=山田^太郎=やまだ^たろう", "YAMADA^TARO=^=^"), ("YAMADA^TARO=山田^太郎", "YAMADA^TARO"),
        ("YAMADA^TARO=山田^太郎", "YAMADA^TARO=??^??"), ("Иванова^Анна", "^"), ("Иванова^Анна", "???????^????"),
        ("NGUYEN^VAN AN=Nguyễn^Văn An", "NGUYEN^VAN AN=Nguyn^Vn An"), ("Müller^Jürgen", "Mller^Jrgen"),
        ("Müller^Jürgen", "M??ller^J??rgen"), ("SMITH^JOHN", ""), ("山田^太郎", "YAMADA^TARO=山田^太郎"),
    ])
    func whatACharacterSetLostIsNoEvidence(_ one: String, _ other: String) {
        #expect(rows(.patientName, one, other).allSatisfy { $0.discrepancyClass == .characterSet })
    }

    @Test func aLossyNameIsNoWitnessBesideARealDifference() {
        #expect(
            summary(rows(.patientName, "Müller^Eva", "M?ller^Eva", "SCHMIDT^UTE", "Mller^Eva"))
                == ["patient-name-mismatch major a,c", "character-set-difference cosmetic b,d"])
    }

    @Test func aNameFlaggedAsLossyIsNoWitness() {
        let copies = [
            Copy.of("a", [.patientName: "SMITH^JOHN"]), Copy.of("b", lossy: [.patientName], [.patientName: "SMITH^J"]),
        ]
        #expect(Reconciler().discrepancies(of: copies).isEmpty)
    }

    @Test func twoPeopleUnderOneUIDIsOneCriticalRow() throws {
        let found = Reconciler().discrepancies(of: [
            Copy.of("b", [.patientName: "ZORN^EVA", .patientBirthDate: "19010101", .patientID: "2", .patientSex: "F"]),
            Copy.of(
                "a", [.patientName: "ADLER^OTTO", .patientBirthDate: "19700101", .patientID: "1", .patientSex: "M"]),
            Copy.of("c", [.patientID: "1"]),
        ])
        #expect(summary(found) == ["different-patients critical a,b"])
        let row = try #require(found.first)
        #expect(row.values.map(\.source) == ["a", "b", "c"])
        #expect(row.values[0].attributes["PatientName"] == "ADLER^OTTO")
        #expect(row.values[2].attributes["PatientName"] == nil)
    }

    @Test func birthDatesAloneTellPeopleApartAcrossIssuers() {
        let found = Reconciler().discrepancies(of: [
            Copy.of("a", issuer: "A", [.patientName: "ADLER^OTTO", .patientBirthDate: "19700101", .patientID: "1"]),
            Copy.of("b", issuer: "B", [.patientName: "ZORN^EVA", .patientBirthDate: "19710101", .patientID: "2"]),
        ])
        #expect(summary(found) == ["different-patients critical a,b"])
    }

    @Test func anotherNameWithEqualBirthDateIsNoOtherPerson() {
        let found = Reconciler().discrepancies(of: [
            Copy.of("a", [.patientName: "ADLER^EVA", .patientBirthDate: "19700101", .patientID: "1"]),
            Copy.of("b", [.patientName: "ZORN^UTE", .patientBirthDate: "1970.01.01", .patientID: "1"]),
        ])
        #expect(summary(found) == ["patient-name-mismatch major a,b"])
    }

    @Test func placeholdersDoNotProveAnotherPerson() {
        let found = Reconciler().discrepancies(of: [
            Copy.of("a", [.patientName: "UNKNOWN^TRAUMA", .patientBirthDate: "19500505", .patientID: "1"]),
            Copy.of("b", [.patientName: "ZORN^EVA", .patientBirthDate: "19700101", .patientID: "2"]),
        ])
        #expect(
            summary(found) == [
                "birth-date-mismatch major a,b", "patient-id-mismatch major a,b", "patient-name-mismatch major a,b",
            ])
    }

    @Test func birthDatesAreComparedAsDates() {
        #expect(summary(rows(.patientBirthDate, "19700101", "19700102")) == ["birth-date-mismatch major a,b"])
        #expect(rows(.patientBirthDate, "19700101", "1970-01-01", "").isEmpty)
    }

    @Test(arguments: [
        (["M", "F"], "major"), (["M", "O"], "minor"), (["m", "M"], "cosmetic"), (["M", "F", "O"], "major"),
    ])
    func sexesAreGraded(_ texts: [String], _ severity: String) {
        let copies = zip(["a", "b", "c"], texts).map { Copy.of($0, [.patientSex: $1]) }
        let sources = copies.map(\.source).joined(separator: ",")
        #expect(summary(Reconciler().discrepancies(of: copies)) == ["sex-mismatch \(severity) \(sources)"])
    }

    @Test func patientIDsAreComparedWithinTheirIssuer() {
        let one = Copy.of("a", issuer: "A", [.patientID: "A1"])
        let other = Copy.of("b", issuer: "B", [.patientID: "B7"])
        #expect(Reconciler().discrepancies(of: [one, other]).isEmpty)
        let third = Copy.of("c", issuer: "A", [.patientID: "A2"])
        #expect(summary(Reconciler().discrepancies(of: [one, other, third])) == ["patient-id-mismatch major a,c"])
        let lower = Copy.of("d", issuer: "A", [.patientID: "a1"])
        #expect(summary(Reconciler().discrepancies(of: [one, other, lower])) == ["patient-id-mismatch cosmetic a,d"])
    }

    @Test func aSentIssuerOverridesTheSources() {
        let one = Copy.of("a", issuer: "A", [.patientID: "1", .issuerOfPatientID: "A"])
        let other = Copy.of("b", issuer: "A", [.patientID: "2", .issuerOfPatientID: "LEGACY"])
        #expect(Reconciler().discrepancies(of: [one, other]).isEmpty)
    }

    @Test func oneIDSentUnderTwoIssuersIsAnIssuerMismatch() {
        let copies = [
            Copy.of("a", issuer: "A", [.patientID: "1", .issuerOfPatientID: "A"]),
            Copy.of("b", issuer: "A", [.patientID: "1", .issuerOfPatientID: "LEGACY"]),
            Copy.of("c", issuer: "C", [.patientID: "1"]),
        ]
        #expect(summary(Reconciler().discrepancies(of: copies)) == ["issuer-mismatch minor a,b"])
        #expect(Reconciler().discrepancies(of: Array(copies.dropFirst())).isEmpty)
    }

    @Test func theOrderOfCopiesDoesNotMatter() {
        let copies = [
            Copy.of("a", [.patientName: "ADLER^OTTO", .patientID: "1"]),
            Copy.of("b", [.patientName: "Adler^Otto", .patientID: "2"]), Copy.of("c", [.patientName: "A?LER^OTTO"]),
        ]
        #expect(Reconciler().discrepancies(of: copies) == Reconciler().discrepancies(of: copies.reversed()))
    }
}
