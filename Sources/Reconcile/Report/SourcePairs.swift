/// How often two sources disagree, as a square by the order of a report's sources; the diagonal is what concerns one alone.
struct SourcePairs {
    let counts: [[Int]]
    /// The findings by which each source stands out, by its position: it says something else than is probably true.
    let suspected: [[DiscrepancyClass: Int]]

    init(_ report: Report) {
        let position = Dictionary(report.sources.enumerated().map { ($1.name, $0) }) { first, _ in first }
        var counts = report.sources.map { _ in [Int](repeating: 0, count: report.sources.count) }
        var suspected = report.sources.map { _ in [DiscrepancyClass: Int]() }
        for finding in report.findings {
            let row = finding.discrepancy
            // A source that lacks a study disagrees with those that hold it.
            let involved =
                row.discrepancyClass == .missingCopy
                ? Set(row.sources + row.values.map(\.source)).sorted() : row.sources
            let places = involved.compactMap { position[$0] }
            for (index, place) in places.enumerated() {
                if places.count == 1 { counts[place][place] += 1 }
                for other in places[(index + 1)...] {
                    counts[place][other] += 1
                    counts[other][place] += 1
                }
            }
            for place in row.blamed.compactMap({ position[$0] }) {
                suspected[place][row.discrepancyClass, default: 0] += 1
            }
        }
        self.counts = counts
        self.suspected = suspected
    }
}

extension Discrepancy {
    /// The sources at fault, as far as that can be told.
    package var blamed: [String] {
        switch discrepancyClass {
        case .zeroImages, .noStudyDate, .implausibleStudyDate, .unparsableValue, .impossibleValue, .characterSet,
            .missingCopy:
            sources
        default: suspects
        }
    }
}
