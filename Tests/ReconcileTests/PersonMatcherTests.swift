import DICOM
import PACSSimulator
import Testing

@testable import Reconcile

/// What the matcher makes of a few patients among hundreds of others, and of thousands.
struct PersonMatcherTests {
    private static func patient(
        _ name: String, _ birthDate: String = "19610512", _ sex: String = "F", issuer: String = "X", id: String = "1"
    ) -> PatientIdentity {
        PatientIdentity(issuer: issuer, patientID: id, name: name, birthDate: birthDate, sex: sex)
    }

    /// Among whom the patients of each test are: what is usual is learned from these.
    private static let others = Enterprise(seed: 7, studies: 400).namedPatients.identities

    /// Links and persons of these patients, by their positions.
    private func match(_ patients: [PatientIdentity]) -> (links: [PersonLink], persons: [[Int]]) {
        let found = PersonMatcher(patients + Self.others)
        return (
            found.links.filter { $0.right < patients.count },
            found.persons.map { $0.filter { $0 < patients.count } }.filter { $0.count > 1 }
        )
    }

    /// The link of two patients, whose issuers differ.
    private func link(_ one: PatientIdentity, _ other: PatientIdentity) -> PersonLink? {
        var other = other
        other.issuer = "Y"
        return match([one, other]).links.first
    }

    @Test func oneNameInTwoFormsIsProbablyOneHuman() {
        let forms = [
            ("MUELLER^ANNA", "Müller^Anna"), ("Tremblay^Marie-Claire", "TREMBLAY^MARIE CLAIRE"),
            ("SMITH^JOHN", "JOHN^SMITH"), ("Schneider^Katharina", "Schneider^Kathrina"),
            ("van den Berg^Piet", "VANDENBERG^PIET"), ("Lopez^Ana^Maria", "Lopez^Ana"),
            ("TAYLOR, ROBERT", "Taylor^Robert"), ("MARY JONES", "Jones^Mary"), ("Ivanov^Sergej", "Иванов^Сергей"),
            ("Papadopoulos^Nikos", "Παπαδόπουλος^Νίκος"), ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田^太郎"),
            ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダ^タロウ"), ("Yamada^Tarou", "=山田^太郎=やまだ^たろう"),
            ("Hong^Gildong=洪^吉童=홍^길동", "홍^길동"), ("Dr. Weber^Eva", "Weber^Eva"),
        ]
        // Of a birth date of their own each.
        let patients = forms.enumerated().flatMap { number, form in
            [
                Self.patient(form.0, "\(1931 + number)0407", issuer: "X", id: "\(number)"),
                Self.patient(form.1, "\(1931 + number)0407", issuer: "Y", id: "\(number)"),
            ]
        }
        let persons = match(patients).persons
        for (number, form) in forms.enumerated() {
            #expect(persons.contains([2 * number, 2 * number + 1]), "\(form)")
        }
        #expect(persons.count == forms.count)
    }

    @Test(arguments: ["19610521", "19611205", "1961.05.12"])
    func aSlipInTheBirthDateIsForgiven(date: String) {
        let found = link(Self.patient("Nowak^Agnieszka"), Self.patient("Nowak^Agnieszka", date))
        #expect(found?.evidence.first { $0.comparison == "birth date" }?.agreement ?? .missing <= .typo)
    }

    @Test(arguments: [
        ("Weber^Eva", "19610512", "Schmid^Eva", "19610512"), ("Weber^Eva", "19610512", "Weber^Eva", "19880201"),
        ("Yamada^Tarou=山田^太郎", "19610512", "Yamada^Jirou=山田^二郎", "19730622"), ("", "19610512", "", "19610512"),
        ("?????^????", "19610512", "?????^????", "19610512"),
    ])
    func othersAreNotLinkedProbably(one: String, date: String, other: String, otherDate: String) {
        #expect(link(Self.patient(one, date), Self.patient(other, otherDate))?.grade != .probable)
    }

    @Test func oneNumberSaysSomethingOnlyWithinItsIssuer() throws {
        let one = Self.patient("Weber^Eva", issuer: "X", id: "4711")
        #expect(match([one, Self.patient("Klein^Rosa", "19340101", issuer: "Y", id: "4711")]).links.isEmpty)
        let found = match([one, Self.patient("Weber^Eva", "", issuer: "x ", id: "04711")])
        #expect(found.persons == [[0, 1]])
        #expect(try #require(found.links.first).evidence.contains { $0.comparison == "patient ID" && $0.bits > 10 })
    }

