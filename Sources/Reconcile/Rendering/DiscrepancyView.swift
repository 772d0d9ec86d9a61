import DICOM

/// One class of discrepancies as a table: a group of rows per study, one row per copy, one column per attribute.
struct ClassView {
    let id: String
    let title: String
    let meaning: String
    let total: String
    let shownRows: String
    let worst: String
    /// Only the worst classes are unfolded at first.
    let isOpen: Bool
    let columns: [String]
    let findings: [FindingView]

    static func all(of report: Report) -> [ClassView] {
        let classes = Dictionary(grouping: report.findings, by: \.discrepancy.discrepancyClass)
        let views = classes.map { discrepancyClass, findings in (ClassView(discrepancyClass, findings), findings) }
        return views.sorted { one, other in
            let (left, right) = (one.1[0].discrepancy, other.1[0].discrepancy)
            return (left.severity, left.discrepancyClass.rawValue) < (right.severity, right.discrepancyClass.rawValue)
        }.map(\.0)
    }

    private init(_ discrepancyClass: DiscrepancyClass, _ all: [Report.Finding]) {
        let shown = all.prefix(Report.rowsPerTable)
        let keywords = AttributeDictionary.observation.map(\.keyword).filter { keyword in
            shown.contains { $0.discrepancy.values.contains { $0.attributes[keyword] != nil } }
        }
        id = discrepancyClass.rawValue
        title = discrepancyClass.title
        meaning = discrepancyClass.meaning
        total = all.count.grouped
        shownRows = Page.shown(shown.count, of: all.count)
        let severity = all.map(\.discrepancy.severity).min() ?? .minor
        worst = severity.rawValue
        isOpen = severity <= .major
        columns = keywords.map(Self.heading)
        findings = shown.map { FindingView($0, keywords) }
    }

    /// `PatientBirthDate` as `Patient Birth Date`, `NumberOfStudyRelatedInstances` as `Images`.
    private static func heading(_ keyword: String) -> String {
        switch keyword {
        case "NumberOfStudyRelatedSeries": return "Series"
        case "NumberOfStudyRelatedInstances": return "Images"
        case "ModalitiesInStudy": return "Modalities"
        case "IssuerOfPatientID": return "Issuer sent"
        default: break
        }
        var words = ""
        var previous: Character = "A"
        for letter in keyword {
            if letter.isUppercase, previous.isLowercase { words.append(" ") }
            words.append(letter)
            previous = letter
        }
        return words
    }
}

struct FindingView {
    let severity: String
    let state: String?
    let uid: String
    let other: String?
    let witnesses: String
    let why: String
    let rows: [CopyRow]
    let span: Int

    init(_ finding: Report.Finding, _ keywords: [String]) {
        let row = finding.discrepancy
        severity = row.severity.rawValue
        state = finding.state == "open" ? nil : finding.state
        uid = row.studyUID
        other = row.otherUID
        witnesses = row.sources.joined(separator: " ")
        why = row.explanation
        span = row.values.count
        let usual = keywords.map { keyword in Self.usual(row.values.compactMap { $0.attributes[keyword] }) }
        rows = row.values.enumerated().map { index, copy in
            CopyRow(copy, keywords, usual, isFirst: index == 0, isWitness: row.sources.contains(copy.source))
        }
    }

    /// The value that most copies have; the first of several.
    private static func usual(_ values: [String]) -> String? {
        var counts: [String: Int] = [:]
        for value in values { counts[value, default: 0] += 1 }
        return values.max { (counts[$0] ?? 0) < (counts[$1] ?? 0) } ?? values.first
    }
}

struct CopyRow {
    let isFirst: Bool
    let copySource: String
    let isWitness: Bool
    let issuedBy: String
    let cells: [ValueCell]
    let times: String

    init(_ copy: FrozenCopy, _ keywords: [String], _ usual: [String?], isFirst: Bool, isWitness: Bool) {
        self.isFirst = isFirst
        self.isWitness = isWitness
        copySource = copy.source
        issuedBy = copy.issuer
        cells = zip(keywords, usual).map { keyword, usual in
            ValueCell(copy.attributes[keyword], usual: usual, isLossy: copy.lossy.contains(keyword))
        }
        let parts = [("seen", copy.firstSeen), ("changed", copy.changed)].filter { !$0.1.isEmpty }
        times = parts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}

struct ValueCell {
    let value: String
    /// A class of the style sheet: what is special about the value.
    let mark: String

    init(_ text: String?, usual: String?, isLossy: Bool) {
        switch text {
        case nil: (value, mark) = ("not returned", "absent")
        case "": (value, mark) = ("empty", "absent")
        case let text?: (value, mark) = (text, isLossy ? "lossy" : text == usual ? "" : "differs")
        }
    }
}
