/// A number at the top of the page.
struct Figure {
    let number: String
    let label: String
    let detail: String
    /// A class of the style sheet.
    let tone: String

    static func all(of report: Report, _ coverage: CoverageView) -> [Figure] {
        let severities = Dictionary(grouping: report.findings, by: \.discrepancy.severity).mapValues(\.count)
        let worst = Severity.allCases.first { severities[$0] != nil }
        let parts = Severity.allCases.compactMap { severity in
            severities[severity].map { "\($0.grouped) \(severity.rawValue)" }
        }
        let share = percent(report.duplicates.count, of: report.studies)
        return [
            Figure(
                number: report.studies.grouped, label: "studies",
                detail: "\(report.copies.grouped) copies at "
                    + "\(report.sources.count) source\(report.sources.count == 1 ? "" : "s")", tone: ""),
            Figure(
                number: report.duplicates.count.grouped, label: "in several sources", detail: "\(share) of all studies",
                tone: ""),
            Figure(
                number: report.findings.count.grouped, label: "discrepancies",
                detail: parts.isEmpty ? "the copies agree" : parts.joined(separator: " · "),
                tone: worst?.rawValue ?? "good"),
            Figure(
                number: coverage.share, label: "of dated days proven", detail: coverage.summary,
                tone: coverage.isWhole ? "good" : "minor"),
        ]
    }

    static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "–" }
        // Rounded down: 99.96 % is not all.
        let tenths = Int(Double(part) / Double(whole) * 1000)
        return "\(tenths / 10).\(tenths % 10) %"
    }
}

struct SourceRow {
    let name: String
    let issuer: String
    let studies: String
    let unique: String
    let shared: String
    let sharedPercent: String
    /// Width of a bar, 0 to 100: the source's studies against the largest source's.
    let uniqueWidth: Int
    let sharedWidth: Int
    let findings: String

    static func all(of report: Report) -> [SourceRow] {
        let largest = max(1, report.sources.map(\.studies).max() ?? 1)
        var findings: [String: Int] = [:]
        for finding in report.findings {
            for source in finding.discrepancy.sources { findings[source, default: 0] += 1 }
        }
        return report.sources.map { source in
            SourceRow(
                name: source.name, issuer: source.issuer, studies: source.studies.grouped,
                unique: source.unique.grouped,
                shared: source.shared.grouped, sharedPercent: Figure.percent(source.shared, of: source.studies),
                uniqueWidth: source.unique * 100 / largest, sharedWidth: source.shared * 100 / largest,
                findings: (findings[source.name] ?? 0).grouped)
        }
    }
}

/// Overlap as a square, darker where more is shared.
struct MatrixView {
    struct Row {
        let rowName: String
        let cells: [Cell]
    }

    struct Cell {
        let count: String
        /// 0 to 9, by the share of the smaller of the two sources.
        let shade: Int
        let isTotal: Bool
        let hint: String
    }

    let heads: [String]
    let rows: [Row]

    /// Discrepancies between each two sources; darker where they are more.
    init(_ report: Report, _ pairs: SourcePairs) {
        heads = report.sources.map(\.name)
        let most = max(1, pairs.counts.flatMap { $0 }.max() ?? 1)
        rows = report.sources.enumerated().map { row, source in
            let cells = report.sources.enumerated().map { column, other in
                let count = pairs.counts[row][column]
                return Cell(
                    count: count.grouped, shade: count == 0 ? 0 : 1 + min(8, count * 8 / most), isTotal: false,
                    hint: row == column
                        ? "\(count.grouped) concern \(source.name) alone"
                        : "\(count.grouped) between \(source.name) and \(other.name)")
            }
            return Row(rowName: source.name, cells: cells)
        }
    }

    init(_ report: Report) {
        let matrix = OverlapMatrix(report)
        heads = report.sources.map(\.name)
        rows = report.sources.enumerated().map { row, source in
            let cells = report.sources.enumerated().map { column, other in
                let count = matrix.counts[row][column]
                let smaller = max(1, min(source.studies, other.studies))
                let share = Figure.percent(count, of: source.studies)
                return Cell(
                    count: count.grouped, shade: count == 0 ? 0 : 1 + min(8, count * 8 / smaller),
                    isTotal: row == column,
                    hint: row == column
                        ? "all studies of \(source.name)" : "\(share) of \(source.name) is also at \(other.name)")
            }
            return Row(rowName: source.name, cells: cells)
        }
    }
}

/// How many studies exactly these sources share.
struct CombinationRow {
    let members: [String]
    let number: String
    let width: Int

    static func all(of report: Report) -> [CombinationRow] {
        var counts: [[String]: Int] = [:]
        for duplicate in report.duplicates { counts[duplicate.sources, default: 0] += 1 }
        let top = counts.sorted { ($1.value, $0.key.joined()) < ($0.value, $1.key.joined()) }.prefix(12)
        let largest = max(1, top.first?.value ?? 1)
        return top.map { CombinationRow(members: $0.key, number: $0.value.grouped, width: $0.value * 100 / largest) }
    }
}
