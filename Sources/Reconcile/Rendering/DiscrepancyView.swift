import DICOM

/// One class of discrepancies as a table: a group of rows per study, one row per copy, one column per attribute.
struct ClassView {
    let id: String
    let title: String
    let meaning: String
    let advice: String
    let bySeverity: String
    let shownRows: String
    let worst: String
    /// Only the worst classes are unfolded at first.
    let isOpen: Bool
    let columns: [String]
    let showsTimes: Bool
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
        advice = discrepancyClass.advice
        shownRows = Page.shown(shown.count, of: all.count)
        let severities = Dictionary(grouping: all, by: \.discrepancy.severity).sorted { $0.key < $1.key }
        bySeverity = severities.map { "\($1.count.grouped) \($0.rawValue)" }.joined(separator: " · ")
        let severity = severities.first?.key ?? .minor
        worst = severity.rawValue
        isOpen = severity <= .major
        columns = keywords.map(Self.heading)
        let showsTimes = shown.contains { $0.discrepancy.values.contains { !($0.firstSeen + $0.changed).isEmpty } }
        self.showsTimes = showsTimes
        findings = shown.map { FindingView($0, keywords, showsTimes: showsTimes) }
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
