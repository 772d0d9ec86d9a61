import ArgumentParser
import DICOM
import Foundation
import Reconcile
import StudyIndex

struct ReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile", abstract: "Find discrepancies between the copies of all studies anew.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let configuration = try global.configuration()
        try await OpenIndex.with(configuration) { open in
            let ids = try await open.index.register(configuration.sources.map(\.definition))
            let found = try await Reconciliation(index: open.index, configuration: configuration, ids: ids).run()
            let counts = Dictionary(grouping: found, by: \.discrepancyClass.rawValue).mapValues(\.count)
            let rows = counts.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] }
            Terminal.write(TextTable(header: ["class", "studies"], rows: rows).rendered())
        }
    }
}

/// Applies the rules to everything in the index, and stores what they find.
struct Reconciliation: Sendable {
    let index: StudyIndex
    let configuration: Configuration
    let ids: [String: Int32]

    func run() async throws -> [Discrepancy] {
        var found: [Discrepancy] = []
        try await index.eachStudy { _, observations in
            found += Reconciler().discrepancies(of: observations.map(Copy.init))
        }
        for group in try await index.copyCandidates() {
            found += Reconciler().probableCopies(among: group.flatMap { $0.copies.map(Copy.init) })
        }
        found += Reconciler.missingCopies(try await missingCopies())
        try await index.replaceDiscrepancies(try found.map(StoredDiscrepancy.init))
        return found
    }

    private func missingCopies() async throws -> [MissingCopy] {
        var missing: [MissingCopy] = []
        for expectation in configuration.expects {
            guard let from = ids[expectation.from], let to = ids[expectation.to] else { continue }
            let uids = Set(try await index.confirmedMissing(from: from, to: to, since: expectation.since))
            guard !uids.isEmpty else { continue }
            try await index.eachStudy { uid, observations in
                guard uids.contains(uid), let held = observations.first(where: { $0.source == expectation.from }) else {
                    return
                }
                missing.append(MissingCopy(held: Copy(held), target: expectation.to, provenAt: "", confirmedAt: ""))
            }
        }
        return missing
    }
}

extension Copy {
    init(_ observation: StoredObservation) {
        self.init(source: observation.source, issuer: observation.issuer, record: observation.record)
    }
}

extension StoredDiscrepancy {
    init(_ discrepancy: Discrepancy) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(
            discrepancyClass: discrepancy.discrepancyClass.rawValue, severity: discrepancy.severity.rawValue,
            studyUID: discrepancy.studyUID, otherUID: discrepancy.otherUID, sources: discrepancy.sources,
            frozen: String(decoding: try encoder.encode(discrepancy), as: UTF8.self))
    }
}
