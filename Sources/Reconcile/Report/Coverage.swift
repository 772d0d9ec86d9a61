import DICOM

/// One line of the ledger: what a sweep asked a source for, and what came of it.
package struct CoverageStatement: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        case complete
        /// Failed, irreducible or not asked yet; the reason is for people.
        case open(reason: String)
    }

    package let source: String
    /// Study dates; an end that is nil is open.
    package let dates: DateRange
    /// A part of the day only. Complete parts enumerate their day and do not prove it: a study without a time is in none
    /// of them (F38).
    package let isByTime: Bool
    package let outcome: Outcome
    /// Later runs have larger numbers.
    package let run: Int64
    /// When it ended, as text that sorts by time.
    package let at: String

    package init(source: String, dates: DateRange, isByTime: Bool, outcome: Outcome, run: Int64, at: String) {
        self.source = source
        self.dates = dates
        self.isByTime = isByTime
        self.outcome = outcome
        self.run = run
        self.at = at
    }
}

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
        /// Since when it is proven or enumerated; when it was last tried, for a hole.
        package let at: String

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

    /// A proof, however old, stays a proof. Where there is none, the latest run decides, and its worst answer counts.
    package init(_ statements: [CoverageStatement]) {
        spans = Dictionary(grouping: statements, by: \.source).sorted { $0.key < $1.key }.flatMap {
            Self.spans(of: $0.key, $0.value)
        }
        let ends = statements.flatMap { [$0.dates.lower, $0.dates.upper].compactMap { $0 } }
        if let first = ends.min(), let last = ends.max() { bounds = first...last } else { bounds = nil }
    }

    package var holes: [Span] { spans.filter { $0.state == .hole } }

    private static func spans(of source: String, _ statements: [CoverageStatement]) -> [Span] {
        let end = DICOMDate.latest.daysSince1970
        let asked = statements.map { statement in
            let from = (statement.dates.lower ?? .earliest).daysSince1970
            return (from: from, to: (statement.dates.upper ?? .latest).daysSince1970, statement: statement)
        }.filter { $0.from <= $0.to }.sorted { $0.from < $1.from }
        let borders = Set(asked.flatMap { [$0.from, $0.to + 1] }).sorted()
        var spans: [Span] = []
        var active: [(from: Int, to: Int, statement: CoverageStatement)] = []
        var next = asked.startIndex
        for (index, border) in borders.enumerated() where border <= end {
            active.removeAll { $0.to < border }
            while next < asked.endIndex, asked[next].from == border {
                active.append(asked[next])
                next += 1
            }
            guard !active.isEmpty else { continue }
            let last = index + 1 < borders.count ? borders[index + 1] - 1 : end
            let verdict = verdict(active.map(\.statement))
            let span = Span(
                source: source,
                from: border == DICOMDate.earliest.daysSince1970 ? nil : DICOMDate(daysSince1970: border),
                to: last == end ? nil : DICOMDate(daysSince1970: last), state: verdict.state, reason: verdict.reason,
                at: verdict.at)
            if let before = spans.last, before.days.upperBound + 1 == border,
                (before.state, before.reason, before.at) == (span.state, span.reason, span.at)
            {
                spans[spans.count - 1] = Span(
                    source: source, from: before.from, to: span.to, state: span.state, reason: span.reason, at: span.at)
            } else {
                spans.append(span)
            }
        }
        return spans
    }

    private static func verdict(_ statements: [CoverageStatement]) -> (state: State, reason: String, at: String) {
        let proofs = statements.filter { !$0.isByTime && $0.outcome == .complete }
        if let proof = proofs.map(\.at).max() { return (.proven, "", proof) }
        let latest = statements.map(\.run).max()
        let decisive = statements.filter { $0.run == latest }
        let reasons = Set(
            decisive.compactMap { statement -> String? in
                if case .open(let reason) = statement.outcome { return reason }
                return nil
            })
        if reasons.isEmpty { return (.enumerated, "", decisive.map(\.at).min() ?? "") }
        return (.hole, reasons.sorted().joined(separator: "; "), decisive.map(\.at).max() ?? "")
    }
}
