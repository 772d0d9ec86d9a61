import Mustache

extension Report {
    /// One page that needs nothing else: styles and a little script inside, no request to anywhere, for which its content
    /// security policy vouches. It shows at most `rowsPerTable` rows of each table and says so; the CSV files hold all.
    package func html() throws -> String {
        MustacheContentTypes.register(PageText(), named: PageText.name)
        let template = try MustacheTemplate(string: String(decoding: PackageResources.report_mustache, as: UTF8.self))
        return template.render(Page(self))
    }

    static let rowsPerTable = 100
    /// What the policy allows to run; a test holds it to the script.
    static let scriptHash = "BpmAl1umFTQE6R3m9krbh1XzajRfxSMVup/b2jMnN/s="
}

/// What the template sees: text and flags only.
struct Page {
    let style = String(decoding: PackageResources.report_css, as: UTF8.self)
    let script = String(decoding: PackageResources.report_js, as: UTF8.self)
    let scriptHash = Report.scriptHash
    let generatedAt: String
    let watermark: String
    let caveats: [String]
    let figures: [Figure]
    let sources: [SourceRow]
    let matrix: MatrixView
    let combinations: [CombinationRow]
    let duplicates: [DuplicateRow]
    let duplicatesShown: String
    let hasDuplicates: Bool
    let severities: [SeverityFilter]
    let sourceNames: [String]
    let classes: [ClassView]
    let hasFindings: Bool
    let coverage: CoverageView
    let chart: TrendChart
    let changes: [ChangeRow]
    let hasChanges: Bool
    let changesSince: String
    let pairs: MatrixView
    let hasPairs: Bool
    let offenders: [OffenderRow]
    let hasOffenders: Bool
    let busyStudies: [BusyStudyRow]
    let hasBusyStudies: Bool
    let readiness: [ReadinessView]
    let hasReadiness: Bool

    init(_ report: Report) {
        generatedAt = report.generatedAt
        watermark = report.watermark
        caveats = report.caveats
        coverage = CoverageView(report)
        figures = Figure.all(of: report, coverage)
        sources = SourceRow.all(of: report)
        matrix = MatrixView(report)
        combinations = CombinationRow.all(of: report)
        duplicates = report.duplicates.prefix(Report.rowsPerTable).map {
            DuplicateRow(uid: $0.studyUID, copies: $0.sources.count, at: $0.sources)
        }
        duplicatesShown = Page.shown(duplicates.count, of: report.duplicates.count)
        hasDuplicates = !report.duplicates.isEmpty
        let bySeverity = Dictionary(grouping: report.findings, by: \.discrepancy.severity)
        severities = Severity.allCases.map {
            SeverityFilter(severity: $0.rawValue, total: (bySeverity[$0]?.count ?? 0).grouped)
        }
        sourceNames = report.sources.map(\.name)
        classes = ClassView.all(of: report)
        hasFindings = !report.findings.isEmpty
        chart = TrendChart(report.trend)
        changes = ChangeRow.all(of: report)
        hasChanges = !changes.isEmpty
        changesSince = report.changesSince
        let sourcePairs = SourcePairs(report)
        pairs = MatrixView(report, sourcePairs)
        hasPairs = hasFindings && report.sources.count > 1
        offenders = OffenderRow.all(of: report, sourcePairs)
        hasOffenders = !offenders.isEmpty
        busyStudies = BusyStudyRow.all(of: report)
        hasBusyStudies = !busyStudies.isEmpty
        readiness = ReadinessView.all(of: report)
        hasReadiness = !readiness.isEmpty
    }

    /// `all 12` or `200 of 4 711`.
    static func shown(_ shown: Int, of total: Int) -> String {
        shown == total ? "all \(total.grouped)" : "the first \(shown.grouped) of \(total.grouped)"
    }
}

struct SeverityFilter {
    let severity: String
    let total: String
}

struct DuplicateRow {
    let uid: String
    let copies: Int
    let at: [String]
}
