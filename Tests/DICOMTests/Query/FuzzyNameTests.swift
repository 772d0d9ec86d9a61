import Testing

@testable import DICOM

/// What `fuzzymatching` means (F133, F144).
@Suite struct FuzzyNameTests {
    private func matches(_ text: String, _ name: String) throws -> Bool {
        let attribute = try #require(AttributeDictionary.attribute(.patientName))
        let key = try QueryKey(attribute, parsing: text, isFuzzy: true)
        var record = StudyRecord()
        record[.patientName] = name
        return key.matches(record) == .yes
    }

    @Test(arguments: [
        ("jo do", "Doe^John"), ("do jo", "Doe^John"), ("DOE", "Doe^John"), ("doe^jo", "DOE^JOHN"), ("d", "Doe^John"),
        ("maier", "Meyer^Anna"), ("maier ann", "Meyer^Anna"), ("ivanov", "Иванов^Иван"), ("Müller", "MUELLER"),
        ("muller", "Groß-Müller^Ü"), ("oneil", "O'Neil^Pat"), ("o'n", "ONEIL^Pat"), ("smith jones", "SMITH-JONES^A"),
        ("太郎", "YAMADA^TARO=山田^太郎"), ("yamada 太", "YAMADA^TARO=山田^太郎"), ("やまだ", "=ヤマダ^タロウ"),
        // As viewers send it, and what its text matches literally.
        ("*doe*", "Doe^John"), ("*oh*", "Doe^John"), ("d?e*", "Doe^John"), ("jo* do*", "Doe^John"),
    ]) func itFinds(text: String, name: String) throws {
        #expect(try matches(text, name))
    }

    @Test(arguments: [
        ("ohn", "Doe^John"), ("jo x", "Doe^John"), ("doe john x", "Doe^John"), ("田", "山田^太郎"), ("doe", ""),
        // Wildcards within words are meant: `d` and `e` are no words.
        ("d?e", "Doe^Ebert"), ("d*e", "Doe^Ebert^X"),
    ]) func itDoesNotFind(text: String, name: String) throws {
        #expect(try !matches(text, name))
    }

    @Test func aNameThatWasNotReturnedIsUnknown() throws {
        let attribute = try #require(AttributeDictionary.attribute(.patientName))
        #expect(try QueryKey(attribute, parsing: "jo", isFuzzy: true).matches(StudyRecord()) == .unknown)
    }

    @Test func onlyNamesMatchFuzzily() throws {
        let attribute = try #require(AttributeDictionary.attribute(.studyDescription))
        #expect(try QueryKey(attribute, parsing: "jo do", isFuzzy: true).match == .single("jo do"))
    }

    @Test(arguments: [
        ("doe^john", ["doe", "john"]), ("o'neil-smith, j.", ["oneil", "smith", "j"]), ("=山田^太郎", ["山田", "太郎"]),
        ("gross 2", ["gross", "2"]), ("^ =", []), ("иванов ибн2", ["иванов", "ибн2"]), ("มาลี", ["มาลี"]),
    ]) func wordsAreLettersAndDigits(text: String, words: [String]) {
        #expect(MatchingKey.words(in: text) == words)
    }

    /// PS3.5 has no limit that archives keep (F72), an index has.
    @Test func ofALongNameTheBeginningCounts() throws {
        let long = String(repeating: "山", count: 800)
        #expect(PersonName(long).matchingKey.unicodeScalars.count == 500)
        #expect(try matches(long + "A", long + "B"))
    }
}
