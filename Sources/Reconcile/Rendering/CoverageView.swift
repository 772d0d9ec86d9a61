import DICOM

/// Coverage as a strip of months per source, and its holes as a table.
struct CoverageView {
    struct Group {
        let groupName: String
        let width: Int
    }

    struct Strip {
        let stripName: String
        let cells: [Cell]
        let provenShare: String
    }

    struct Cell {
        let tone: String
        let hint: String
        /// Begins a year.
        let edge: Bool
    }

    struct HoleRow {
        let holeSource: String
        let dates: String
        let reason: String
        let tried: String
    }

    let groups: [Group]
    let strips: [Strip]
    let holes: [HoleRow]
    let holesShown: String
    let hasHoles: Bool
    let hasStrips: Bool
    /// Of all days between the first and the last that was asked for.
    let share: String
    let summary: String
    let isWhole: Bool

    init(_ report: Report) {
        let months = report.coverage.months()
        let bySource = Dictionary(grouping: months, by: \.source).sorted { $0.key < $1.key }
        let labels = bySource.first?.value.map(\.month) ?? []
        // A hundred years of months fit on no page: then a cell is a year.
        let units = Self.units(labels, byYear: labels.count > Self.mostMonths)
        groups = Self.groups(units.map(\.label))
        strips = bySource.map { source, months in
            Strip(
                stripName: source,
                cells: units.enumerated().map { index, unit in
                    let before = index > 0 ? units[index - 1].label : ""
                    return Self.cell(unit.label, months[unit.range], edge: unit.label.prefix(4) != before.prefix(4))
                }, provenShare: Self.share(months))
        }
        let open = report.coverage.holes
        holes = open.prefix(Report.rowsPerTable).map {
            HoleRow(holeSource: $0.source, dates: $0.dates, reason: $0.reason, tried: $0.at)
        }
        holesShown = Page.shown(holes.count, of: open.count)
        hasHoles = !open.isEmpty
        hasStrips = !strips.isEmpty
        share = Self.share(months)
        isWhole =
            !months.isEmpty && months.allSatisfy { $0.state == .proven }
            && Set(bySource.map(\.key)).isSuperset(of: report.sources.map(\.name))
        summary =
            open.isEmpty
            ? (isWhole ? "no hole" : "no hole, but not all is proven")
            : "\(open.count.grouped) hole\(open.count == 1 ? "" : "s")"
    }

    private static let mostMonths = 260

    private static func share(_ months: [Coverage.Month]) -> String {
        let proven = months.reduce(0) { $0 + $1.daysProven }
        let all = months.reduce(0) { $0 + $1.daysProven + $1.daysEnumerated + $1.daysInHoles + $1.daysNotAsked }
        if all == 0, !months.isEmpty { return months.allSatisfy { $0.state == .proven } ? "100.0 %" : "0.0 %" }
        return Figure.percent(proven, of: all)
    }

    private static func units(_ labels: [String], byYear: Bool) -> [(label: String, range: Range<Int>)] {
        guard byYear else { return labels.enumerated().map { ($1, $0..<$0 + 1) } }
        var units: [(label: String, range: Range<Int>)] = []
        for (index, label) in labels.enumerated() {
            let year = String(label.prefix(4))
            if let last = units.last, last.label == year {
                units[units.count - 1].range = last.range.lowerBound..<index + 1
            } else {
                units.append((label.contains(" ") ? label : year, index..<index + 1))
            }
        }
        return units
    }

    /// The years above the strips, as wide as their cells.
    private static func groups(_ labels: [String]) -> [Group] {
        var groups: [Group] = []
        for label in labels {
            let name = label.contains(" ") ? "…" : String(label.prefix(4))
            if let last = groups.last, last.groupName == name {
                groups[groups.count - 1] = Group(groupName: name, width: last.width + 1)
            } else {
                groups.append(Group(groupName: name, width: 1))
            }
        }
        return groups
    }

    private static func cell(_ label: String, _ months: ArraySlice<Coverage.Month>, edge: Bool) -> Cell {
        let state = months.map(\.state).max() ?? .notAsked
        let reasons = Set(months.map(\.reason)).subtracting([""]).sorted().joined(separator: "; ")
        let since = months.map(\.verifiedAt).filter { !$0.isEmpty }.min() ?? ""
        let words =
            switch state {
            case .proven: "proven \(since)"
            case .enumerated: "enumerated, not proven \(since)"
            case .notAsked: "not asked, wholly or in part"
            case .hole: "hole: \(reasons)"
            }
        return Cell(tone: state.rawValue, hint: "\(label): \(words)", edge: edge)
    }
}
