import DICOM
import Foundation
import Logging
import StudyIndex
import Sweep

/// What a sweep would ask, how often and for how long, before it asks anything.
struct SweepPlan {
    let run: JobRun
    let steps: [JobConfiguration.Step]
    /// By name.
    let limits: [String: SourceLimits]

    func show() async throws {
        let byID = Dictionary(
            run.sources.compactMap { source in limits[source.name].map { (source.id, $0) } }, uniquingKeysWith: { $1 })
        var rows: [[String]] = []
        var notes: Set<String> = []
        for step in steps {
            for scope in try run.scopes(of: step) {
                let sweep = SweepRun(
                    job: run.name, sources: run.sources, scope: scope, pool: run.open.pool, today: .today(),
                    logger: run.logger)
                for (source, estimate) in try await sweep.estimates(byID) {
                    let least = estimate.isLowerBound ? "at least " : ""
                    if estimate.isLowerBound {
                        notes.insert(
                            "At least: some of it was never asked, and how much there is shows only when it is.")
                    }
                    rows.append([
                        step.words, source, "\(estimate.studies)", "\(least)\(estimate.questions)",
                        "\(limits[source]?.bulkQueriesPerSecond ?? 1)", least + Self.words(estimate.time),
                    ])
                }
            }
        }
        Terminal.write(
            TextTable(
                header: ["step", "source", "studies known", "questions", "per second", "takes"], rows: rows
            ).rendered())
        for note in notes.sorted() { Terminal.write(note + "\n") }
        if limits.values.contains(where: { !$0.windows.isEmpty }) {
            Terminal.write("Weekly windows, in which less may be asked, are not counted in.\n")
        }
    }

    private static func words(_ time: Duration) -> String {
        let seconds = Int((time / .seconds(1)).rounded(.up))
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7_200 { return "\(seconds / 60) min" }
        return String(format: "%.1f h", Double(seconds) / 3_600)
    }
}

extension JobConfiguration.Step {
    fileprivate var words: String {
        switch self {
        case .dates(let range): range.da.isEmpty ? "all dates" : range.da
        case .recent(let days): "last \(days) days"
        case .history: "history"
        case .patients(.prefixes): "patients by beginnings"
        case .patients(.known): "known patients"
        case .patients(.list): "listed patients"
        case .series: "series"
        case .probe, .reconcile, .persons, .report, .publish, .sync: ""
        }
    }
}
