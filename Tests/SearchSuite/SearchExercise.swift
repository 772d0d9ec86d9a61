import DICOM

/// Random studies and queries full of what breaks search, from a seed; and what the reference matcher makes of them.
package struct SearchExercise {

    private var random: SplitMix

    package init(seed: UInt64) { random = SplitMix(seed: seed) }

    private static let texts = [
        "A", "A%", "A_B", "A\\B", "a", "A*", "AB", "B?", "", "A B", "Ä", "%", "_", "\\", "ABC", "'",
    ]
    private static let names = [
        "MUELLER^ANNA", "Müller^Anna", "MULLER", "YAMADA^TARO=山田^太郎=やまだ^たろう", "=山田^花子", "", "O'NEIL^J_K", "A%^B",
        "a\\b", "MAIER-SMITH^JO", "Иванов^Иван", "IWANOW^IVAN", "Müller^Jörg=山本^山田", "김^희중", "KIM^HEEJUNG=金^希中=김^희중",
        "Schmidt^Anna Maria^^Dr.", "ΠΑΠΑΔΟΠΟΥΛΟΣ^Γ", "==タナカ", "Ndiaye", "山", "山本^田中",
    ]
    /// What people type, some of it only the middle of a name.
    private static let typed = [
        "山田", "田^太", "muller^anna", "ヤマダ", "jo ma", "ohn", "ann", "schmitt", "иван", "ivanov", "o'n", "田", "희중", "ull",
        "ier-s", "anna mar", "παπα", "an", "^", "=", "k", "タナ", "山本 jorg", "dr", "neil k", "*山*田*",
    ]
    private static let dates = ["20200101", "20200102", "2020.01.03", "20211231", "", "20201345", "00010101"]
    private static let times = ["10", "1011", "101112.5", "", "240000", "235959.999999", "00:00"]
    private static let modalities = ["CT", "CT\\MR", "ct/us", "", "MR", "X_"]
    private static let numbers = ["0", "4", "+4", "004", "", "x", "12"]

    private mutating func one(_ values: [String]) -> String { values.randomElement(using: &random) ?? "" }

    package mutating func copies(studies: Int) -> [SearchedCopy] {
        (0..<studies).flatMap { number -> [SearchedCopy] in
            // Of a third of the studies all copies are alike.
            let alike = Int.random(in: 0..<3, using: &random) == 0 ? record("1.2.\(number)") : nil
            return ["a", "b", "c"].filter { _ in Bool.random(using: &random) }.map {
                SearchedCopy(source: $0, record: alike ?? record("1.2.\(number)"))
            }
        }
    }

    private mutating func record(_ uid: String) -> StudyRecord {
        let values: [(DICOM.Tag, [String])] = [
            (.patientID, Self.texts), (.issuerOfPatientID, ["", "HOSP", "X%"]), (.patientName, Self.names),
            (.patientBirthDate, Self.dates), (.patientSex, ["F", "M", ""]), (.studyDate, Self.dates),
            (.studyTime, Self.times),
            (.accessionNumber, Self.texts), (.studyID, Self.texts), (.studyDescription, Self.texts),
            (.referringPhysicianName, Self.names), (.modalitiesInStudy, Self.modalities),
            (.numberOfStudyRelatedSeries, Self.numbers), (.numberOfStudyRelatedInstances, Self.numbers),
        ]
        var changes: [DICOM.Tag: String?] = [:]
        var lossy: [DICOM.Tag] = []
        for (tag, texts) in values {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: changes[tag] = .some(nil)
            case 1:
                changes[tag] = one(texts) + "\u{FFFD}"
                lossy.append(tag)
            default: changes[tag] = one(texts)
            }
        }
        return StudyRecord(texts: StudyRecord.sample(uid, changes).texts, lossy: lossy)
    }

    package mutating func query() -> StudyQuery {
        var query = StudyQuery()
        query.limit = 10_000
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let keyword = one([
                "PatientID", "PatientName", "AccessionNumber", "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyID",
                "PatientSex",
                "StudyInstanceUID", "PatientBirthDate", "IssuerOfPatientID", "NumberOfStudyRelatedSeries",
                "ReferringPhysicianName",
                "StudyDescription", "NumberOfStudyRelatedInstances", "SeriesDescription",
            ])
            query.keys += key(keyword)
        }
        return query
    }

    /// Names alone: together with other keys few queries have an answer.
    package mutating func nameQuery() -> StudyQuery {
        var query = StudyQuery()
        query.limit = 10_000
        query.keys = key(one(["PatientName", "PatientName", "ReferringPhysicianName"]))
        return query
    }

    private mutating func key(_ keyword: String) -> [QueryKey] {
        let isFuzzy = Int.random(in: 0..<3, using: &random) == 0
        guard let attribute = AttributeDictionary.attribute(keyword: keyword),
            let key = try? QueryKey(attribute, parsing: value(for: keyword), isFuzzy: isFuzzy)
        else { return [] }
        return [key]
    }

    private mutating func value(for keyword: String) -> String {
        switch keyword {
        case "StudyInstanceUID":
            (0..<4).map { _ in "1.2.\(Int.random(in: 0..<130, using: &random))" }.joined(separator: "\\")
        case "PatientName", "ReferringPhysicianName": name()
        case "StudyDate", "PatientBirthDate":
            one(["20200101", "20200101-20200102", "-20200102", "20200103-", "20190101-20221231"])
        case "StudyTime": one(["10", "1000-1100", "-1200", "235959-", "101112.5"])
        case "ModalitiesInStudy": one(["CT", "CT\\US", "M*", "*", "X_", "?T"])
        case "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances": one(["0", "4", "12", "7"])
        case "PatientSex": one(["F", "M", "O"])
        default: pattern(one(Self.texts + ["HOSP", "OTHER"]))
        }
    }

    /// What people ask of names: infixes as viewers send them (F124), beginnings of any group, wildcards anywhere.
    private mutating func name() -> String {
        let text = one(Self.names + Self.typed)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return "*" + text + "*"
        case 1: return "*" + part(of: text, from: nil) + "*"
        case 2:
            let groups = text.utf8.split(separator: 0x3D).map { String(Substring($0)) }
            return part(of: one(groups), from: 0) + "*"
        case 3: return part(of: text, from: nil) + "*" + part(of: text, from: nil) + "*"
        default: return pattern(text)
        }
    }

    private mutating func part(of text: String, from: Int?) -> String {
        let scalars = Array(text.unicodeScalars)
        let from = from ?? Int.random(in: 0...scalars.count, using: &random)
        let to = Int.random(in: from...scalars.count, using: &random)
        return String(String.UnicodeScalarView(scalars[from..<to]))
    }

    /// The text, or the text with a wildcard somewhere.
    private mutating func pattern(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let place = Int.random(in: 0...scalars.count, using: &random)
            if Bool.random(using: &random) || place == scalars.count {
                scalars.insert("*", at: place)
            } else {
                scalars[place] = "?"
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    // MARK: Comparison

    /// What a catalog of which these copies may be seen answers otherwise than the reference matcher, to so many random queries.
    package mutating func disagreements(
        of catalog: any StudyCatalog, with copies: [SearchedCopy], within visibility: Visibility = .unrestricted,
        queries: Int
    ) async throws -> [String] {
        var disagreements: [String] = []
        for number in 0..<queries {
            let query = number % 2 == 0 ? query() : nameQuery()
            let answer = try await catalog.search(query, within: visibility)
            let expected = Self.reference(query, copies)
            let uids = answer.studies.map(\.record.studyInstanceUID)
            var isRight = Set(uids) == Set(expected.keys) && answer.total == uids.count
            for study in answer.studies {
                // The patient group is that of one observation which matches.
                let patient = Self.patient(study.record)
                let matching = expected[study.record.studyInstanceUID] ?? []
                isRight = isRight && matching.contains { Self.patient($0) == patient }
            }
            if number % 10 == 0 {
                let paged = try await Self.byPages(of: 1 + number % 7, query, catalog, within: visibility)
                isRight = isRight && paged == answer.studies
            }
            if !isRight { disagreements.append(Self.describe(query)) }
        }
        return disagreements
    }

    /// All that a catalog answers, page by page, each begun where the one before has ended.
    package static func byPages(
        of limit: Int, _ query: StudyQuery, _ catalog: any StudyCatalog, within visibility: Visibility = .unrestricted
    ) async throws -> [CatalogStudy] {
        var (query, studies) = (query, [CatalogStudy]())
        query.limit = limit
        while true {
            let page = try await catalog.search(query, within: visibility)
            studies += page.studies
            guard let end = page.end, end != query.after else { return studies }
            query.after = end
            query.offset += page.studies.count
        }
    }

    // MARK: Reference

    /// The studies that an answer must name, each with its observations that match.
    package static func reference(_ query: StudyQuery, _ copies: [SearchedCopy]) -> [String: [StudyRecord]] {
        var found: [String: [StudyRecord]] = [:]
        for (uid, copies) in Dictionary(grouping: copies, by: \.record.studyInstanceUID) {
            let records = copies.map(effective)
            let matching = records.filter { record in
                query.keys.allSatisfy { key in
                    switch key.matches(record) {
                    case .yes: true
                    case .no: false
                    case .unknown: !records.contains { key.matches($0) == .no }
                    }
                }
            }
            if !matching.isEmpty { found[uid] = matching }
        }
        return found
    }

    /// With the source's issuer where it sent none.
    private static func effective(_ copy: SearchedCopy) -> StudyRecord {
        var record = copy.record
        record[.issuerOfPatientID] = copy.issuer
        return record
    }

    static func patient(_ record: StudyRecord) -> [String?] {
        [DICOM.Tag.patientID, .issuerOfPatientID, .patientName, .patientBirthDate, .patientSex].map { record[$0] }
    }

    package static func describe(_ query: StudyQuery) -> String {
        query.keys.map { "\($0.attribute.keyword) \($0.match)" }.joined(separator: ", ")
    }
}
