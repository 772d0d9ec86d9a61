import DICOM

/// Copies of studies, and questions about them with the answers that every catalog must give.
package struct SearchCase: Sendable, CustomStringConvertible {
    package let description: String
    package let copies: [SearchedCopy]
    let questions: [Question]

    struct Question: Sendable {
        var keys: [String: String]
        var isFuzzy = false
        var limit = 1_000
        var offset = 0
        var isRight: @Sendable (StudyAnswer) -> Bool
    }

    /// The questions that a catalog which holds the copies answers otherwise.
    package func failures(of catalog: any StudyCatalog) async throws -> [String] {
        var failures: [String] = []
        for question in questions {
            var query = StudyQuery()
            for (keyword, text) in question.keys.sorted(by: { $0.key < $1.key }) {
                guard let attribute = AttributeDictionary.attribute(keyword: keyword) else { continue }
                query.keys.append(try QueryKey(attribute, parsing: text, isFuzzy: question.isFuzzy))
            }
            query.limit = question.limit
            query.offset = question.offset
            let answer = try await catalog.search(query, within: .unrestricted)
            if !question.isRight(answer) {
                failures.append("\(SearchExercise.describe(query)): \(answer.uids) of \(answer.total)")
            }
        }
        return failures
    }

    package static let all = [
        likesOwnWildcardsAreLiteral, namesByAnyGroup, namesByTheirMiddle, fuzzyNames, differentPatients,
        doubtfulPatients, onePatientSpelledTwice, whatIsNotReturned, pages,
    ]
}

extension StudyAnswer {
    fileprivate var uids: [String] { studies.map(\.record.studyInstanceUID) }
}

extension SearchCase.Question {
    /// These studies, in this order.
    fileprivate init(_ keys: [String: String], finds uids: [String]) {
        self.init(keys: keys) { $0.uids == uids && $0.total == uids.count }
    }
}

extension SearchCase {
    private static func at(_ source: String, _ records: [StudyRecord]) -> [SearchedCopy] {
        records.map { SearchedCopy(source: source, record: $0) }
    }

    private static let likesOwnWildcardsAreLiteral = {
        let ids = ["A%", "A_", "A\\", "AB", "A\\%", "a%", "A", "A[B]", "A]"]
        return SearchCase(
            description: "what SQL would read as a wildcard is literal",
            copies: at("a", ids.enumerated().map { .sample("1.\($0)", [.patientID: $1]) }),
            questions: ids.enumerated().flatMap { position, id in
                [
                    Question(["PatientID": id], finds: ["1.\(position)"]),
                    Question(keys: ["PatientID": id + "*"]) { $0.uids.contains("1.\(position)") },
                ]
            } + [
                Question(["PatientID": "A?"], finds: ["1.0", "1.1", "1.2", "1.3", "1.8"]),
                Question(["PatientID": "*%"], finds: ["1.0", "1.4", "1.5"]),
                Question(["PatientID": "A[B*"], finds: ["1.7"]), Question(["PatientID": "*[*]"], finds: ["1.7"]),
                Question(["PatientID": "*]"], finds: ["1.7", "1.8"]),
            ])
    }()

    private static let names = at(
        "a",
        [
            .sample("1.1", [.patientName: "YAMADA^TARO=山田^太郎=やまだ^たろう"]), .sample("1.2", [.patientName: "Müller^Jörg"]),
            .sample("1.3", [.patientName: "MULLER"]), .sample("1.4", [.patientName: ""]),
        ])

    private static let namesByAnyGroup = SearchCase(
        description: "names are found by any group without case and accents", copies: names,
        questions: [
            Question(["PatientName": "山田*"], finds: ["1.1"]), Question(["PatientName": "ヤマダ^タロウ"], finds: ["1.1"]),
            Question(["PatientName": "yamada^taro"], finds: ["1.1"]),
            Question(["PatientName": "muller*"], finds: ["1.2", "1.3"]),
            Question(["PatientName": "MÜLLER"], finds: ["1.3"]),
        ])

    private static let namesByTheirMiddle = SearchCase(
        description: "names are found by their middle", copies: names,
        questions: [
            Question(["PatientName": "*ller*"], finds: ["1.2", "1.3"]),
            Question(["PatientName": "*JÖR*"], finds: ["1.2"]),
            Question(["PatientName": "*田^太*"], finds: ["1.1"]), Question(["PatientName": "*郎"], finds: ["1.1"]),
            Question(["PatientName": "*ull?r*"], finds: ["1.2", "1.3"]), Question(["PatientName": "*xyz*"], finds: []),
            Question(["PatientName": "?uller"], finds: ["1.3"]),
        ])

    /// F144.
    private static let fuzzyNames = SearchCase(
        description: "fuzzy names are found by the beginnings and sounds of their words",
        copies: at(
            "a",
            [
                .sample("1.1", [.patientName: "Doe^John"]), .sample("1.2", [.patientName: "DOE^JIM"]),
                .sample("1.3", [.patientName: "Иванов^Иван", .referringPhysicianName: "Meyer^Max"]),
                .sample("1.4", [.patientName: ""]),
            ]),
        questions: [
            ("PatientName", "jo do", ["1.1"]), ("PatientName", "ohn", []), ("PatientName", "Iwanow", ["1.3"]),
            ("PatientName", "d", ["1.1", "1.2"]), ("ReferringPhysicianName", "maier", ["1.3"]),
        ].map { keyword, text, uids in
            Question(keys: [keyword: text], isFuzzy: true) { $0.uids == uids && $0.total == uids.count }
        })

