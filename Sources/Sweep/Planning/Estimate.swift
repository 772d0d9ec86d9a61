import DICOM
import StudyIndex

/// What a sweep of one source will ask, as far as that can be said before it asks.
package struct Estimate: Sendable, Hashable {
    /// Questions; of a range that was never swept only the first steps into it are counted.
    package var questions: Int
    /// Studies that the index knows in what is asked.
    package var studies: Int
    /// Something was never asked before: there may be much more to ask.
    package var isLowerBound: Bool
    /// At the source's rate, or where its answers are slower at theirs.
    package var time: Duration
}

extension SweepRun {
    /// By source, in their order.
    package func estimates(_ limits: [Int32: SourceLimits]) async throws -> [(source: String, estimate: Estimate)] {
        let covered = Dictionary(grouping: try await index.coveredDays().filter { $0.level == .study }, by: \.source)
        var estimates: [(source: String, estimate: Estimate)] = []
        for source in sources {
            let slices = try await slices(of: source, covered: covered[source.name] ?? [])
            let known = try await index.dayCounts(source: source.id, DateRange(lower: nil, upper: nil))
            estimates.append((source.name, Self.estimate(source, slices, known, limits[source.id] ?? SourceLimits())))
        }
        return estimates
    }

    private static func estimate(
        _ source: SweepSource, _ slices: [NewSlice], _ known: [DICOMDate: Int], _ limits: SourceLimits
    ) -> Estimate {
        var estimate = Estimate(questions: 0, studies: 0, isLowerBound: false, time: .zero)
        for slice in slices {
            switch slice.range.axis {
            case .dates:
                guard let dates = slice.range.dates else { continue }
                estimate.studies += known.reduce(0) { dates.contains($1.key) ? $0 + $1.value : $0 }
                estimate.questions += slice.isSized ? source.planner.estimatedQueries(dates, known: known) : firstSteps
                estimate.isLowerBound = estimate.isLowerBound || !slice.isSized
            case .prefixes:
                estimate.studies = known.values.reduce(0, +)
                estimate.questions += firstCharacters + estimate.studies / max(1, source.planner.cap ?? 1_000)
                estimate.isLowerBound = true
            case .uids: estimate.questions += slice.range.uids?.count ?? 0
            case .times, .modalities, .patient: estimate.questions += 1
            }
        }
        let perSecond = min(limits.bulkQueriesPerSecond, source.answersPerSecond(limits.bulkAssociations))
        estimate.time = .seconds(Double(estimate.questions) / perSecond)
        return estimate
    }

    /// From one range to three times as long ones, until a century is asked.
    private static let firstSteps = 10
    /// Digits and letters.
    private static let firstCharacters = 36
}

extension SweepSource {
    /// What its associations can answer, as far as a probe has measured it.
    fileprivate func answersPerSecond(_ associations: Int) -> Double {
        guard let latency = capabilities.latency, latency > .zero else { return .infinity }
        return Double(associations) / (latency / .seconds(1))
    }
}
