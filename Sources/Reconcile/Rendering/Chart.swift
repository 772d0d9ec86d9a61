/// A stacked bar chart as inline SVG: what was open on each day, the worst at the bottom.
struct TrendChart {
    struct Bar {
        let x: String
        let y: String
        let width: String
        let height: String
        /// A class of the style sheet.
        let tone: String
        let hint: String
    }

    struct Label {
        let x: String
        let y: String
        let text: String
    }

    let bars: [Bar]
    let lines: [Label]
    let days: [Label]
    let isShown: Bool

    static let (width, height) = (960.0, 200.0)
    private static let (left, bottom, top) = (56.0, 24.0, 8.0)

    init(_ trend: [Report.TrendDay]) {
        let totals = trend.map { $0.open.values.reduce(0, +) }
        let most = Self.round(totals.max() ?? 0)
        isShown = !trend.isEmpty && most > 0
        guard isShown else { (bars, lines, days) = ([], [], []); return }
        let step = (Self.width - Self.left) / Double(trend.count)
        let breadth = min(step * 0.8, 48)
        let scale = (Self.height - Self.bottom - Self.top) / Double(most)
        var bars: [Bar] = []
        for (index, day) in trend.enumerated() {
            var y = Self.height - Self.bottom
            for severity in Severity.allCases {
                guard let count = day.open[severity.rawValue], count > 0 else { continue }
                let height = Double(count) * scale
                y -= height
                bars.append(
                    Bar(
                        x: Self.text(Self.left + (Double(index) + 0.5) * step - breadth / 2), y: Self.text(y),
                        width: Self.text(breadth), height: Self.text(height), tone: severity.rawValue,
                        hint: "\(day.day): \(count.grouped) \(severity.rawValue)"))
            }
        }
        self.bars = bars
        lines = [0, most / 2, most].map { count in
            Label(x: "0", y: Self.text(Self.height - Self.bottom - Double(count) * scale), text: count.grouped)
        }
        let every = max(1, trend.count / 6)
        days = trend.enumerated().filter { $0.offset % every == 0 }.map { index, day in
            Label(x: Self.text(Self.left + (Double(index) + 0.5) * step), y: Self.text(Self.height - 6), text: day.day)
        }
    }

    /// The next round number with an even half.
    private static func round(_ count: Int) -> Int {
        guard count > 0 else { return 0 }
        var unit = 2
        while true {
            for factor in 1...5 where unit * factor >= count { return unit * factor }
            unit *= 10
        }
    }

    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
