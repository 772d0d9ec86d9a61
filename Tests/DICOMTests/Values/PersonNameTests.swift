import Testing

@testable import DICOM

@Suite struct PersonNameTests {
    @Test func groupsAndComponents() {
        let name = PersonName("Adams^John Robert Quincy^^Rev.^B.A. M.Div.=山田^太郎=やまだ")
        #expect(name.alphabetic == "Adams^John Robert Quincy^^Rev.^B.A. M.Div.")
        #expect(name.components == ["Adams", "John Robert Quincy", "", "Rev.", "B.A. M.Div."])
        #expect(name.ideographic == "山田^太郎" && name.phonetic == "やまだ")
        #expect(PersonName("=山田^太郎").components == ["山田", "太郎"])
        #expect(PersonName("a=b=c=d").encoded == "a=b=c=d")
    }

    @Test(arguments: [
        ("SMITH^JOHN^^^", "SMITH^JOHN"), (" SMITH ^ JOHN ", "SMITH^JOHN"), ("SMITH^JOHN=^=^", "SMITH^JOHN"),
        ("^^^^", ""), ("   ", ""), ("=山田^太郎 =", "=山田^太郎"), ("A^^B", "A^^B"), ("^JOHN", "^JOHN"),
        ("A^B^C^D^E^F", "A^B^C^D^E^F"), ("Smith, John", "Smith, John"), ("= =", ""),
    ])
    func canonicalForm(written: String, canonical: String) {
        #expect(PersonName(written).canonical == canonical)
    }

    @Test(arguments: [
        ("SMITH^JOHN", "Smith^John^^"), ("MÜLLER^JÖRG", "Muller^Jorg"), ("Groß", "GROSS"), ("ŁUKASZ", "Lukasz"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "やまだ^たろう"), ("ヤマダ", "やまだ"), ("ＹＡＭＡＤＡ", "yamada"), ("Семён", "СЕМЕН"),
        ("Διονύσιος", "ΔΙΟΝΥΣΙΟΣ"), ("김희중", "김희중"), ("أحمد", "احمد"), ("İstanbul", "istanbul"),
    ])
    func sameKey(one: String, other: String) {
        #expect(PersonName(one).matchingKey == PersonName(other).matchingKey)
    }

    @Test(arguments: [
        ("がく", "かく"), ("Андрей", "Андреи"), ("王", "玉"), ("Smith", "Smyth"), ("Jones^A", "Jones"),
        ("มา", "มี"),
    ])
    func anotherKey(one: String, other: String) {
        #expect(PersonName(one).matchingKey != PersonName(other).matchingKey)
    }

    @Test func lettersFoldAsWholeTextsDo() {
        for value in UInt32(0x80)..<0x3100 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = "A" + String(scalar) + "ЯА"
            if let folded = MatchingKey.foldedByLetter(text) { #expect(folded == MatchingKey.normalised(text)) }
        }
        #expect(MatchingKey.foldedByLetter("山田^太郎=やまだ홍길동 Müller Иванов") != nil)
        #expect(MatchingKey.foldedByLetter("ﾔﾏﾀﾞ") == nil)
    }
}
