import Testing

@testable import DICOM

@Suite struct SoundCodeTests {
    private func soundAlike(_ one: String, _ other: String) -> Bool {
        let codes = SoundCode.codes(of: MatchingKey.folded(one))
        return SoundCode.codes(of: MatchingKey.folded(other)).contains(where: codes.contains)
    }

    @Test(arguments: [
        ("Meyer", "Maier"), ("Meier", "Mayr"), ("Müller", "Mueller"), ("Schmidt", "Schmitt"), ("Schmidt", "Smith"),
        ("Braun", "Brown"), ("Carl", "Karl"), ("Philipp", "Filip"), ("Stephen", "Steven"), ("Katherine", "Catherine"),
        ("George", "Jorge"), ("Yusuf", "Youssef"), ("Joseph", "Yusuf"), ("Mohammed", "Muhamad"), ("Hussein", "Hussain"),
        ("Ivanov", "Iwanow"), ("Petroff", "Petrov"), ("Kowalski", "Kovalsky"), ("Чернов", "Tschernow"),
        ("Černov", "Chernov"), ("Иванов", "Ivanov"), ("Kovács", "Kovač"), ("Χρήστος", "Christos"),
        ("McDonald", "MacDonald"), ("Hernandez", "Ernandes"), ("Schwarz", "Shvarts"), ("Moore", "Moor"),
        ("Anders", "Anderz"), ("Brandt", "Brand"), ("Wright", "Writ"),
    ]) func differentSpellingsSoundAlike(one: String, other: String) {
        #expect(soundAlike(one, other), "\(SoundCode.codes(of: MatchingKey.folded(one)))")
    }

    @Test(arguments: [
        ("Meyer", "Maria"), ("Meyer", "Mueller"), ("Schmidt", "Schneider"), ("Johnson", "Jackson"), ("Peter", "Petra"),
        ("Karl", "Karla"), ("Bauer", "Breuer"), ("Weber", "Wagner"), ("Smith", "Simmons"),
    ]) func differentNamesDoNot(one: String, other: String) {
        #expect(!soundAlike(one, other))
    }

    /// Too many would sound like them.
    @Test(arguments: ["Lee", "Wu", "Anna", "", "a", "山田", "やまだ", "محمد", "4711", "o1"])
    func shortWordsAndOtherScriptsHaveNoCode(word: String) {
        #expect(SoundCode.codes(of: MatchingKey.folded(word)).isEmpty)
    }

    @Test func whatIsReadInOneWayHasOneCode() {
        #expect(SoundCode.codes(of: "muller") == ["MALAR"])
        #expect(SoundCode.codes(of: "chernov") == ["KARNAF", "SARNAF"])
        #expect(SoundCode.codes(of: "john") == ["SAN"])
    }
}