    @Test(arguments: [
        ("UNKNOWN^TRAUMA", "19610512"), ("SMITH^BABY BOY", "20250101"), ("Weber^Eva", "19000101"),
    ])
    func placeholdersAreNoEvidence(name: String, date: String) {
        let one = Self.patient(name, date, issuer: "X", id: "0")
        #expect(match([one, Self.patient(name, date, issuer: "Y", id: "0")]).persons.isEmpty)
        #expect(match([one, Self.patient(name, date, "", issuer: "X", id: "000")]).persons.isEmpty)
    }

    @Test func twinsAreNotJoined() {
        let adam = Self.patient("Przybylski^Adam", "20190303"), bartosz = Self.patient("Przybylski^Bartosz", "20190303")
        let twins = link(adam, bartosz)
        #expect(twins?.grade == .review)
        #expect(twins?.caution == "twins")
        // One ID: a name was corrected.
        #expect(match([adam, bartosz]).links.first?.caution == nil)
    }

    @Test func fatherAndSonAreNotJoined() {
        #expect(link(Self.patient("Weber^Eva^^^Jr"), Self.patient("Weber^Eva^^^Sr"))?.caution == "generations")
        #expect(link(Self.patient("Weber^Hans II"), Self.patient("Weber^Hans III"))?.caution == "generations")
        #expect(link(Self.patient("Weber^Hans II"), Self.patient("Weber^Hans"))?.grade == .probable)
    }

    /// The second has the ID of one twin and the name of the other: it goes to one of them, and joins nobody to the other.
    @Test func weakChainsDoNotJoin() {
        let found = match([
            Self.patient("Przybylski^Adam", "20190303", issuer: "X"),
            Self.patient("Przybylski^Antoni", "20190303", issuer: "X"),
            Self.patient("Przybylski^Antoni", "20190303", issuer: "Y"),
        ])
        #expect(found.persons.count == 1)
        #expect(found.persons.first?.count == 2)
        #expect(found.links.count { $0.caution == "others of the person contradict" } == 1)
    }

    @Test func theEvidenceAndThePriorAreTheWeight() throws {
        let enterprise = Enterprise(seed: 4, studies: 500).namedPatients
        let found = PersonMatcher(enterprise.identities)
        let priors = found.links.map { link in link.weight - link.evidence.reduce(0) { $0 + $1.bits } }
        let first = try #require(priors.first)
        #expect(priors.allSatisfy { abs($0 - first) < 1e-6 } && first < -8)
    }

    @Test func theOrderOfArrivalChangesNothing() {
        let enterprise = Enterprise(seed: 5, studies: 600).namedPatients
        let identities = enterprise.identities
        func outcome(_ identities: [PatientIdentity]) -> (
            links: Set<Set<PatientIdentity>>, persons: Set<Set<PatientIdentity>>
        ) {
            let found = PersonMatcher(identities)
            return (
                Set(found.links.filter { $0.grade == .probable }.map { [identities[$0.left], identities[$0.right]] }),
                Set(found.persons.map { Set($0.map { identities[$0] }) })
            )
        }
        let expected = outcome(identities)
        var random = SplitMix64(seed: 9)
        for _ in 0..<3 {
            let shuffled = outcome(identities.shuffled(using: &random))
            #expect(shuffled == expected)
        }
        #expect(expected.persons.count > 100)
    }

    /// The simulator knows whom each copy names, and has no part in these rules: precision of what is called probable.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func whatIsProbableIsTrue(seed: UInt64) {
        let enterprise = Enterprise(seed: seed, studies: 3_000).namedPatients
        let found = PersonMatcher(enterprise.identities)
        let probable = found.links.filter { $0.grade == .probable }
        let right = probable.count { enterprise.people[$0.left] == enterprise.people[$0.right] }
        #expect(Double(right) >= 0.999 * Double(probable.count))
        let pairsOfOneHuman = Dictionary(grouping: enterprise.people) { $0 }.values
            .reduce(0) { $0 + $1.count * ($1.count - 1) / 2 }
        #expect(Double(right) >= 0.78 * Double(pairsOfOneHuman))
        let joined = found.persons.flatMap { person in
            person.indices.flatMap { one in person[(one + 1)...].map { (person[one], $0) } }
        }
        #expect(
            Double(joined.count { enterprise.people[$0.0] == enterprise.people[$0.1] }) >= 0.999 * Double(joined.count))
    }
}