    /// Promise 5.
    private static let differentPatients = SearchCase(
        description: "copies that name different patients give one answer each",
        copies: at("a", [.sample("1.1")])
            + at(
                "b",
                [
                    .sample(
                        "1.1",
                        [
                            .patientName: "SCHMIDT^KARL", .patientID: "P2", .patientBirthDate: "19700101",
                            .accessionNumber: "A2",
                        ])
                ]),
        questions: [
            Question(keys: [:]) { both in
                both.total == 2 && both.studies.map(\.record.patientID) == ["P1", "P2"]
                    && both.studies.map(\.holders) == [["PACSA"], ["PACSB"]]
                    && both.studies.map(\.record.accessionNumber) == ["A1", "A2"]
            },
            Question(keys: ["PatientID": "P2"]) {
                $0.studies.map { $0.record.patientName?.alphabetic } == ["SCHMIDT^KARL"]
            },
            // No copy has this name together with that ID.
            Question(["PatientID": "P2", "PatientName": "MUELLER*"], finds: []),
        ])

    /// Names that differ are another patient's only together with the birth date, or with the ID of the same issuer.
    private static let doubtfulPatients = SearchCase(
        description: "a copy is another patient's only by name and birth date, or name and ID",
        copies: at("a", (1...4).map { .sample("1.\($0)") })
            + at("b", [.sample("1.1", [.patientName: "SCHMIDT^KARL", .patientID: "P9"])])
            + at(
                "c",
                [
                    .sample("1.2", [.patientName: "SCHMIDT^KARL", .patientID: "P9"]),
                    .sample("1.3", [.patientName: "SCHMIDT^KARL", .patientBirthDate: "19700101"]),
                    .sample("1.4", [.patientBirthDate: "19700101", .patientID: "P9"]),
                ]),
        questions: [("1.1", 2), ("1.2", 1), ("1.3", 2), ("1.4", 1)].map { uid, answers in
            Question(keys: ["StudyInstanceUID": uid]) { $0.total == answers }
        })

    private static let onePatientSpelledTwice = SearchCase(
        description: "copies that spell one patient differently give one answer with all holders",
        copies: at("a", [.sample("1.1", [.studyDescription: ""])])
            + at(
                "c", [.sample("1.1", [.patientName: "MUELLER^ANNE", .patientID: "X9", .studyDescription: "CT"])]),
        questions: [
            Question(keys: [:]) { all in
                all.total == 1 && all.studies.map(\.holders) == [["PACSA", "PACSC"]]
                    && all.studies.map(\.record[.studyDescription]) == ["CT"]
            },
            Question(keys: ["PatientName": "MUELLER^ANNE"]) { found in
                found.studies.map(\.record.patientID) == ["X9"]
                    && found.studies.map(\.record.issuerOfPatientID) == ["OTHER"]
            },
        ])

    private static let whatIsNotReturned = {
        let silent: [Tag: String?] = [.accessionNumber: nil]
        return SearchCase(
            description: "what a source does not return is undecided unless another copy knows",
            copies: at("a", [.sample("1.1", silent), .sample("1.2", silent)])
                + at("b", [.sample("1.2", [.accessionNumber: "A2"])]),
            questions: [
                Question(keys: ["AccessionNumber": "A1"]) { $0.uids == ["1.1"] && $0.undecidedSources == ["a"] },
                Question(keys: ["AccessionNumber": "A2"]) {
                    $0.uids == ["1.1", "1.2"] && $0.undecidedSources == ["a"]
                },
            ])
    }()

    /// F130, F134: study date and time, newest first, those without at the end, then the UID.
    private static let pages = {
        let records = (0..<30).map { number in
            StudyRecord.sample(
                "1.\(number)",
                [
                    .studyDate: number % 5 == 0 ? "" : "2020010\(number % 4 + 1)",
                    .studyTime: number % 3 == 0 ? "" : "1\(number % 2)0000",
                ])
        }
        let whole = records.sorted { $0.order < $1.order }.map(\.studyInstanceUID)
        return SearchCase(
            description: "pages follow one total order", copies: at("a", records),
            questions: [
                Question(keys: [:]) { $0.uids == whole && $0.total == 30 },
                Question(keys: [:], limit: 7) { $0.total == 30 },
                Question(keys: [:], limit: 7, offset: 30) { $0.studies.isEmpty },
                Question(keys: ["PatientID": "P1"], limit: 7) { $0.total == 30 },
            ]
                + stride(from: 0, to: 30, by: 7).map { offset in
                    Question(keys: [:], limit: 7, offset: offset) {
                        $0.uids == Array(whole.dropFirst(offset).prefix(7))
                    }
                })
    }()
}

extension StudyRecord {
    fileprivate var order: (Int, Int, String) {
        (-(studyDate?.daysSince1970 ?? -1_000_000), -(studyTime?.microseconds ?? -1), studyInstanceUID)
    }
}
