/// What has happened since the last report, by class.
struct ChangeRow {
    let title: String
    let found: String
    let reopened: String
    let acknowledged: String
    let resolved: String

    static func all(of report: Report) -> [ChangeRow] {
        let classes = Dictionary(grouping: report.changes, by: \.discrepancyClass)
        return classes.sorted { ($1.value.count, $0.key.rawValue) < ($0.value.count, $1.key.rawValue) }.map {
            name, changes in
            func count(_ events: String...) -> String {
                let number = changes.count { events.contains($0.event) }
                return number == 0 ? "" : number.grouped
            }
            return ChangeRow(
                title: name.title, found: count("found"), reopened: count("reopened", "worsened"),
                acknowledged: count("acknowledged"), resolved: count("resolved"))
        }
    }
}

/// A source and how often it stands out, by class: for each the share of all that it stands out in.
struct OffenderRow {
    struct Part {
        let title: String
        let number: String
    }

    let offender: String
    let total: String
    /// Per thousand of its studies.
    let rate: String
    let width: Int
    let parts: [Part]

    static func all(of report: Report, _ pairs: SourcePairs) -> [OffenderRow] {
        let totals = pairs.suspected.map { $0.values.reduce(0, +) }
        let most = max(1, totals.max() ?? 1)
        let order = report.sources.indices.filter { totals[$0] > 0 }.sorted { totals[$0] > totals[$1] }
        return order.map { index in
            let source = report.sources[index]
            let parts = pairs.suspected[index].sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            let tenths = source.studies == 0 ? 0 : totals[index] * 10_000 / source.studies
            return OffenderRow(
                offender: source.name, total: totals[index].grouped, rate: "\(tenths / 10).\(tenths % 10)",
                width: totals[index] * 100 / most,
                parts: parts.prefix(5).map { Part(title: $0.key.title, number: $0.value.grouped) })
        }
    }
}

/// Studies with the most findings.
struct BusyStudyRow {
    let uid: String
    let number: String
    let titles: [String]

    static func all(of report: Report) -> [BusyStudyRow] {
        let studies = Dictionary(grouping: report.findings, by: \.discrepancy.studyUID).filter { $0.value.count > 1 }
        let top = studies.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.prefix(10)
        return top.map { uid, findings in
            BusyStudyRow(
                uid: uid, number: findings.count.grouped, titles: findings.map(\.discrepancy.discrepancyClass.title))
        }
    }
}

/// One expectation: how much of it is fulfilled.
struct ReadinessView {
    struct Part {
        let tone: String
        let outcome: String
        let number: String
        let share: String
        let width: String
    }

    struct Reason {
        let outcome: String
        let code: String
        let number: String
        let meaning: String
    }

    let from: String
    let to: String
    let since: String
    let total: String
    let parts: [Part]
    let reasons: [Reason]

    static func all(of report: Report) -> [ReadinessView] { report.readiness.map(ReadinessView.init) }

    private init(_ readiness: Report.Readiness) {
        from = readiness.expectation.from
        to = readiness.expectation.to
        since = readiness.expectation.since
        total = readiness.total.grouped
        parts = Report.Readiness.outcomes.map { outcome in
            let count = readiness.count(outcome)
            return Part(
                tone: outcome, outcome: outcome, number: count.grouped,
                share: Figure.percent(count, of: readiness.total),
                width: "\(count * 1000 / max(1, readiness.total) / 10).\(count * 1000 / max(1, readiness.total) % 10)")
        }
        reasons = readiness.groups.filter { !$0.reason.isEmpty }.sorted { $0.count > $1.count }.map {
            Reason(
                outcome: $0.outcome, code: $0.reason, number: $0.count.grouped,
                meaning: DiscrepancyClass(rawValue: $0.reason)?.meaning ?? Self.meanings[$0.reason] ?? "")
        }
    }

    private static let meanings = [
        "CONFIRMED-BY-UID": "The day is proven complete there, and a query for the UID found nothing.",
        "NOT-CONFIRMED":
            "The day is proven complete there without the study; the query for its UID has yet to be made.",
        "DAY-ENUMERATED": "The day had to be asked for in parts, which prove nothing of studies without a time.",
        "DAY-IS-HOLE": "The day could not be asked for completely: see Coverage.",
        "DAY-NOT-ASKED": "The day has not been asked for there.",
    ]
}
