/// Studies that two sources both show, as a square by the order of a report's sources; the diagonal is each one's total.
struct OverlapMatrix {
    let counts: [[Int]]

    init(_ report: Report) {
        let position = Dictionary(report.sources.enumerated().map { ($1.name, $0) }) { first, _ in first }
        var counts = report.sources.map { _ in [Int](repeating: 0, count: report.sources.count) }
        for (index, source) in report.sources.enumerated() { counts[index][index] = source.studies }
        for overlap in report.overlaps {
            guard let row = position[overlap.first], let column = position[overlap.second], row != column else {
                continue
            }
            counts[row][column] = overlap.studies
            counts[column][row] = overlap.studies
        }
        self.counts = counts
    }
}
