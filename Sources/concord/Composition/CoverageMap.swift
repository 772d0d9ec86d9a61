import Foundation
import Reconcile
import StudyIndex

/// Coverage on a terminal: a line of twelve months for each year of each source, years that are alike on one line, and
/// under them every range that is not proven, with its reason, and the years of which patients showed more than dates did.
struct CoverageMap {
    let coverage: Coverage
    let completeness: [StudyIndex.Completeness]
    /// In colours, for terminals.
    let isColoured: Bool

    func rendered() -> String {
        var text = "█ proven  ▓ enumerated: asked in parts  ! hole  · not asked; one mark a month\n"
        let bySource = Dictionary(grouping: coverage.months(), by: \.source)
        for (source, months) in bySource.sorted(by: { $0.key < $1.key }) {
            text += "\n\(source)  \(Self.age(months))\n"
            for line in Self.lines(months) {
                let earlier = String(repeating: " ", count: line.firstMonth)
                text += "  " + Self.padded(line.label) + "  " + earlier + line.states.map(mark).joined() + "\n"
            }
            for span in coverage.spans where span.source == source && span.state != .proven {
                let reason = span.reason.isEmpty ? "" : ": \(span.reason)"
                text += "  \(mark(span.state)) \(span.state.rawValue)  \(span.dates)\(reason)\n"
            }
            text += checked(by: completeness.filter { $0.source == source })
        }
        return text
    }

    /// What the pass over all patients says of the sweeps by date.
    private func checked(by years: [StudyIndex.Completeness]) -> String {
        let studies = years.reduce(0) { $0 + $1.studies }
        guard studies > 0 else { return "" }
        let short = years.filter { $0.beyondDates > 0 }
        if short.isEmpty { return "  ✓ by patient: the same \(studies) dated studies, 100 %\n" }
        return short.map {
            String(
                format: "  ! by patient: %d had %d studies, %d of them not by date: %.2f %%\n", $0.year, $0.studies,
                $0.beyondDates, $0.percent)
        }.joined()
    }

    private func mark(_ state: Coverage.State) -> String {
        let (mark, colour) =
            switch state {
            case .proven: ("█", 32)
            case .enumerated: ("▓", 33)
            case .notAsked: ("·", 90)
            case .hole: ("!", 31)
            }
        return isColoured ? "\u{1B}[\(colour)m\(mark)\u{1B}[0m" : mark
    }

    private struct Line {
        var label: String
        /// 0 is January: months stand below each other.
        var firstMonth = 0
        var states: [Coverage.State]
    }

    private static func padded(_ label: String) -> String {
        label + String(repeating: " ", count: max(0, 14 - label.count))
    }

    private static func age(_ months: [Coverage.Month]) -> String {
        let times = months.map(\.verifiedAt).filter { !$0.isEmpty }
        guard let oldest = times.min(), let newest = times.max() else { return "nothing is proven" }
        return oldest.prefix(10) == newest.prefix(10)
            ? "as of \(oldest.prefix(10))" : "as of \(oldest.prefix(10)) to \(newest.prefix(10))"
    }

    private static func lines(_ months: [Coverage.Month]) -> [Line] {
        var lines: [Line] = []
        var year = ""
        for month in months {
            guard month.month.dropFirst(4).first == "-" else {
                // Before the first and after the last month: open ends.
                lines.append(Line(label: month.month, states: [month.state]))
                year = ""
                continue
            }
            if year != month.month.prefix(4) {
                year = String(month.month.prefix(4))
                lines.append(
                    Line(label: year, firstMonth: (Int(month.month.suffix(2)) ?? 1) - 1, states: []))
            }
            lines[lines.count - 1].states.append(month.state)
        }
        return joined(lines)
    }

    /// Years in a row whose months are all in one state are one line.
    private static func joined(_ lines: [Line]) -> [Line] {
        var joined: [Line] = []
        for line in lines {
            if let last = joined.last, Int(line.label) != nil, Int(last.label.prefix(4)) != nil,
                last.states == line.states, Set(line.states).count == 1
            {
                joined[joined.count - 1].label = "\(last.label.prefix(4)) – \(line.label)"
            } else {
                joined.append(line)
            }
        }
        return joined
    }
}
