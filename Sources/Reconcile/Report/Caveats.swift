import DICOM

extension Report {
    /// What has not been proven, each in one sentence: without them every figure of a report would claim too much.
    package var caveats: [String] {
        [
            patientPassCaveat, unsweptCaveat, holesCaveat, enumeratedCaveat, boundsCaveat, expectationsCaveat,
            "Everything here is what the sources answered to queries. No image was retrieved, and equal answers do not "
                + "prove equal images.",
            "A text that lost characters on the way (? or an emptied group) is no evidence: where only that differs, it is "
                + "reported as damaged text, and as nothing else.",
        ].compactMap { $0 }
    }

    private var patientPassCaveat: String? {
        let passed = Set(patientPasses.map(\.source))
        let missing = sources.map(\.name).filter { !passed.contains($0) }
        guard !missing.isEmpty else {
            let undated = patientPasses.reduce(0) { $0 + $1.undated }
            let oldest = patientPasses.map(\.at).min() ?? ""
            return
                "Studies with blank or malformed dates were looked for by patient, at the latest on \(oldest): "
                + "\(Self.count(undated, "copy", "copies")) found. “Proven” speaks of dated studies only."
        }
        let place = missing.count == sources.count ? "" : " at \(Self.list(missing))"
        return "Studies with blank or malformed dates cannot be reached by a date sweep; the patient pass has not been "
            + "made\(place). Such studies are missing from every count, and “proven” speaks of dated studies only."
    }

    private var unsweptCaveat: String? {
        let swept = Set(coverage.spans.map(\.source))
        let missing = sources.map(\.name).filter { !swept.contains($0) }
        guard !missing.isEmpty else { return nil }
        return "Nothing has been asked of \(Self.list(missing)) yet."
    }

    private var holesCaveat: String? {
        let holes = coverage.holes
        guard !holes.isEmpty else { return nil }
        let names = Set(holes.map(\.source)).sorted()
        return
            "\(Self.count(holes.count, "range")) at \(Self.list(names)) \(holes.count == 1 ? "has" : "have") not been "
            + "answered completely (see Coverage): studies in them may be missing from every count, and none is reported "
            + "as a missing copy there."
    }

    private var enumeratedCaveat: String? {
        let spans = coverage.spans.filter { $0.state == .enumerated }
        let days = spans.reduce(0) { $0 + $1.days.count }
        guard days > 0 else { return nil }
        return
            "\(Self.count(days, "day")) at \(Self.list(Set(spans.map(\.source)).sorted())) had to be asked for by time of "
            + "day: enumerated, not proven, because a study without a study time is in none of the answers."
    }

    private var boundsCaveat: String? {
        let bounded = Dictionary(grouping: coverage.spans, by: \.source).filter { _, spans in
            spans.first?.from != nil || spans.last?.to != nil
        }
        guard !bounded.isEmpty else { return nil }
        let ranges = bounded.sorted { $0.key < $1.key }.map { source, spans in
            let whole = Coverage.Span(
                source: source, dates: DateRange(lower: spans.first?.from, upper: spans.last?.to), state: .proven,
                at: "")
            return "\(source) (\(whole.dates))"
        }
        return "Only these study dates have been asked for: \(Self.list(ranges)). Of others nothing is known."
    }

    private var expectationsCaveat: String {
        if expectations.isEmpty {
            return "No source is configured to hold what another holds (expects in concord.yaml), so no copy can be "
                + "reported missing: the overlap is shown, and judges nothing."
        }
        let pairs = expectations.map { "\($0.from) → \($0.to) since \(DICOMDate($0.since)?.iso ?? $0.since)" }
        return "Missing copies are reported only where one source is configured to hold what another holds "
            + "(\(Self.list(pairs))), its day is proven complete, and a query for the UID found nothing."
    }

    private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    private static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
        "\(number.grouped) \(number == 1 ? noun : plural ?? noun + "s")"
    }
}

extension Int {
    /// With a thin space between thousands, as in `1 234 567`.
    var grouped: String {
        let digits = Array(String(magnitude))
        var text = self < 0 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "\u{202F}" }
            text.append(digit)
        }
        return text
    }
}
