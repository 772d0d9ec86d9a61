import Spanning
import Synchronization

/// What the server counts of itself since it started. Labels come from small sets of our own: no path, key or name of a
/// client becomes one, and no patient data can.
package final class ServerMetrics: Sendable {
    struct Series: Hashable, Sendable {
        var name: String
        var labels: [Label]
    }
    struct Label: Hashable, Sendable {
        var name: String
        var value: String
    }
    private struct State {
        var counters: [Series: Int] = [:]
        var histograms: [Series: Histogram] = [:]
    }
    struct Histogram: Sendable {
        /// Upper bounds in seconds. One lies at 0.5 s, which is what the user asked for.
        static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
        private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
        private(set) var sum = 0.0

        mutating func observe(_ seconds: Double) {
            counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
            sum += seconds
        }
    }

    private let state = Mutex(State())

    package init() {}

    private func count(_ name: String, _ labels: (String, String)...) {
        let series = Series(name: name, labels: labels.map(Label.init))
        state.withLock { $0.counters[series, default: 0] += 1 }
    }

    private func observe(_ name: String, _ duration: Duration, _ labels: (String, String)...) {
        let series = Series(name: name, labels: labels.map(Label.init))
        state.withLock { $0.histograms[series, default: Histogram()].observe(duration / .seconds(1)) }
    }

    // MARK: What is counted

    /// `route`: its pattern, as `/dicom-web/studies/{study}/series`.
    func answered(route: String, status: Int, in duration: Duration) {
        observe("concord_http_request_duration_seconds", duration, ("route", route), ("status", "\(status)"))
    }

    func answeredFind(level: String, status: UInt16, in duration: Duration) {
        observe(
            "concord_find_duration_seconds", duration, ("level", level),
            ("status", String(status, radix: 16, uppercase: true).leftPadded(to: 4)))
    }

    enum Basis: String {
        /// The index vouched for all of it.
        case index
        /// Sources were asked, and all answered.
        case sources
        /// Something is missing, and the answer says so.
        case incomplete
    }

    func note(_ gaps: SpanningCatalog.Gaps) {
        let basis: Basis = gaps.isIncomplete ? .incomplete : gaps.isSpanned ? .sources : .index
        count("concord_answers_total", ("basis", basis.rawValue))
        for absence in gaps.absences { count("concord_source_absences_total", ("source", absence.source)) }
    }

    // MARK: Exposition

    private static let help = [
        "concord_http_request_duration_seconds": "Time to answer an HTTP request.",
        "concord_find_duration_seconds": "Time to answer a C-FIND, with its final status.",
        "concord_answers_total": "Answers, by what they rest on.",
        "concord_source_absences_total": "Questions that a source did not answer in time, or failed.",
    ]

    /// In Prometheus' text format 0.0.4; series sorted, so that two scrapes of the same state are the same bytes.
    func exposition() -> String {
        let (counters, histograms) = state.withLock { ($0.counters, $0.histograms) }
        var text = ""
        for (name, series) in Dictionary(grouping: counters, by: \.key.name).sorted(by: { $0.key < $1.key }) {
            text += Self.header(name, type: "counter", help: Self.help[name] ?? "")
            for (each, value) in series.sorted(by: { $0.key < $1.key }) {
                text += "\(name)\(Self.braces(each.labels)) \(value)\n"
            }
        }
        for (name, series) in Dictionary(grouping: histograms, by: \.key.name).sorted(by: { $0.key < $1.key }) {
            text += Self.header(name, type: "histogram", help: Self.help[name] ?? "")
            for (each, histogram) in series.sorted(by: { $0.key < $1.key }) {
                var total = 0
                for (position, count) in histogram.counts.enumerated() {
                    total += count
                    let bound = position < Histogram.bounds.count ? "\(Histogram.bounds[position])" : "+Inf"
                    text += "\(name)_bucket\(Self.braces(each.labels + [Label(name: "le", value: bound)])) \(total)\n"
                }
                text += "\(name)_sum\(Self.braces(each.labels)) \(histogram.sum)\n"
                text += "\(name)_count\(Self.braces(each.labels)) \(total)\n"
            }
        }
        return text
    }

    static func header(_ name: String, type: String, help: String) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    /// One value for each value of a label.
    static func gauge(_ name: String, _ help: String, by label: String, _ values: [(String, value: String)]) -> String {
        header(name, type: "gauge", help: help)
            + values.map { "\(name)\(braces([Label(name: label, value: $0.0)])) \($0.value)\n" }.joined()
    }

    static func braces(_ labels: [Label]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { label in
            let value = label.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
                "\n", with: "\\n")
            return "\(label.name)=\"\(value)\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }
}

extension ServerMetrics.Series: Comparable {
    static func < (left: Self, right: Self) -> Bool {
        (left.name, ServerMetrics.braces(left.labels)) < (right.name, ServerMetrics.braces(right.labels))
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
