import DICOM
import Foundation
import Logging
import StudyIndex
import Sweep

/// Carries out the steps of a job, one after the other.
struct JobRun: Sendable {
    let name: String
    let sources: [SweepSource]
    var workers = 4
    var patience = JobConfiguration.usualPatience
    /// For all steps together.
    var time: Duration?
    let configuration: Configuration
    let open: OpenSources
    let progress: SweepProgress
    let logger: Logger

    /// What remains unknown after all steps.
    struct Outcome: Sendable {
        var holes = 0
        var heldDeletes: [(source: String, studies: Int)] = []
        var runs: [RunID] = []
    }

    func run(_ steps: [JobConfiguration.Step]) async throws -> Outcome {
        var outcome = Outcome()
        let start = ContinuousClock.now
        // Before its first sweep a source is asked what it supports.
        try await probe(olderThan: nil)
        for step in steps {
            switch step {
            case .probe(let age): try await probe(olderThan: age)
            case .reconcile:
                _ = try await Reconciliation(index: open.index, configuration: configuration, ids: open.ids).run()
            case .persons: Terminal.complain(try await PersonMatching(index: open.index).run())
            case .report(let directory, let keep):
                let files = ReportFiles(index: open.index, configuration: configuration)
                for path in try await files.write(to: directory, keep: keep, format: nil) { print(path) }
            case .publish(let directory):
                guard let edge = configuration.edge else {
                    Terminal.complain("\(name): nothing to publish: the configuration has no `edge:`")
                    continue
                }
                let publication = Publication(index: open.index, edge: edge, output: directory)
                for line in try await publication.run() { Terminal.complain(line) }
            case .sync:
                throw ConfigurationError(
                    file: name, line: nil, key: "steps", message: "an edge site syncs by `concord edge sync JOB.yaml`")
            default:
                let left = time.map { max(.seconds(1), $0 - (ContinuousClock.now - start)) }
                for scope in try scopes(of: step) { try await sweep(scope, left, &outcome) }
            }
        }
        return outcome
    }

    private func sweep(_ scope: Scope, _ time: Duration?, _ outcome: inout Outcome) async throws {
        var informed: [SweepSource] = []
        for source in sources {
            informed.append(try await open.pool.persistently { try await source.informed(by: $0) })
        }
        var sweep = SweepRun(
            job: name, sources: informed, scope: scope, pool: open.pool, today: .today(), logger: logger)
        sweep.workers = workers
        sweep.time = time
        sweep.patience = patience
        sweep.expects = configuration.expectations(open.ids)
        let run = sweep
        let result = try await progress.whileShowing { try await run.run(report: progress.note) }
        outcome.runs.append(result.run)
        outcome.heldDeletes += result.heldDeletes
        outcome.holes += try await open.pool.persistently { try await $0.runSummary(run: result.run) }
            .reduce(0) { $0 + $1.holes.count }
    }

    func scopes(of step: JobConfiguration.Step) throws -> [Scope] {
        switch step {
        case .dates(let range): [.dates(range)]
        case .recent(let days): [.dates(DateRange(lower: DICOMDate.today().adding(days: 1 - days), upper: nil))]
        case .history: [.oldestFirst(DateRange(lower: nil, upper: nil))]
        case .patients(.prefixes): [.patientPrefixes]
        case .patients(.known): [.knownPatients]
        case .patients(.list(let file)): [.patients(try Self.patients(in: file))]
        case .series(let limit): [.series(limit: limit)]
        case .probe, .reconcile, .persons, .report, .publish, .sync: []
        }
    }

    /// One patient ID a line; empty lines and duplicates are passed over.
    static func patients(in file: String) throws -> [String] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ConfigurationError(file: file, line: nil, key: "", message: "cannot be read")
        }
        var seen: Set<String> = []
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// A source that cannot be probed is swept all the same: its answers are checked anyway.
    private func probe(olderThan age: Duration?) async throws {
        let probing = Probing(open: open)
        let due = try await probing.due(sources, after: age)
        _ = try await probing.run(due) { source, result in
            switch result {
            case .success: Terminal.complain("\(source): probed")
            case .failure(let refusal): Terminal.complain("\(source): could not be probed: \(refusal)")
            }
        }
    }
}

extension DICOMDate {
    /// Today in this machine's time zone.
    static func today() -> DICOMDate {
        var (now, parts) = (time(nil), tm())
        localtime_r(&now, &parts)
        let (year, month) = (Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1)
        return DICOMDate(year: year, month: month, day: Int(parts.tm_mday)) ?? .latest
    }
}
