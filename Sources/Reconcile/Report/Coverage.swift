import DICOM

/// What is proven complete, by source and study date.
package struct Coverage: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
        case proven, enumerated
        case notAsked = "not-asked"
        case hole

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        /// `.hole` is the largest: of several states the largest describes all.
        package static func < (left: State, right: State) -> Bool { left.rank < right.rank }
    }

    /// Consecutive days of one source in one state.
    package struct Span: Sendable, Hashable {
        package let source: String
        /// nil: open, from the beginning of time or to its end.
        package let from: DICOMDate?
        package let to: DICOMDate?
        package let state: State
        /// Why it is a hole; "" otherwise.
        package let reason: String
        /// Since when it is proven or enumerated; when it was last tried, for a hole. Text that sorts by time.
        package let at: String

        package init(
            source: String, dates: DateRange, state: State, reason: String = "", at: String
        ) {
            self.source = source
            from = dates.lower
            to = dates.upper
            self.state = state
            self.reason = reason
            self.at = at
        }

        var days: ClosedRange<Int> {
            (from ?? .earliest).daysSince1970...(to ?? .latest).daysSince1970
        }

        /// `2020-01-01 – 2020-03-31`, `until 2015-12-31`, `2020-01-01`, `any date`.
        package var dates: String {
            switch (from, to) {
            case (nil, nil): "any date"
            case (nil, let to?): "until \(to.iso)"
            case (let from?, nil): "from \(from.iso)"
            case (let from?, let to?): from == to ? from.iso : "\(from.iso) – \(to.iso)"
            }
        }
    }

    /// By source, then by date; days that nothing was asked of are in none.
    package let spans: [Span]
    /// The first and the last day at which something that was asked for began or ended; nil: nothing did.
    let bounds: ClosedRange<DICOMDate>?

    /// What the ledger states of each source's days: ranges that do not overlap. Neighbours in one state become one span.
    package init(_ statements: [Span]) {
        spans = Dictionary(grouping: statements, by: \.source).sorted { $0.key < $1.key }.flatMap {
            Self.joined($0.value.sorted { $0.days.lowerBound < $1.days.lowerBound })
        }
        let ends = statements.flatMap { [$0.from, $0.to].compactMap { $0 } }
        if let first = ends.min(), let last = ends.max() { bounds = first...last } else { bounds = nil }
    }

    package var holes: [Span] { spans.filter { $0.state == .hole } }

    private static func joined(_ statements: [Span]) -> [Span] {
        var spans: [Span] = []
        for span in statements {
            if let before = spans.last, before.days.upperBound + 1 == span.days.lowerBound,
                (before.state, before.reason, before.at) == (span.state, span.reason, span.at)
            {
                spans[spans.count - 1] = Span(
                    source: span.source, dates: DateRange(lower: before.from, upper: span.to), state: span.state,
                    reason: span.reason, at: span.at)
            } else {
                spans.append(span)
            }
        }
        return spans
    }
}
